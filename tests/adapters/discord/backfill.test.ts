// What was said while nobody listened: after a start, after a session that could not be resumed, within its limits, in order.
import { describe, expect, it } from 'vitest';
import { snowflakeTime } from '../../../adapters/discord/snowflake.ts';
import { advanceUntil, openRig, textsOf, type Rig } from './rig.ts';

const HISTORY = /^\/channels\/\d+\/messages$/;
const pagesOf = ({ server }: Rig) => server.calls.filter((call) => call.method === 'GET' && HISTORY.test(call.route));

/** A message that leaves a position behind. */
async function sayFirst(rig: Rig): Promise<void> {
  rig.ada.dm.say('first');
  await rig.record.waitFor((message) => message.text === 'first');
}

describe('after a start', () => {
  it('asks known DMs for what came after the last message, and nothing else', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    const before = pagesOf(rig).length;
    await rig.restart(() => {
      rig.ada.dm.say('while down');
      rig.server.sayAsBot(rig.dm.chat, 'from elsewhere');
    });
    rig.ada.dm.say('after');
    await rig.record.waitFor((message) => message.text === 'after');
    expect(textsOf(rig)).toEqual(['first', 'while down', 'after']);
    const [page, ...more] = pagesOf(rig).slice(before);
    expect(more).toEqual([]);
    expect(page?.query).toMatch(/^after=\d+&limit=100$/);
  });

  it('pages through more than one page, in order, without a gap', async () => {
    const rig = await openRig({ host: { backfill: { maxAgeMs: 3_600_000, maxMessages: 1_000 } } });
    await sayFirst(rig);
    const texts = Array.from({ length: 330 }, (_, i) => `missed ${i}`);
    await rig.restart(() => texts.forEach((text) => rig.ada.dm.say(text)), {
      backfill: { maxAgeMs: 3_600_000, maxMessages: 1_000 },
    });
    await rig.record.waitFor((message) => message.text === 'missed 329');
    expect(textsOf(rig)).toEqual(['first', ...texts]);
    expect(rig.record.gaps).toEqual([]);
  });

  it('keeps the latest of too many, and tells how many it left out', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    const first = rig.record.received[0]?.sentAt ?? 0;
    await rig.restart(() => Array.from({ length: 30 }, (_, i) => rig.ada.dm.say(`missed ${i}`)).forEach(() => {}), {
      backfill: { maxAgeMs: 3_600_000, maxMessages: 10 },
    });
    await rig.record.waitFor((message) => message.text === 'missed 29');
    expect(textsOf(rig)).toEqual(['first', ...Array.from({ length: 10 }, (_, i) => `missed ${i + 20}`)]);
    expect(rig.record.gaps).toMatchObject([{ chat: { id: rig.dm.chat, kind: 'dm' }, missed: 20, reason: 'limit' }]);
    expect(rig.record.gaps[0]?.since).toBe(first);
    expect(rig.record.gaps[0]?.until).toBe(rig.record.received[1]?.sentAt);
  });

  it('of very many it does not even count those that it leaves out', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    const before = pagesOf(rig).length;
    await rig.restart(
      () => {
        for (let i = 0; i < 450; i++) rig.ada.dm.say(`missed ${i}`);
      },
      { backfill: { maxAgeMs: 3_600_000, maxMessages: 50 } },
    );
    await rig.record.waitFor((message) => message.text === 'missed 449');
    expect(textsOf(rig).slice(1)).toEqual(Array.from({ length: 50 }, (_, i) => `missed ${i + 400}`));
    expect(rig.record.gaps).toMatchObject([{ reason: 'limit' }]);
    expect(rig.record.gaps[0]?.missed).toBeUndefined();
    expect(pagesOf(rig).length - before).toBeLessThanOrEqual(2);
  });

  it('leaves out what is too old, and tells that', async () => {
    const rig = await openRig();
    const hour = 3_600_000;
    const now = Date.now();
    rig.ada.dm.say('first', { atMs: now - 48 * hour });
    await rig.record.waitFor((message) => message.text === 'first');
    await rig.restart(() => {
      rig.ada.dm.say('a day and a half ago', { atMs: now - 36 * hour });
      rig.ada.dm.say('an hour ago', { atMs: now - hour });
    });
    await rig.record.waitFor((message) => message.text === 'an hour ago');
    expect(textsOf(rig)).toEqual(['first', 'an hour ago']);
    expect(rig.record.gaps).toMatchObject([{ missed: 1, reason: 'limit' }]);
  });

  it('messages of bots are nothing that anybody missed', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    await rig.restart(
      () => {
        for (let i = 0; i < 20; i++) rig.server.sayAsBot(rig.dm.chat, `echo ${i}`);
        rig.ada.dm.say('a person');
      },
      { backfill: { maxAgeMs: 3_600_000, maxMessages: 5 } },
    );
    await rig.record.waitFor((message) => message.text === 'a person');
    expect(textsOf(rig)).toEqual(['first', 'a person']);
    expect(rig.record.gaps).toEqual([]);
  });
});

