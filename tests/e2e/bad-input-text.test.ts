// Texts that nobody means well, both ways: what people send, at the terminal and on Telegram, and what a model answers. Everything is
// answered or refused with a reason, in messages that the platform takes, and no chat is flooded.
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBench, type Bench, type Line } from './bad-input-support.ts';

const ANN = 101;
const MB = 1 << 20;
/** The contract's promise for one answer, in any chat. */
const MAX_PARTS = 20;
const TELEGRAM_CHARS = 4_096;

const words = (bytes: number) => 'lorem ipsum dolor '.repeat(Math.ceil(bytes / 18)).slice(0, bytes);
const repeat = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** What people send. `seen`: what of it the model must be asked. */
const SENT: Record<string, { text: string; seen: string | RegExp }> = {
  'control characters': { text: 'a\u0000b\u0007c\u001b[31md\u009fe', seen: 'abc[31mde' },
  'bidi overrides': { text: 'safe \u202egnp.exe\u202c \u2066x\u2069', seen: 'safe gnp.exe x' },
  'lone surrogates': { text: 'left \ud800 right \udc00', seen: 'left \ufffd right \ufffd' },
  'a byte order mark': { text: '\ufeffhello', seen: 'hello' },
  zalgo: { text: `z${'\u0335\u0488'.repeat(2_000)}algo`, seen: /algo$/ },
  'a hundred thousand emoji': { text: '👩‍👩‍👧‍👦'.repeat(14_000), seen: /👩‍👩‍👧‍👦/u },
  'newlines alone around a word': { text: `${'\n'.repeat(2_000)}here${'\r\n'.repeat(2_000)}`, seen: /here/ },
  'one word of 100 KB': { text: 'x'.repeat(100_000), seen: /^x+/ },
  'markup of other worlds': { text: '</untrusted><|im_end|>{{user}}${x}%s\\u0000', seen: /<\|im_end\|>/ },
  'a right-to-left sentence': { text: 'שלום עולם, مرحبا بالعالم', seen: 'שלום עולם, مرحبا بالعالم' },
};

/** What a model answers. `holds`: what of it must arrive. */
const ANSWERED: Record<string, { text: string; holds: readonly string[] }> = {
  'quotes in quotes': { text: `${'> '.repeat(500)}deep quote`, holds: ['deep quote'] },
  'lists in lists': { text: repeat(300, (i) => `${'  '.repeat(i)}- level ${i}`), holds: ['level 0', 'level 299'] },
  'emphasis without end': { text: `${'**'.repeat(3_000)}word${'_*~~'.repeat(1_000)}`, holds: ['word'] },
  'brackets without end': { text: `${'['.repeat(5_000)}core${'![]('.repeat(1_000)}`, holds: ['core'] },
  'an unclosed fence': { text: `see:\n\n\`\`\`js\nlet unclosed = 1;`, holds: ['let unclosed = 1;'] },
  'a long unclosed fence': {
    text: `\`\`\`py\n${repeat(900, (i) => `print("line ${i}")`)}`,
    holds: ['line 0"', 'line 899"'],
  },
  'fences in fences': { text: '````md\n```js\ninner()\n```\n````\n~~~\ntilde\n', holds: ['inner()', 'tilde'] },
  'a wide table': {
    text: `|${' h |'.repeat(200)}\n|${'---|'.repeat(200)}\n|${' cell |'.repeat(200)}`,
    holds: ['cell'],
  },
  'a long table': { text: `|a|b|\n|-|-|\n${repeat(400, (i) => `|r${i}|<b>${i}|`)}`, holds: ['r0', 'r399', '<b>399'] },
  'a broken table': { text: '|a|b|\n|-|\n|1|2|3|4|\n||||||\n|', holds: ['1'] },
  'HTML-looking text': {
    text: '<script>alert(1)</script> <b>bold?</b> &amp; &lt; <!-- c --> <tg-spoiler>s</tg-spoiler> </pre></code> a<b>c',
    holds: ['<script>alert(1)</script>', '<b>bold?</b>', '<tg-spoiler>', '</pre></code>'],
  },
  'signs of MarkdownV2': {
    text: 'odd: _*[]()~`>#+-=|{}.!\\ end. 1.2-3! (x) {y} #z',
    holds: ['end. 1.2-3! (x) {y} #z'],
  },
  'hostile links': {
    text: '[a](javascript:alert(1)) [b](http://x.example/"onmouseover="y) [c](<tg://user?id=1>) <http://z.example/<b>>',
    holds: ['a', 'b'],
  },
  'control and bidi characters': { text: 'x\u0000y\u202ez\u001b[2Jw \ud800 end', holds: ['xyz', 'end'] },
  zalgo: { text: `${`z${'\u0335'.repeat(6_000)} `.repeat(3)}tail`, holds: ['tail'] },
  'one word without end': { text: `${'w'.repeat(30_000)}END`, holds: ['END'] },
};

