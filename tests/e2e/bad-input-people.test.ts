// The wrong person, and the wrong time: what belongs to somebody is out of everybody else's reach, whatever they type, press or ask
// for by its address; and a clock that goes back neither turns messages round nor holds them up.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/gateway-process.ts';
import { openBench, pairBrowser, type Bench } from './bad-input-support.ts';

const ANN = 101;
const BOB = 202;
const TEAM = -1_009_001;
const SECRET = 'the cellar key is behind the third brick';
const HOUR_MS = 3_600_000;

describe('another person', () => {
  let bench: Bench;
  const ann = () => bench.bot.user(ANN, 'Ann');
  const bob = () => bench.bot.user(BOB, 'Bob');
  /** Nothing is on its way, in or out. */
  async function quiet(): Promise<void> {
    await waitFor('the updates to be taken', () => bench.bot.pendingUpdates().length === 0);
    await bench.settled();
  }
  /** What the bot says next in a chat to what is done there. */
  async function reply(chat: number, act: () => unknown): Promise<string> {
    await quiet();
    const before = bench.bot.messages(chat).length;
    act();
    const entry = await bench.bot.until('a reply', () => bench.bot.messages(chat)[before]);
    return entry.message.text ?? entry.message.caption ?? '';
  }
  const tell = (chat: number, text: string) => reply(chat, () => bench.bot.user(chat).dm.sendText(text));

  beforeAll(async () => {
    bench = await openBench({
      telegram: { allowed_chats: [String(TEAM)] },
      config: { gateway: { port: 0, debounce_ms: 50, allow_all_users: true } },
      script(call) {
        if (call.toolResults.length > 0) return { text: `Done: ${call.toolResults[0]?.text.slice(0, 100)}` };
        if (call.user.includes('note it'))
          return { toolCalls: [{ name: 'memory', arguments: { action: 'add', content: 'from the letter' } }] };
        if (call.user.includes('tell the world'))
          return { toolCalls: [{ name: 'send_message', arguments: { to: 'telegram', text: 'ONCE' } }] };
        return { text: `Heard: ${call.user.slice(-60)}` };
      },
    });
    await bench.start();
    ann();
    bob();
    expect(await tell(ANN, SECRET)).toContain('Heard');
    await tell(ANN, '/title Garden');
    expect(await tell(BOB, 'I am only Bob')).toContain('Heard');
  }, 60_000);
  afterAll(() => bench?.close());

  it('finds no conversation that is not theirs: not by list, word, title or id', async () => {
    const { stdout } = await bench.herald('sessions', 'list', '--person', `telegram:${ANN}`, '--json');
    const [session] = JSON.parse(stdout) as { id: string; title: string }[];
    expect(session?.title).toBe('Garden');
    for (const command of ['/sessions', '/sessions cellar', '/sessions Garden', '/resume', '/resume Garden'])
      expect(await tell(BOB, command), command).not.toMatch(/cellar key|“Garden”, \d|brick/);
    for (const id of [session?.id ?? '', (session?.id ?? '').slice(-8), (session?.id ?? '').toLowerCase()])
      expect(await tell(BOB, `/resume ${id}`), id).toMatch(/I find no conversation/);
    bench.bot.inject({
      callback_query: {
        id: '9001',
        from: bob().user,
        data: `/resume ${session?.id}`,
        message: { message_id: 1, date: 1, chat: { id: BOB, type: 'private' } },
      },
    });
    await quiet();
    expect(bench.texts(BOB).at(-1)).toMatch(/I find no conversation/);
    expect(await tell(BOB, 'what do you know?')).not.toContain('brick');
    expect(JSON.stringify(bench.model.calls.at(-1)?.body)).not.toContain('third brick');
  });

  it('saves only what is theirs', async () => {
    expect(await tell(BOB, '/save')).toContain('Here is this conversation');
    const file = bench.bot.messages(BOB).at(-1)?.file;
    const text = Buffer.from(file?.bytes ?? []).toString();
    expect(text).toContain('I am only Bob');
    expect(text).not.toContain('third brick');
  });

  it('takes over nobody with their code, and does not spoil it', async () => {
    const offered = await tell(ANN, '/link');
    const code = /code: ([A-Z2-9]{8})/.exec(offered)?.[1] ?? '';
    expect(code).toHaveLength(8);
    expect(await tell(BOB, `/link ${code}`)).toMatch(/belongs to somebody here already.*nothing was changed/);
    expect(await tell(BOB, '/whoami')).not.toContain('Ann');
    expect(await tell(BOB, `/link ${'A'.repeat(8)}`)).toMatch(/not valid/);
    // The person's own new account still can.
    const other = bench.bot.user(303, 'Ann at work');
    expect(await reply(303, () => other.dm.sendText(`/link ${code}`))).toMatch(/belongs to Ann now/);
    expect(await tell(BOB, `/link ${code}`)).toMatch(/not valid/);
  });

  it('lets nobody in without being an owner or admin', async () => {
    expect(await tell(BOB, '/pair approve ABCDEFGH')).toMatch(
      /for admins? of this|for owners? of this|Nothing was changed/,
    );
    expect(await tell(BOB, '/restart')).toMatch(/Nothing was changed/);
    expect(await tell(BOB, `/pair revoke telegram ${ANN}`)).toMatch(/Nothing was changed/);
    expect(await tell(ANN, 'still me?')).toContain('Heard: still me?');
  });

  it('cannot allow or deny what somebody else was asked', { timeout: 30_000 }, async () => {
    await tell(ANN, '/new');
    const letter = { name: 'letter.txt', mime: 'text/plain', bytes: new TextEncoder().encode('Dear Ann, …') };
    const asked = await reply(ANN, () => ann().dm.sendDocument(letter, { caption: 'note it' }));
    expect(asked).toMatch(/May I do this\?/);
    const question = bench.bot.messages(ANN).at(-1)?.message;
    const [allow, deny] = (question?.reply_markup?.inline_keyboard.flat() ?? []).map((button) =>
      'callback_data' in button ? (button.callback_data ?? '') : '',
    );
    expect(allow).toMatch(/^\/approve \S+$/);
    const before = bench.texts(BOB).length;
    bob().dm.sendText(allow ?? '');
    bob().dm.sendText('/approve');
    bob().dm.sendText(deny ?? '');
    for (const [id, place] of [
      ['9101', BOB],
      ['9102', ANN],
    ] as const)
      bench.bot.inject({
        callback_query: {
          id,
          from: bob().user,
          data: allow,
          message: { message_id: question?.message_id, date: 1, chat: { id: place, type: 'private' } },
        },
      });
    await waitFor('the refusals', () => bench.texts(BOB).length - before >= 4);
    for (const text of bench.texts(BOB).slice(before))
      expect(text).toMatch(/No request of mine is waiting for your answer/);
    expect(bench.texts(ANN).filter((text) => text.startsWith('Done'))).toEqual([]);
    ann().dm.press(question?.message_id ?? 0, allow ?? '');
    await bench.bot.waitForText(ANN, 'Done');
  });

  it('cannot allow it by pressing the button in a group that both see', { timeout: 30_000 }, async () => {
    const group = bench.bot.group({ id: TEAM, title: 'Team' });
    await reply(TEAM, () => bob().in(group).sendText('hello', { mention: true }));
    expect(await reply(TEAM, () => ann().in(group).sendText('tell the world', { mention: true }))).toMatch(
      /May I do this\?/,
    );
    const question = bench.bot.messages(TEAM).at(-1)?.message;
    const id = question?.message_id ?? 0;
    const data = /"callback_data":"(\/approve [^"]+)"/.exec(JSON.stringify(question))?.[1] ?? '';
    const before = bench.texts(TEAM).length;
    bob().in(group).press(id, data);
    await waitFor('the refusal', () => bench.texts(TEAM).length > before);
    expect(bench.texts(TEAM).at(-1)).toMatch(/No request of mine is waiting for your answer/);
    expect(bench.texts(ANN)).not.toContain('ONCE');
    ann().in(group).press(id, data);
    await bench.bot.waitForText(TEAM, 'Done');
  });

  it('cannot have an answer sent again that is not theirs', { timeout: 30_000 }, async () => {
    bench.bot.fail({ method: 'sendMessage', drop: 'after', times: 1 });
    const notice = await (async () => {
      await bench.settled();
      ann().dm.sendText('this may not arrive');
      return bench.bot.waitForText(ANN, 'I cannot tell whether');
    })();
    const data = /"callback_data":"(\/resend [^"]+)"/.exec(JSON.stringify(notice))?.[1] ?? '';
    expect(data).not.toBe('');
    const copies = () => bench.texts(ANN).filter((text) => text.startsWith('Heard: this may not arrive')).length;
    expect(copies()).toBe(1);
    expect(await tell(BOB, data)).toMatch(/nothing to send again/);
    bench.bot.inject({
      callback_query: {
        id: '9201',
        from: bob().user,
        data,
        message: { message_id: notice.message_id, date: 1, chat: { id: ANN, type: 'private' } },
      },
    });
    await quiet();
    expect(copies()).toBe(1);
    ann().dm.press(notice.message_id, data);
    await waitFor('the second copy', () => copies() === 2);
  });

  describe('with another browser', () => {
    const strangersCookie = async () => {
      const answer = await fetch(`${bench.gateway().url}/session`, { method: 'POST' });
      return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    };
    const browser = (cookie: string) => {
      return (path: string, more: RequestInit = {}) =>
        fetch(`${bench.gateway().url}${path}`, { ...more, headers: { ...more.headers, cookie } });
    };
    const json = { 'content-type': 'application/json' };

    it('opens no file and reads no line of the first', async () => {
      const first = browser(await pairBrowser(bench));
      const second = browser(await strangersCookie());
      const upload = await first('/files?name=diary.txt', {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: 'dear diary',
      });
      const { id } = (await upload.json()) as { id: string };
      expect(await (await first(`/files/${id}`)).text()).toBe('dear diary');
      const stolen = await second(`/files/${id}`);
      expect([stolen.status, await stolen.text()]).toEqual([404, expect.stringContaining('not known in this chat')]);
      const reused = await second('/messages', {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ id: 'stolen-file-1', text: 'read it', files: [id] }),
      });
      expect([reused.status, await reused.text()]).toEqual([400, expect.stringContaining('not known here')]);
      const flipped = `${id.slice(0, -4)}${id.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
      for (const forged of [flipped, '../../config.yaml', encodeURIComponent('../../.env'), 'x', 'A'.repeat(3_000)])
        expect((await first(`/files/${forged}`)).status, forged).toBe(404);
      await first('/messages', {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ id: 'private-line-1', text: 'my private line' }),
      });
      expect(await (await first('/timeline')).text()).toContain('my private line');
      expect(await (await second('/timeline')).text()).not.toContain('my private line');
    });

    it('is nobody with a cookie that was changed', async () => {
      const cookie = await strangersCookie();
      const forged = cookie.replace(/=(.)/, (_, sign: string) => `=${sign === 'x' ? 'y' : 'x'}`);
      for (const headers of [{ cookie: forged }, { cookie: cookie.split('.')[0] ?? '' }, { cookie: '' }])
        expect((await fetch(`${bench.gateway().url}/timeline`, { headers })).status).toBe(401);
    });
  });
});

describe('a clock that goes back between two starts', () => {
  let bench: Bench;
  const ann = () => bench.bot.user(ANN, 'Ann');
  afterAll(() => bench?.close());

  it(
    'leaves messages in the order of their arrival, and nothing waits for the old time',
    { timeout: 60_000 },
    async () => {
      let isFirst = true;
      bench = await openBench({
        script(call) {
          const text = `Heard: ${call.user.slice(-40)}`;
          if (!call.user.includes('slow') || !isFirst) return { text };
          isFirst = false;
          return { text, fault: 'stall' };
        },
      });
      await bench.start({ clockMs: 2 * HOUR_MS });
      ann().dm.sendText('one');
      await bench.bot.waitForText(ANN, 'Heard: one');
      // Killed with one question running, one queued behind it, and a notice that is to be sent later.
      bench.bot.fail({ method: 'sendMessage', status: 429, retryAfter: 2, times: Infinity });
      ann().dm.sendText('two, slow');
      await waitFor('the turn', async () => (await bench.status()).runningTurns === 1);
      ann().dm.sendText('three');
      await waitFor('the queue', async () => (await bench.status()).inbox['queued'] === 1);
      await waitFor('the refusal', () => bench.bot.calls.some((call) => call.status === 429));
      await bench.gateway().kill('SIGKILL');
      bench.bot.clearFaults();
      // So much later that it is a question of its own.
      ann().dm.sendText('four', { extra: { date: Math.floor(Date.now() / 1_000) + 60 } });
      await bench.start();
      for (const word of ['two', 'three', 'four']) await bench.bot.waitForText(ANN, `Heard: ${word}`, 15_000);
      await bench.settled();
      const heard = bench.texts(ANN).filter((text) => text.startsWith('Heard'));
      expect(heard.map((text) => text.slice(7, 10))).toEqual(['one', 'two', 'thr', 'fou']);
      // The model reads them in that order too.
      const last = JSON.stringify(bench.model.calls.findLast((call) => call.user.includes('four'))?.body);
      const places = ['one', 'two, slow', 'three', 'four'].map((word) => last.indexOf(`"${word}"`));
      expect(places.every((place) => place > 0)).toBe(true);
      expect(places).toEqual(places.toSorted((x, y) => x - y));
      expect((await bench.status()).inbox).toEqual({ answered: 4 });
    },
  );
});