describe('in servers', () => {
  it('fetches from channels and threads where somebody wrote, known or not, and asks no others', async () => {
    const rig = await openRig();
    const { server, ada } = rig;
    const known = server.group({ name: 'known' });
    const unknown = server.group({ name: 'unknown', beside: known });
    server.group({ name: 'quiet', beside: known });
    const forum = server.group({ name: 'forum', forum: true, beside: known });
    ada.in(known).say('seen');
    await rig.record.waitFor((message) => message.text === 'seen');
    const before = pagesOf(rig).length;
    await rig.restart(() => {
      ada.in(known).say('in the known one');
      ada.in(unknown).say('in the unknown one', { mention: true });
      forum.thread('A new post', ada, 'its first message');
    });
    await rig.record.waitUntil(() => rig.record.received.length === 4);
    const got = new Map(rig.record.received.map((message) => [message.text, message]));
    expect(got.get('in the known one')).toMatchObject({ chat: known.id, chatKind: 'group', addressed: false });
    expect(got.get('in the unknown one')).toMatchObject({ chat: unknown.id, addressed: true });
    expect(got.get('its first message')).toMatchObject({ chat: forum.id, thread: expect.any(String) });
    expect(pagesOf(rig).length - before).toBe(3);
  });

  it('a thread that was archived meanwhile is asked all the same', async () => {
    const rig = await openRig();
    const { server, ada } = rig;
    const group = server.group();
    const thread = group.thread('A thread', ada);
    ada.in(thread).say('seen');
    await rig.record.waitFor((message) => message.text === 'seen');
    await rig.restart(() => {
      ada.in(thread).say('before it was archived');
      group.archive(thread);
    });
    const got = await rig.record.waitFor((message) => message.text === 'before it was archived');
    expect(got).toMatchObject({ chat: group.id, thread: thread.id });
  });

  it('a channel that is closed to us holds nothing up', async () => {
    const rig = await openRig();
    const group = rig.server.group();
    rig.ada.in(group).say('seen');
    await rig.record.waitFor((message) => message.text === 'seen');
    await rig.restart(() => {
      rig.ada.in(group).say('unreadable');
      rig.server.fail({ route: new RegExp(`^/channels/${group.id}/messages$`), status: 403, code: 50001 });
    });
    rig.ada.in(group).say('open again');
    await rig.record.waitFor((message) => message.text === 'open again');
    expect(rig.record.gaps).toEqual([]);
  });
});

describe('a DM that nobody knew', () => {
  it('is read back to the time since when the account is used', async () => {
    const rig = await openRig();
    const eve = rig.server.person(6_001, 'Eve');
    await rig.restart(() => {
      eve.dm.say('before you were used', { atMs: Date.now() - 3_600_000 });
      eve.dm.say('hello, anybody?');
    });
    eve.dm.say('hello again');
    await rig.record.waitFor((message) => message.text === 'hello again');
    expect(textsOf(rig)).toEqual(['hello, anybody?', 'hello again']);
  });
});

describe('after a session that could not be resumed', () => {
  it('fetches what fell between, and live messages do not overtake it', async () => {
    const rig = await openRig({ fakeClock: true });
    await sayFirst(rig);
    rig.server.gateway.forgetSessions();
    rig.server.fail({ method: 'GET', route: HISTORY, delayMs: 150 });
    rig.server.gateway.disconnect();
    rig.ada.dm.say('between 1');
    rig.ada.dm.say('between 2');
    await advanceUntil(rig, () => rig.server.gateway.isOnline() && identifies(rig) === 2, 500);
    rig.ada.dm.say('live');
    await rig.record.waitFor((message) => message.text === 'live');
    expect(textsOf(rig)).toEqual(['first', 'between 1', 'between 2', 'live']);
  });

  it('a session that is resumed fetches nothing', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    const before = pagesOf(rig).length;
    rig.server.gateway.disconnect();
    rig.ada.dm.say('between');
    await rig.record.waitFor((message) => message.text === 'between');
    expect(identifies(rig)).toBe(1);
    expect(pagesOf(rig)).toHaveLength(before);
  });
});

