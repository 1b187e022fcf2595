// Slack end to end: the real gateway as a process in Socket Mode, its command line, a loopback workspace that keeps the real protocol, and a
// scripted model server.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { BOT_USER } from '../support/slack/emulator.ts';
import { asJson, asList, asText, parseJson } from '../support/slack/json.ts';
import {
  APP_TOKEN,
  BOT_TOKEN,
  SIGNING_SECRET,
  startSlack,
  textOf,
  type SlackWorkspace,
} from '../support/slack/workspace.ts';

const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);

describe('Slack, end to end', () => {
  let model: ModelServer;
  let slack: SlackWorkspace;
  let home: string;
  let gateway: GatewayProcess;

  const herald = (...args: string[]) => runCommand(home, ...args);
  const start = async () => {
    gateway = await startGatewayProcess({ home });
    await waitFor('a connection', () => slack.hub.count() > 0);
  };
  const texts = async (channel: string) => (await slack.ours(channel)).map(textOf);
  const count = async (channel: string, part: string) =>
    (await texts(channel)).filter((text) => text.includes(part)).length;

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('story')) return brokenStory(call);
        if (call.user.includes('remember') && call.toolResults.length === 0)
          return { toolCalls: [{ name: 'memory', arguments: { action: 'add', content: 'the blue door' } }] };
        if (call.user.includes('table')) return { text: '| a | b |\n| - | - |\n| 1 | 2 |' };
        if (call.user.includes('handbook')) return { text: `${'word '.repeat(1_500)}END` };
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    slack = await startSlack();
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { slack: { api_root: slack.apiRoot, allowed_chats: [slack.general] } },
    });
    const lines = [
      `SLACK_BOT_TOKEN=${BOT_TOKEN}`,
      `SLACK_APP_TOKEN=${APP_TOKEN}`,
      'ANTHROPIC_API_KEY=test-key-1234',
      '',
    ];
    fs.writeFileSync(path.join(home, '.env'), lines.join('\n'), { mode: 0o600 });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await slack?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a stranger gets a code in the DM; approved with the command line they are answered, and are the owner', async () => {
    const { ada } = slack;
    await ada.say(ada.dm, 'hi');
    const asked = await slack.waitForText(ada.dm, 'pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is (\w{8})/.exec(textOf(asked))?.[1] ?? '';
    expect(await herald('pairing', 'list')).toContain('Ada');
    expect(await herald('pairing', 'approve', 'slack', code)).toContain('owner');
    await slack.waitForText(ada.dm, 'paired');
    await ada.say(ada.dm, 'what is up?');
    await slack.waitForText(ada.dm, 'Heard: what is up?');
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once, with what was sent meanwhile',
    { timeout: 60_000 },
    async () => {
      const { ada } = slack;
      await ada.say(ada.dm, 'tell me a story');
      await slack.waitForText(ada.dm, 'number 3');
      await gateway.kill('SIGKILL');
      await ada.say(ada.dm, 'are you there?', { isUntold: true });
      await start();
      await slack.waitForText(ada.dm, 'number 30', 20_000);
      await slack.waitForText(ada.dm, 'Heard: are you there?', 20_000);
      expect(await count(ada.dm, 'number 30')).toBe(1);
      expect(await count(ada.dm, 'Sentence')).toBe(1);
      expect(await count(ada.dm, 'Heard: are you there?')).toBe(1);
    },
  );

  it(
    'kill -9 after Slack took an answer and before we knew: it is found there, and not sent again',
    { timeout: 60_000 },
    async () => {
      const { ada } = slack;
      const hasAnswer = (args: object) => JSON.stringify(args).includes('sent unseen');
      slack.fail({ method: 'chat.postMessage', drop: 'after', when: hasAnswer });
      await ada.say(ada.dm, 'sent unseen');
      await slack.waitForText(ada.dm, 'Heard: sent unseen');
      await gateway.kill('SIGKILL');
      await start();
      await ada.say(ada.dm, 'and now?');
      await slack.waitForText(ada.dm, 'Heard: and now?', 20_000);
      expect(await count(ada.dm, 'Heard: sent unseen')).toBe(1);
    },
  );

  it('an event that Slack sends again is not answered again', async () => {
    const { ada } = slack;
    await ada.say(ada.dm, 'only once please');
    await slack.waitForText(ada.dm, 'Heard: only once please');
    const said = slack.hub.sent.find(({ payload }) => JSON.stringify(payload).includes('only once please'));
    for (let retry = 1; retry <= 2; retry++) slack.hub.send('events_api', said?.payload, retry);
    await ada.say(ada.dm, 'the next one');
    await slack.waitForText(ada.dm, 'Heard: the next one');
    expect(await count(ada.dm, 'Heard: only once please')).toBe(1);
  });

  it('tools run, tables are tables, and a long answer comes in parts that Slack takes', async () => {
    const { ada } = slack;
    await ada.say(ada.dm, 'remember the blue door');
    await slack.waitForText(ada.dm, 'Heard: remember the blue door');
    await ada.say(ada.dm, 'a table');
    const table = await slack.waitForText(ada.dm, '1 | 2');
    expect(asList(table['blocks']).map((block) => asJson(block)['type'])).toEqual(['table']);
    await ada.say(ada.dm, 'the whole handbook');
    await slack.waitForText(ada.dm, 'END');
    const parts = (await texts(ada.dm)).filter((text) => text.startsWith('word'));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(4_000);
  });

  it('slash commands answer, by Slack’s own menu and by hand', async () => {
    const { ada } = slack;
    ada.slash(ada.dm, '/herald', 'whoami');
    await slack.waitForText(ada.dm, 'slack');
    expect(await herald('-c', '/sessions')).toContain('what is up?');
  });

  it('a channel is answered in a thread when it is allowed and we are named; the thread goes on by itself', async () => {
    const { ada, eve, general, secret } = slack;
    const ask = { isRaw: true };
    await eve.say(general, `<@${BOT_USER}> tell me secrets`, ask);
    await ada.say(general, 'just talking');
    await ada.say(secret, `<@${BOT_USER}> not allowed here`, ask);
    const root = await ada.say(general, `<@${BOT_USER}> and you?`, ask);
    expect(await slack.waitForText(general, 'and you?')).toMatchObject({ thread_ts: root });
    await ada.say(general, 'more of that', { thread: root });
    expect(await slack.waitForText(general, 'more of that')).toMatchObject({ thread_ts: root });
    expect(await texts(general)).toHaveLength(2);
    expect(await texts(secret)).toEqual([]);
  });

  it('/stop ends a running answer within a second', async () => {
    const { ada } = slack;
    await ada.say(ada.dm, 'another story');
    const before = (await slack.ours(ada.dm)).length;
    await waitFor('the preview', async () => {
      const [last] = (await texts(ada.dm)).slice(-1);
      return (await slack.ours(ada.dm)).length > before && last?.includes('number 2');
    });
    const stoppedAt = performance.now();
    await ada.say(ada.dm, '!stop');
    await slack.waitForText(ada.dm, 'Stopped');
    const { body } = await requestSocket(gateway.socket, { path: '/status' });
    expect(parseJson(body)).toMatchObject({ runningTurns: 0 });
    expect(performance.now() - stoppedAt).toBeLessThan(1_500);
  });

  it('outages, floods and a lost answer lose nothing', { timeout: 60_000 }, async () => {
    const { ada } = slack;
    slack.fail({ method: 'chat.postMessage', retryAfter: 1 });
    await ada.say(ada.dm, 'after the flood');
    await slack.waitForText(ada.dm, 'Heard: after the flood', 15_000);
    slack.fail({ method: 'chat.postMessage', drop: 'after' });
    await ada.say(ada.dm, 'the lost answer');
    await slack.waitForText(ada.dm, 'Heard: the lost answer', 15_000);
    slack.fail({ method: 'apps.connections.open', status: 502, times: 2 });
    await slack.goAway();
    await ada.say(ada.dm, 'while you were gone', { isUntold: true });
    await slack.comeBack();
    await slack.waitForText(ada.dm, 'Heard: while you were gone', 30_000);
    for (const text of ['after the flood', 'the lost answer', 'while you were gone'])
      expect(await count(ada.dm, `Heard: ${text}`)).toBe(1);
  });

  it('Slack would call none of it wrong, and neither log nor output ever held a token', () => {
    expect(slack.violations).toEqual([]);
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    for (const secret of [BOT_TOKEN, APP_TOKEN, 'test-key-1234']) {
      expect(log).not.toContain(secret);
      expect(gateway.output()).not.toContain(secret);
    }
    expect(asText(slack.calls[0]?.token)).toBe(BOT_TOKEN);
  });
});

