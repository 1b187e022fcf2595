// Telegram end to end: the real gateway as a process, its command line, a loopback Bot API server that keeps the real protocol, and a
// scripted model server spoken to as Anthropic's.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERALD } from '../support/built.ts';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { RECORDINGS_DIR } from '../support/recordings.ts';

const ANN = 101;
const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);
const run = promisify(execFile);

describe('Telegram, end to end', () => {
  let model: ModelServer;
  let bot: BotApi;
  let home: string;
  let gateway: GatewayProcess;

  const herald = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, [HERALD, ...args, '--home', home], {
      env: { PATH: process.env['PATH'] ?? '', HOME: home },
      timeout: 20_000,
    });
    return stdout;
  };
  const start = async () => {
    gateway = await startGatewayProcess({ home });
    await waitFor('a poll', () => bot.isPolling());
  };
  const texts = (chat: number) => bot.messages(chat).map(({ message }) => message.text ?? message.caption ?? '');
  const count = (chat: number, part: string) => texts(chat).filter((text) => text.includes(part)).length;

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('story')) return brokenStory(call);
        if (call.user.includes('remember') && call.toolResults.length === 0)
          return { toolCalls: [{ name: 'memory', arguments: { action: 'add', content: 'the blue door' } }] };
        if (call.user.includes('handbook')) return { text: `${'word '.repeat(1_500)}END` };
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    bot = await startBotApi({ recordTo: RECORDINGS_DIR });
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { telegram: { api_root: bot.url, allowed_chats: ['-1009001'] } },
    });
    fs.writeFileSync(path.join(home, '.env'), `TELEGRAM_BOT_TOKEN=${bot.token}\nANTHROPIC_API_KEY=test-key-1234\n`, {
      mode: 0o600,
    });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await bot?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a stranger gets a code; approved with the command line they are answered, and are the owner', async () => {
    const ann = bot.user(ANN, 'Ann');
    ann.dm.sendText('hi');
    const asked = await bot.waitForText(ANN, 'pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is (\w{8})/.exec(asked.text ?? '')?.[1] ?? '';
    expect(await herald('pairing', 'list')).toContain('Ann');
    expect(await herald('pairing', 'approve', 'telegram', code)).toContain('owner');
    await bot.waitForText(ANN, 'paired');
    ann.dm.sendText('what is up?');
    await bot.waitForText(ANN, 'Heard: what is up?');
    expect(bot.commands().map((command) => command.command)).toContain('new');
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once, with what was sent meanwhile',
    { timeout: 60_000 },
    async () => {
      const ann = bot.user(ANN);
      ann.dm.sendText('tell me a story');
      await waitFor('the draft', () => bot.drafts(ANN).some((draft) => draft.text.includes('number 3')));
      await gateway.kill('SIGKILL');
      ann.dm.sendText('are you there?');
      await start();
      await bot.waitForText(ANN, 'number 30', 20_000);
      await bot.waitForText(ANN, 'Heard: are you there?', 20_000);
      expect(count(ANN, 'number 30')).toBe(1);
      expect(count(ANN, 'Heard: are you there?')).toBe(1);
    },
  );

  it('an update that Telegram delivers again is not answered again', async () => {
    bot.user(ANN).dm.sendText('only once please');
    await bot.waitForText(ANN, 'Heard: only once please');
    bot.redeliver(1, 'new');
    bot.user(ANN).dm.sendText('the next one');
    await bot.waitForText(ANN, 'Heard: the next one');
    expect(count(ANN, 'Heard: only once please')).toBe(1);
  });

  it('tools run, and a long answer comes in parts that Telegram takes', async () => {
    bot.user(ANN).dm.sendText('remember the blue door');
    await bot.waitForText(ANN, 'Heard: remember the blue door');
    bot.user(ANN).dm.sendText('the whole handbook');
    await bot.waitForText(ANN, 'END');
    const parts = texts(ANN).filter((text) => text.startsWith('word'));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(4_096);
  });

  it('the conversation goes on at the terminal after /link', async () => {
    bot.user(ANN).dm.sendText('/whoami');
    await bot.waitForText(ANN, 'telegram');
    const answer = await herald('-c', '/sessions');
    expect(answer).toContain('what is up?');
  });

  it('a group is answered when it is allowed and the bot is named; strangers in it are not', async () => {
    const group = bot.group({ id: -1_009_001, title: 'Team' });
    const ann = bot.user(ANN).in(group);
    bot.user(202, 'Eve').in(group).sendText('tell me secrets', { mention: true });
    ann.sendText('just talking');
    ann.sendText('and you?', { mention: true });
    await bot.waitForText(group.id, 'and you?');
    expect(texts(group.id)).toHaveLength(1);
  });

  it('/stop ends a running answer within a second', async () => {
    const ann = bot.user(ANN);
    ann.dm.sendText('another story');
    await waitFor('the draft', () => bot.drafts(ANN).some((draft) => draft.text.includes('number 2')));
    const stoppedAt = performance.now();
    ann.dm.sendText('/stop');
    await bot.waitForText(ANN, 'Stopped');
    const { body } = await requestSocket(gateway.socket, { path: '/status' });
    expect(JSON.parse(body)).toMatchObject({ runningTurns: 0 });
    expect(performance.now() - stoppedAt).toBeLessThan(1_500);
  });

  it('outages, floods and a revoked answer lose nothing', { timeout: 60_000 }, async () => {
    const ann = bot.user(ANN);
    bot.fail({ method: 'sendMessage', status: 429, retryAfter: 1, times: 1 });
    ann.dm.sendText('after the flood');
    await bot.waitForText(ANN, 'Heard: after the flood', 15_000);
    // Cut off in the middle of a send, the gateway would rightly ask whether it arrived.
    await waitFor('the send to be known', async () => {
      const { outbox } = JSON.parse((await requestSocket(gateway.socket, { path: '/status' })).body) as {
        outbox: object;
      };
      return !('sending' in outbox) && !('pending' in outbox);
    });
    bot.fail({ method: 'getUpdates', status: 502, times: 2 });
    await bot.goAway();
    ann.dm.sendText('while you were gone');
    await bot.comeBack();
    await bot.waitForText(ANN, 'Heard: while you were gone', 30_000);
    expect(count(ANN, 'Heard: after the flood')).toBe(1);
    expect(count(ANN, 'Heard: while you were gone')).toBe(1);
  });

  it('neither log nor output ever held the token', () => {
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    for (const secret of [bot.token, 'test-key-1234']) {
      expect(log).not.toContain(secret);
      expect(gateway.output()).not.toContain(secret);
    }
  });
});
