// Services that refuse, break or vanish: wrong tokens and keys, a model that is down, answers garbage or falls silent. People are told
// what to do, nothing is lost, and everything else goes on.
import fs from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/gateway-process.ts';
import { openBench, readConfig, writeConfig, type Bench } from './bad-input-support.ts';

const ANN = 101;
const echo = (call: { user: string }) => ({ text: `Heard: ${call.user.slice(-60)}` });

const telegramOf = async (bench: Bench) =>
  (await bench.status()).adapters.find((adapter) => adapter.platform === 'telegram');

describe('a Telegram token that is refused', () => {
  let bench: Bench | undefined;
  afterEach(async () => {
    await bench?.close();
    bench = undefined;
  });

  it('at the start: the other platforms serve, and everything says what to do', { timeout: 60_000 }, async () => {
    const opened = (bench = await openBench({ script: echo }));
    const envFile = path.join(opened.home, '.env');
    const good = fs.readFileSync(envFile, 'utf8');
    const wrong = '7000000001:AAwrong-token_0123456789abcdefghijklm';
    fs.writeFileSync(envFile, `TELEGRAM_BOT_TOKEN=${wrong}\n`);
    opened.bot.user(ANN, 'Ann').dm.sendText('is anybody there?');
    await opened.start({ poll: false });
    expect(await telegramOf(opened)).toMatchObject({
      state: 'needs-login',
      detail: expect.stringMatching(/refuses the bot token.*BotFather.*TELEGRAM_BOT_TOKEN/),
    });
    await opened.say('and here?');
    await opened.waitForLine('Heard: and here?');
    expect((await opened.herald('status')).stdout).toMatch(/Telegram.*needs-login.*BotFather/);
    const doctor = await opened.herald('doctor');
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/Telegram.*(?:does not know this token|refuses the bot token)/);
    for (const text of [opened.log(), opened.gateway().output(), doctor.stdout]) expect(text).not.toContain(wrong);
    // With the right one, what was said meanwhile is answered.
    await opened.gateway().kill('SIGTERM');
    fs.writeFileSync(envFile, good);
    await opened.start();
    await opened.bot.waitForText(ANN, 'Heard: is anybody there?');
  });

  it(
    'while running: the answer waits, the rest goes on, and a new login delivers it once',
    { timeout: 60_000 },
    async () => {
      const opened = (bench = await openBench({
        script: (call) => ({ ...echo(call), ...(call.user.includes('slow') ? { delayMs: 200, chunkChars: 10 } : {}) }),
      }));
      await opened.start();
      opened.bot.user(ANN, 'Ann').dm.sendText('a slow question');
      await waitFor('the turn', async () => (await opened.status()).runningTurns === 1);
      opened.bot.fail({ status: 401, times: Infinity, method: 'getUpdates' });
      opened.bot.fail({ status: 401, times: Infinity, method: 'sendMessage' });
      opened.bot.disconnect();
      await waitFor('the state', async () => (await telegramOf(opened))?.state === 'needs-login');
      await waitFor('the answer', async () => (await opened.status()).inbox['answered'] === 1);
      await opened.say('meanwhile');
      await opened.waitForLine('Heard: meanwhile');
      await waitFor('the answer to be kept for later', async () => (await opened.status()).outbox['pending'] === 1);
      const doctor = await opened.herald('doctor');
      expect(doctor.stdout).toMatch(/Telegram is needs-login.*BotFather/);
      opened.bot.user(ANN).dm.sendText('while logged out');
      opened.bot.clearFaults();
      await opened.gateway().kill('SIGTERM');
      await opened.start();
      await opened.bot.waitForText(ANN, 'Heard: a slow question');
      await opened.bot.waitForText(ANN, 'Heard: while logged out');
      await opened.settled();
      expect(opened.texts(ANN).filter((text) => text.includes('slow question'))).toHaveLength(1);
    },
  );
});

describe('a wrong key of the model service', () => {
  it('is told to the person; corrected and read again, /retry answers', { timeout: 60_000 }, async () => {
    const bench = await openBench({ script: echo, keys: ['right-key-4321'] });
    try {
      await bench.start();
      const ann = bench.bot.user(ANN, 'Ann');
      ann.dm.sendText('what is the key?');
      const told = await bench.bot.waitForText(ANN, 'did not accept the key');
      expect(told.text).toMatch(/401.*Your message is kept.*herald setup.*\/retry/);
      expect(told.text).not.toContain('test-key-1234');
      const config = readConfig(bench.home);
      writeConfig(bench.home, { ...config, model: { ...config['model'], api_key: 'right-key-4321' } });
      expect((await bench.herald('reload')).code).toBe(0);
      ann.dm.sendText('/retry');
      await bench.bot.waitForText(ANN, 'Heard: what is the key?');
      await bench.settled();
      expect(bench.texts(ANN).filter((text) => text.startsWith('Heard'))).toHaveLength(1);
      for (const key of ['test-key-1234', 'right-key-4321']) expect(bench.log()).not.toContain(key);
    } finally {
      await bench.close();
    }
  });
});