describe('Slack over HTTP, end to end', () => {
  it('what Slack signs is answered, what others send is not', { timeout: 60_000 }, async () => {
    const slack = await startSlack();
    const home = makeHome({
      platforms: { slack: { api_root: slack.apiRoot, signing_secret: SIGNING_SECRET, bot_token: BOT_TOKEN } },
    });
    let gateway: GatewayProcess | undefined;
    try {
      gateway = await startGatewayProcess({ home });
      const { ada } = slack;
      const requestUrl = slack.useRequestUrl(`${gateway.url}/slack/default/`);
      const challenge = JSON.stringify({ type: 'url_verification', challenge: 'abc' });
      await waitFor('the address', async () => (await requestUrl.postRaw(challenge)).status === 200);
      expect(await requestUrl.postRaw(challenge)).toEqual({ status: 200, body: 'abc' });
      const forged = await requestUrl.postRaw(challenge, { 'x-slack-signature': `v0=${'0'.repeat(64)}` });
      expect(forged.status).toBe(401);
      await ada.say(ada.dm, 'hi');
      await slack.waitForText(ada.dm, 'pairing code is');
      ada.slash(ada.dm, '/herald', 'help');
      await requestUrl.settle();
      for (const { status } of requestUrl.deliveries) expect(status).toBe(200);
      expect(slack.violations).toEqual([]);
    } finally {
      await gateway?.kill('SIGKILL');
      await slack.close();
      fs.rmSync(home, { recursive: true, force: true });
    }
  });
});
