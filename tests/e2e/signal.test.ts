// Signal end to end: the real gateway as a process, its command line, a loopback signal-cli-rest-api server that keeps the real
// protocol in json-rpc mode, and a scripted model server.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERALD } from '../support/built.ts';
import { runCommand } from '../support/command.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { RECORDINGS_DIR } from '../support/recordings.ts';
import { startSignalServer } from '../support/signal/server.ts';
import type { Group, Person, SignalServer } from '../support/signal/types.ts';

const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);
const TOKEN = 'herald:e2e-password-of-the-server';

describe('Signal, end to end', () => {
  let model: ModelServer;
  let signal: SignalServer;
  let ann: Person;
  let team: Group;
  let home: string;
  let gateway: GatewayProcess;

  const herald = (...args: string[]) => runCommand(home, ...args);
  /** `laterMs`: as if so much time had gone by. */
  const start = async (laterMs = 0) => {
    const shift = `data:text/javascript,const now = Date.now; Date.now = () => now.call(Date) + ${laterMs};`;
    const entry = laterMs === 0 ? {} : { entry: ['--import', shift, HERALD, 'start'] };
    gateway = await startGatewayProcess({ home, ...entry });
    await waitFor('a socket', () => signal.sockets() > 0);
  };
  const texts = (chat: string) => signal.messages(chat).map(({ text }) => text);
  const count = (part: string) => texts(ann.uuid).filter((text) => text.includes(part)).length;

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('short story')) return { text: LONG, delayMs: 25, chunkChars: 16 };
        if (call.user.includes('story')) return brokenStory(call);
        if (call.user.includes('handbook')) return { text: `${'word '.repeat(1_500)}END` };
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    signal = await startSignalServer({
      recordTo: RECORDINGS_DIR,
      authorization: `Basic ${Buffer.from(TOKEN).toString('base64')}`,
    });
    ann = signal.person('Ann');
    team = signal.group('Team');
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { signal: { url: signal.url, number: signal.number, allowed_chats: [team.id] } },
    });
    fs.writeFileSync(path.join(home, '.env'), `SIGNAL_API_TOKEN=${TOKEN}\nANTHROPIC_API_KEY=test-key-1234\n`, {
      mode: 0o600,
    });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await signal?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a stranger gets a code; approved with the command line they are answered', async () => {
    ann.dm.write('hi');
    const asked = await signal.waitForText(ann.uuid, 'pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is (\w{8})/.exec(asked.text)?.[1] ?? '';
    expect(await herald('pairing', 'list')).toContain('Ann');
    expect(await herald('pairing', 'approve', 'signal', code)).toContain('owner');
    await signal.waitForText(ann.uuid, 'paired');
    ann.dm.write('what is up?');
    const answer = await signal.waitForText(ann.uuid, 'Heard: what is up?');
    expect(answer.styles).toMatchObject([{ style: 'BOLD', length: 'what is up?'.length }]);
  });

  it('a conversation: typing shows, long answers come in parts that readers see whole, the status is told', async () => {
    ann.dm.write('tell me a short story');
    await signal.until('typing', () => signal.isTyping(ann.uuid));
    await signal.waitForText(ann.uuid, 'number 30');
    ann.dm.write('the whole handbook');
    await signal.waitForText(ann.uuid, 'END');
    const parts = texts(ann.uuid).filter((text) => text.startsWith('word'));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(2_000);
    expect(await herald('status')).toContain('Signal');
  });

  it('a group is answered when it is allowed and the account is named; strangers in it are not', async () => {
    signal.person('Eve').in(team).write('tell me secrets', { mention: true });
    ann.in(team).write('just talking');
    ann.in(team).write('and you?', { mention: true });
    await signal.waitForText(team.id, 'and you?');
    expect(texts(team.id)).toHaveLength(1);
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once',
    { timeout: 60_000 },
    async () => {
      const before = count('number 30');
      const calls = model.calls.length;
      ann.dm.write('tell me a story');
      await waitFor('the model to be asked', () => model.calls.length > calls);
      await gateway.kill('SIGKILL');
      await start();
      await waitFor('the answer', () => count('number 30') > before, 20_000);
      ann.dm.write('and now?');
      await signal.waitForText(ann.uuid, 'Heard: and now?');
      expect(count('number 30')).toBe(before + 1);
      expect(count('Heard: and now?')).toBe(1);
    },
  );

  it('kill -9 in the middle of a send: nothing is sent twice, and the doubt is told', { timeout: 60_000 }, async () => {
    const gate = Promise.withResolvers<void>();
    signal.fail({ route: 'POST /v2/send', hold: gate.promise });
    ann.dm.write('in doubt');
    // The server has taken it and says nothing.
    await signal.waitForText(ann.uuid, 'Heard: in doubt');
    await gateway.kill('SIGKILL');
    gate.resolve();
    await start();
    await signal.waitForText(ann.uuid, 'cannot tell whether this message reached you', 20_000);
    expect(texts(ann.uuid).filter((text) => text === 'Heard: in doubt')).toHaveLength(1);
  });

  it('what was written while nobody listened is lost, and that is told', { timeout: 60_000 }, async () => {
    await gateway.kill('SIGTERM');
    const lost = signal.lost();
    ann.dm.write('nobody hears this');
    expect(signal.lost()).toBe(lost + 1);
    await start(5 * 60_000);
    const told = await signal.waitForText(ann.uuid, 'I was not connected', 20_000);
    expect(told.text).toContain('send again');
    ann.dm.write('hello again');
    await signal.waitForText(ann.uuid, 'Heard: hello again');
    expect(count('nobody hears this')).toBe(0);
    expect(count('I was not connected')).toBe(1);
  });

  it('neither log nor output ever held the login', () => {
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    for (const secret of [TOKEN, TOKEN.slice(7), Buffer.from(TOKEN).toString('base64')]) {
      expect(log).not.toContain(secret);
      expect(gateway.output()).not.toContain(secret);
    }
  });
});