describe('trouble on the way', () => {
  it('a message that cannot be stored stays before those that follow, and the position behind it', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    await rig.restart(() => {
      rig.ada.dm.say('missed 1');
      rig.ada.dm.say('missed 2');
    });
    await rig.record.waitFor((message) => message.text === 'missed 2');
    rig.record.failNext(3);
    rig.ada.dm.say('live 1');
    rig.ada.dm.say('live 2');
    await rig.record.waitFor((message) => message.text === 'live 2');
    expect(textsOf(rig)).toEqual(['first', 'missed 1', 'missed 2', 'live 1', 'live 2']);
  });

  it('what was not stored when the process ended is fetched at the next start', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    rig.record.failNext(1_000);
    rig.ada.dm.say('not stored');
    await rig.record.waitUntil(() => rig.record.answers.some((answer) => answer.outcome === 'failed'));
    await rig.restart();
    await rig.record.waitFor((message) => message.text === 'not stored');
    expect(textsOf(rig)).toEqual(['first', 'not stored']);
  });

  it('a history that fails is asked again, as long as Discord says', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    const before = pagesOf(rig).length;
    await rig.restart(() => {
      rig.ada.dm.say('missed');
      rig.server.fail({ method: 'GET', route: HISTORY, status: 503 });
      rig.server.fail({ method: 'GET', route: HISTORY, status: 429, retryAfterMs: 1_000 });
    });
    await rig.record.waitFor((message) => message.text === 'missed');
    const [failed, limited, served] = pagesOf(rig).slice(before);
    expect([failed?.status, limited?.status, served?.status]).toEqual([503, 429, 200]);
    expect((served?.atMs ?? 0) - (limited?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('a history that is never given is told as a gap, and what is said now goes on', async () => {
    const rig = await openRig({ fakeClock: true });
    await sayFirst(rig);
    await rig.restart(() => {
      rig.server.fail({ method: 'GET', route: HISTORY, status: 500, times: Infinity });
    });
    rig.ada.dm.say('live');
    await advanceUntil(rig, () => rig.record.received.length === 2, 10_000);
    expect(textsOf(rig)).toEqual(['first', 'live']);
    expect(rig.record.gaps).toMatchObject([{ chat: { id: rig.dm.chat }, reason: 'no-replay' }]);
  });

  it('more than can wait for the disk is fetched when there is room, in order', async () => {
    const rig = await openRig({ host: { backfill: { maxAgeMs: 3_600_000, maxMessages: 1_000 } } });
    await sayFirst(rig);
    rig.record.failNext(3);
    const texts = Array.from({ length: 700 }, (_, i) => `many ${i}`);
    for (const text of texts) rig.ada.dm.say(text);
    await rig.record.waitFor((message) => message.text === 'many 699');
    expect(textsOf(rig)).toEqual(['first', ...texts]);
    expect(rig.record.logs.some((line) => line.includes('fetched later'))).toBe(true);
    expect(rig.record.gaps).toEqual([]);
  });

  it('positions on disk are of messages that are stored', async () => {
    const rig = await openRig();
    await sayFirst(rig);
    await rig.adapter.stop();
    const position = rig.record.cursors.get(`at:${rig.dm.chat}`);
    expect(position).toBe(`${rig.record.received[0]?.id} dm`);
    expect(snowflakeTime(position?.split(' ')[0] ?? '')).toBe(rig.record.received[0]?.sentAt);
    rig.record.cursors.set(`at:${rig.dm.chat}`, 'nonsense');
    rig.record.cursors.set('listened', 'never');
    await rig.restart();
    rig.ada.dm.say('still here');
    await rig.record.waitFor((message) => message.text === 'still here');
  });
});

function identifies({ server }: Rig): number {
  return server.gateway.received.filter((frame) => frame.op === 2).length;
}
