// Mattermost end to end: the real gateway as a process, its command line, a loopback Mattermost server, and a scripted model server.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startMattermost, type MattermostServer } from '../support/mattermost/server.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);

describe('Mattermost, end to end', () => {
  let model: ModelServer;
  let server: MattermostServer;
  let home: string;
  let gateway: GatewayProcess;

  const herald = (...args: string[]) => runCommand(home, ...args);
  const start = async () => {
    gateway = await startGatewayProcess({ home });
    await waitFor('a socket', () => server.hub.count() > 0);
  };
  const write = (text: string) => server.world.post(server.ann.id, server.dm, text);
  const count = (part: string) => server.ours(server.dm.id).filter(({ message }) => message.includes(part)).length;

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('story')) return brokenStory(call);
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    server = await startMattermost();
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { mattermost: { url: server.url, allowed_chats: [server.town.id] } },
    });
    fs.writeFileSync(path.join(home, '.env'), `MATTERMOST_TOKEN=${server.token}\nANTHROPIC_API_KEY=test-key-1234\n`, {
      mode: 0o600,
    });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await server?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a stranger gets a code; approved with the command line they are answered', async () => {
    write('hi');
    const asked = await server.waitForText(server.dm.id, 'pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is \W*(\w{8})/.exec(asked.message)?.[1] ?? '';
    expect(await herald('pairing', 'list')).toContain('Ann');
    expect(await herald('pairing', 'approve', 'mattermost', code)).toContain('owner');
    await server.waitForText(server.dm.id, 'paired');
    write('what is up?');
    await server.waitForText(server.dm.id, 'Heard: **what is up?**');
  });

  it('in a channel the answer comes in a thread under the question, and the thread goes on without the name', async () => {
    const question = server.world.post(server.ann.id, server.town, '@herald and you?');
    const answer = await server.waitForText(server.town.id, 'and you?');
    expect(answer.root_id).toBe(question.id);
    server.world.post(server.ann.id, server.town, 'go on', { root_id: question.id });
    expect((await server.waitForText(server.town.id, 'go on')).root_id).toBe(question.id);
  });

  it('commands, typed with an exclamation mark, and the status', async () => {
    write('!help');
    await server.waitForText(server.dm.id, '/new');
    expect(await herald('status')).toContain('Mattermost');
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once',
    { timeout: 60_000 },
    async () => {
      const calls = model.calls.length;
      write('tell me a story');
      await waitFor('the model to be asked', () => model.calls.length > calls);
      await waitFor('the beginning of the answer', () => count('number 1 ') > 0);
      await gateway.kill('SIGKILL');
      write('and now?');
      await start();
      await waitFor('the answer', () => count('number 30') > 0, 20_000);
      await server.waitForText(server.dm.id, 'Heard: **and now?**', 20_000);
      expect(count('number 30')).toBe(1);
      expect(count('number 1 ')).toBe(1);
      expect(count('Heard: **and now?**')).toBe(1);
    },
  );

  it(
    'kill -9 after a send whose answer never came: it is found again and not sent twice',
    { timeout: 60_000 },
    async () => {
      const gate = Promise.withResolvers<void>();
      server.fail({ route: /^POST \/posts$/, hold: gate.promise });
      write('in doubt');
      // The server has taken it and says nothing.
      await server.waitForText(server.dm.id, 'Heard: **in doubt**');
      await gateway.kill('SIGKILL');
      gate.resolve();
      server.world.forgetPending();
      await start();
      await server.waitForText(server.dm.id, 'Heard: **in doubt**', 20_000);
      write('later');
      await server.waitForText(server.dm.id, 'Heard: **later**');
      expect(count('in doubt')).toBe(1);
    },
  );

  it('neither log nor output ever held the token', () => {
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    expect(log).not.toContain(server.token);
    expect(gateway.output()).not.toContain(server.token);
  });
});