/** A model service that answers as the last words of the request say, until it is mended. */
async function startBrokenModel() {
  let isMended = false;
  const answered: string[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const mode = /"mode: ([a-z0-9 -]+)"(?!.*"mode: )/.exec(body)?.[1] ?? 'none';
      answered.push(mode);
      if (isMended) sendGood(response, `All is well after ${mode}.`);
      else (BROKEN[mode]?.answer ?? sendNothing)(response, request.url ?? '');
    });
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const shut = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    url: `http://127.0.0.1:${port}/v1`,
    answered,
    mend: () => (isMended = true),
    goAway: shut,
    comeBack: () => listen(port),
    close: () => (server.listening ? shut() : Promise.resolve()),
  };
}

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const sse = { 'content-type': 'text/event-stream' };

function sendGood(response: ServerResponse, text: string): void {
  response.writeHead(200, sse);
  response.end(`${chunk({ role: 'assistant', content: text })}${chunk({}, 'stop')}data: [DONE]\n\n`);
}

function sendNothing(response: ServerResponse): void {
  response.writeHead(200, sse).end();
}

interface BrokenAnswer {
  answer(response: ServerResponse, url: string): void;
  /** What the person is told. */
  told: RegExp;
}

const BROKEN: Record<string, BrokenAnswer> = {
  html: {
    answer: (response) =>
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<html><body>Sign in to the hotel Wi-Fi</body></html>'),
    told: /broken or empty answer/,
  },
  'html as a stream': {
    answer: (response) => response.writeHead(200, sse).end('<html>data: data: nothing</html>\n\n'),
    told: /broken or empty answer/,
  },
  'no bytes': { answer: sendNothing, told: /broken or empty answer/ },
  'half a stream': {
    answer: (response) =>
      response.writeHead(200, sse).end(`${chunk({ content: 'Half an ans' })}data: {"choices":[{"del`),
    told: /broken or empty answer/,
  },
  'json that is none': {
    answer: (response) => response.writeHead(200, sse).end('data: {"choices": oops}\n\ndata: [DONE]\n\n'),
    told: /broken or empty answer/,
  },
  'wrong types': {
    answer: (response) =>
      response
        .writeHead(200, sse)
        .end('data: {"choices":[{"delta":{"content":{"a":1},"tool_calls":"x"}}]}\n\ndata: 7\n\ndata: null\n\n'),
    told: /broken or empty answer/,
  },
  'a list': {
    answer: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[[],{"choices":null}]'),
    told: /broken or empty answer/,
  },
  'a proxy error': {
    answer: (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    told: /overloaded or has a fault|cannot be reached/,
  },
  'a redirect in a circle': {
    answer: (response, url) => response.writeHead(307, { location: url }).end(),
    told: /cannot be reached|broken or empty answer/,
  },
  'a cut connection': {
    answer: (response) => void response.socket?.destroy(),
    told: /cannot be reached|broken or empty answer/,
  },
};

describe('a model service that is broken', () => {
  let bench: Bench;
  let broken: Awaited<ReturnType<typeof startBrokenModel>>;
  const chatOf = (mode: string) => mode.replaceAll(' ', '-');

  beforeAll(async () => {
    broken = await startBrokenModel();
    bench = await openBench({
      script: echo,
      config: {
        gateway: { port: 0, max_concurrent_turns: 20 },
        sessions: { dm_scope: 'chat' },
        model: { provider: 'custom', base_url: broken.url, name: 'm', api_key: 'test-key-1234' },
      },
    });
    await bench.start();
  }, 60_000);
  afterAll(async () => {
    await bench?.close();
    await broken?.close();
  });

  it('silent in the middle: /stop ends it at once, and others are not held up', { timeout: 30_000 }, async () => {
    BROKEN['stall'] = {
      answer: (response) => void response.writeHead(200, sse).write(chunk({ content: 'Well' })),
      told: /x/,
    };
    await bench.say('mode: stall', { chat: 'stall' });
    await waitFor('the call', () => broken.answered.includes('stall'));
    const stoppedAt = performance.now();
    await bench.say('/stop', { chat: 'stall' });
    await bench.waitForLine('Stopped', { chat: 'stall' });
    expect(performance.now() - stoppedAt).toBeLessThan(1_500);
    delete BROKEN['stall'];
  });

  it('in any way: each person is told, and /retry answers when it is mended', { timeout: 60_000 }, async () => {
    const modes = Object.keys(BROKEN);
    await Promise.all(modes.map((mode) => bench.say(`mode: ${mode}`, { chat: chatOf(mode) })));
    for (const [mode, { told }] of Object.entries(BROKEN)) {
      const line = await bench.waitForLine('/retry', { chat: chatOf(mode), timeoutMs: 30_000 });
      expect(line.said, mode).toMatch(told);
      expect(line.said, mode).toMatch(/Your message is kept/);
      expect(line.said, mode).not.toMatch(/Half an ans|hotel|Bad gateway|TypeError|undefined/);
    }
    broken.mend();
    await Promise.all(modes.map((mode) => bench.say('/retry', { chat: chatOf(mode) })));
    for (const mode of modes) await bench.waitForLine(`All is well after ${mode}.`, { chat: chatOf(mode) });
    await bench.settled();
  });

  it('not there at all: told, and answered when it is back', { timeout: 60_000 }, async () => {
    await broken.goAway();
    await bench.say('mode: down', { chat: 'down' });
    const line = await bench.waitForLine('cannot be reached', { chat: 'down', timeoutMs: 30_000 });
    expect(line.said).toMatch(/Your message is kept; check the network or the address and send \/retry/);
    await broken.comeBack();
    await bench.say('/retry', { chat: 'down' });
    await bench.waitForLine('All is well after down.', { chat: 'down' });
  });
});