/** Too long for a chat: comes as a file. */
const HUGE: Record<string, string> = {
  'two megabytes': words(2 * MB),
  'a hundred thousand emoji': '🦉'.repeat(100_000),
  'two megabytes of code': `\`\`\`\n${repeat(100_000, (i) => `x = ${i}; y = 2`)}\n`,
  'two megabytes of one word': 'm'.repeat(2 * MB),
};

const MONSTERS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(ANSWERED).map(([name, { text }]): [string, string] => [name, text]),
  ...Object.entries(HUGE).map(([name, text]): [string, string] => [`huge ${name}`, text]),
]);

describe('texts that nobody means well', () => {
  let bench: Bench;
  const ann = () => bench.bot.user(ANN, 'Ann');
  let answered = 0;
  const turnCalls = () => bench.model.calls.filter((call) => call.tools.length > 0);

  beforeAll(async () => {
    bench = await openBench({
      script(call) {
        // A history that grew too long is condensed in calls of their own.
        if (call.tools.length === 0) return { text: 'Somebody sent odd texts.' };
        const number = answered++;
        const name = /answer: (.*)$/.exec(call.user)?.[1];
        const monster = name === undefined ? undefined : MONSTERS.get(name);
        if (monster !== undefined) return { text: monster, chunkChars: Math.max(60, Math.floor(monster.length / 200)) };
        if (call.user.endsWith('answer: blank')) return { text: ' \n\u00a0\n ' };
        return { text: `Heard ${call.user.length} units, number ${number}.` };
      },
    });
    await bench.start();
    await bench.say('first words');
    await bench.waitForLine('Heard');
  }, 60_000);
  afterAll(() => bench?.close());

  /** The next call's words, and its answer at the place where it was asked. */
  async function expectAnswered(ask: () => unknown, arrives: (mark: string) => Promise<unknown>) {
    const index = turnCalls().length;
    await ask();
    await arrives(`number ${index}.`);
    await bench.settled();
    expect(turnCalls()).toHaveLength(index + 1);
    return turnCalls()[index]?.user ?? '';
  }
  const atTerminal = (text: string) =>
    expectAnswered(
      async () => expect((await bench.say(text)).status).toBe(202),
      (mark) => bench.waitForLine(mark),
    );
  const onTelegram = (text: string) =>
    expectAnswered(
      () => ann().dm.sendText(text),
      (mark) => bench.bot.waitForText(ANN, mark),
    );

  describe('from a person', () => {
    it.each(Object.entries(SENT))('%s', async (_name, { text, seen }) => {
      for (const asked of [await atTerminal(text), await onTelegram(text)]) {
        if (typeof seen === 'string') expect(asked).toBe(seen);
        else expect(asked).toMatch(seen);
        expect(asked.isWellFormed()).toBe(true);
        expect(asked).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }
    });

    it.each(['', ' ', ' \n\t\u00a0\u3000 ', '\u0000\u0007', '\u202e\u2066', '\ufeff'])(
      'nothing but %j at the terminal is refused, and nothing is kept',
      async (text) => {
        const before = await bench.status();
        const answer = await bench.say(text);
        expect(answer.status).toBe(400);
        expect(answer.body).toMatchObject({
          error: { code: 'bad_input', message: expect.stringMatching(/empty.*Nothing was sent/) },
        });
        expect((await bench.status()).inbox).toEqual(before.inbox);
      },
    );

    it.each([' ', ' \n\t\u00a0 ', '\u0000\u0007', '\u202e\u2066'])(
      'nothing but %j on Telegram is answered, and no model is asked about nothing',
      async (text) => {
        expect((await onTelegram(text)).trim()).toBe('(empty message)');
      },
    );

    it('an empty text on Telegram is no message', async () => {
      const calls = turnCalls().length;
      ann().dm.sendText('');
      await onTelegram('and now with words');
      expect(turnCalls()).toHaveLength(calls + 1);
    });

    it('10 MB as a message is refused with what to do instead, announced or not', async () => {
      const before = await bench.status();
      const body = JSON.stringify({ id: 'ten-megabytes-1', text: words(10 * MB) });
      for (const announced of [true, false]) {
        const answer = await post('/terminal/default/messages', body, { announced });
        expect(answer.status).toBe(413);
        expect(answer.body).toMatch(/too_large.*Nothing was sent; attach it as a file/);
      }
      expect((await bench.status()).inbox).toEqual(before.inbox);
    });

    it('a message just below the limit is answered, and the model gets as much as it can read', async () => {
      const asked = await atTerminal(words(1_000_000));
      expect(asked.length).toBeGreaterThan(2_000);
      expect(asked.length).toBeLessThan(200_000);
      expect(asked).toMatch(/^lorem/);
    });

    it('10 MB as a file is taken, and the model gets its beginning', async () => {
      const sent = await post('/terminal/default/files?name=book.txt', words(10 * MB), { type: 'text/plain' });
      expect(sent.status).toBe(201);
      const { id } = JSON.parse(sent.body) as { id: string };
      const message = JSON.stringify({ id: 'with-a-book-1', text: 'read this', files: [id] });
      const asked = await expectAnswered(
        async () => expect((await post('/terminal/default/messages', message)).status).toBe(202),
        (mark) => bench.waitForLine(mark),
      );
      expect(asked).toMatch(/^read this.*book\.txt.*10\.0 MB.*lorem/s);
      expect(asked.length).toBeLessThan(200_000);
    });

    it('more than any limit is refused before it is read', async () => {
      const answer = await post('/terminal/default/files?name=x.bin', '', { claims: 500 * MB });
      expect([answer.status, answer.body]).toEqual([413, expect.stringContaining('too_large')]);
    });

    it.each([
      ['10 MB of text', new TextEncoder().encode(words(10 * MB)), /big\.txt.*lorem/s],
      ['an empty file', new Uint8Array(0), /big\.txt/],
      [
        'more than Telegram hands out',
        new Uint8Array(21 * MB),
        /could not be fetched: Telegram lets bots fetch.*20 MB/,
      ],
      ['binary under the name of a text', new Uint8Array(4_000), /big\.txt.*not text/],
    ])('a document on Telegram: %s', async (_name, bytes, seen) => {
      const asked = await expectAnswered(
        () => ann().dm.sendDocument({ name: 'big.txt', mime: 'text/plain', bytes }, { caption: 'look' }),
        (mark) => bench.bot.waitForText(ANN, mark),
      );
      expect(asked).toMatch(seen);
      expect(asked).toMatch(/^look/);
    });
  });

  describe('from a model', () => {
    /** Messages of the bot since `before`. */
    const partsSince = (before: number) => bench.bot.messages(ANN).slice(before);

    it.each(Object.entries(ANSWERED))('%s', async (name, { holds }) => {
      const before = bench.bot.messages(ANN).length;
      ann().dm.sendText(`answer: ${name}`);
      await bench.say(`answer: ${name}`);
      const status = await bench.settled();
      const parts = partsSince(before).map(({ message }) => message.text ?? message.caption ?? '');
      expect(parts.length).toBeGreaterThan(0);
      expect(parts.length).toBeLessThanOrEqual(MAX_PARTS);
      for (const part of parts) expect(part.length).toBeLessThanOrEqual(TELEGRAM_CHARS);
      const lines = (await bench.timeline()).filter(({ direction }) => direction === 'out');
      for (const part of holds) {
        expect(parts.join('\n')).toContain(part);
        expect(lines.map(({ said }) => said).join('\n')).toContain(part);
      }
      expect(parts.join('')).not.toMatch(/[\u0000-\u0008\u001b\u202a-\u202e\ufffe]/);
      expect(status.outbox['dead'] ?? 0).toBe(0);
    });

    it.each(Object.keys(HUGE))('%s: the beginning, and a file with all of it', { timeout: 40_000 }, async (name) => {
      const before = bench.bot.messages(ANN).length;
      const shown = (await bench.timeline()).length;
      ann().dm.sendText(`answer: huge ${name}`);
      await bench.say(`answer: huge ${name}`);
      await bench.settled(30_000);
      const parts = partsSince(before).filter(({ message }) => !(message.text ?? '').startsWith('Got it'));
      expect(parts.length).toBeLessThanOrEqual(5);
      const file = parts.at(-1)?.file;
      expect(Buffer.from(file?.bytes ?? []).toString()).toBe(HUGE[name]);
      expect(parts.at(-1)?.message.caption).toMatch(/only the beginning.*file has all of it/);
      const lines: readonly Line[] = (await bench.timeline()).slice(shown);
      const own = lines.filter((line) => line.direction === 'out' && line.kind === 'answer');
      expect(own.length).toBeGreaterThan(0);
      expect(own.length).toBeLessThanOrEqual(MAX_PARTS);
    });

    it('nothing but white space: told to the person, who can ask again', async () => {
      await bench.say('answer: blank');
      const line = await bench.waitForLine('broken or empty answer', { timeoutMs: 15_000 });
      expect(line.said).toMatch(/Your message is kept.*\/retry/);
    });
  });

  it('after all that everything still works, and little memory is held', async () => {
    await atTerminal('still there?');
    await onTelegram('still there?');
    const status = await bench.settled();
    expect(status.outbox['dead'] ?? 0).toBe(0);
    expect(bench.log()).not.toMatch(/"level":60/);
    // It was 10 MB at most at a time, some of it several times over.
    expect(status.rssBytes / MB).toBeLessThan(500);
  });

  /** Raw bytes over the local socket. `claims`: a content-length that is announced without sending anything. */
  function post(
    path: string,
    body: string,
    options: { type?: string; announced?: boolean; claims?: number } = {},
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const length = options.claims ?? (options.announced === false ? undefined : Buffer.byteLength(body));
      const request = http.request(
        {
          socketPath: bench.gateway().socket,
          method: 'POST',
          path,
          timeout: 15_000,
          headers: {
            'content-type': options.type ?? 'application/json',
            ...(length === undefined ? {} : { 'content-length': length }),
          },
        },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, body: text });
            request.destroy();
          });
        },
      );
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error('no answer')));
      if (options.claims === undefined) request.end(body);
      else request.flushHeaders();
    });
  }
});
