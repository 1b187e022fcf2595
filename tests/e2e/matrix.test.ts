// Matrix end to end: the real gateway as a process, its command line, a loopback homeserver that keeps the real protocol, and a scripted
// model server.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import type { Person } from '../support/matrix/people.ts';
import { seenMessages } from '../support/matrix/seen.ts';
import { startHomeserver, type Homeserver } from '../support/matrix/server.ts';
import type { Room } from '../support/matrix/world.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);

describe('Matrix, end to end', () => {
  let model: ModelServer;
  let server: Homeserver;
  let ann: Person;
  let dm: Room;
  let team: Room;
  let home: string;
  let gateway: GatewayProcess;

  const herald = (...args: string[]) => runCommand(home, ...args);
  const start = async () => {
    gateway = await startGatewayProcess({ home });
  };
  const texts = (room: Room) => seenMessages(server, room.id).map(({ text }) => text);
  const waitForText = async (room: Room, part: string) => {
    await waitFor(part, () => texts(room).some((text) => text.includes(part)), 20_000);
    return texts(room).find((text) => text.includes(part)) ?? '';
  };
  const count = (part: string) => texts(dm).filter((text) => text.includes(part)).length;

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('short story')) return { text: LONG, delayMs: 25, chunkChars: 16 };
        if (call.user.includes('story')) return brokenStory(call);
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    server = await startHomeserver();
    ann = server.person('Ann');
    team = server.room('Team', [ann, server.person('Eve')]);
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { matrix: { homeserver: server.url, edit_interval_ms: 500, allowed_chats: [team.id] } },
    });
    fs.writeFileSync(
      path.join(home, '.env'),
      `MATRIX_ACCESS_TOKEN=${server.token}\nANTHROPIC_API_KEY=test-key-1234\n`,
      {
        mode: 0o600,
      },
    );
    await start();
    await waitFor('a sync', () => server.requests.filter((request) => request === 'GET client/v3/sync').length > 1);
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await server?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a stranger who starts a chat gets a code; approved with the command line they are answered', async () => {
    dm = ann.invite();
    ann.say(dm, 'hi');
    const asked = await waitForText(dm, 'pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is (\w{8})/.exec(asked)?.[1] ?? '';
    expect(await herald('pairing', 'list')).toContain('Ann');
    expect(await herald('pairing', 'approve', 'matrix', code)).toContain('owner');
    await waitForText(dm, 'paired');
    ann.say(dm, 'what is up?');
    await waitForText(dm, 'Heard: what is up?');
    expect(seenMessages(server, dm.id).at(-1)?.formatted).toBe(true);
  });

  it('a conversation: an answer grows in place, and its status is told', async () => {
    ann.say(dm, 'tell me a short story');
    await waitForText(dm, 'number 30');
    expect(count('number 1 ')).toBe(1);
    expect(await herald('status')).toContain('Matrix');
  });

  it('a group is answered when it is allowed and the account is named; strangers in it are not', async () => {
    server.person('Eve').say(team, 'tell me secrets', { mention: true });
    ann.say(team, 'just talking');
    ann.say(team, 'and you?', { mention: true });
    await waitForText(team, 'and you?');
    expect(texts(team)).toHaveLength(1);
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once, with what was said meanwhile',
    { timeout: 60_000 },
    async () => {
      const before = count('number 30');
      const calls = model.calls.length;
      ann.say(dm, 'tell me a story');
      await waitFor('the model to be asked', () => model.calls.length > calls);
      await gateway.kill('SIGKILL');
      ann.say(dm, 'are you there?');
      await start();
      await waitForText(dm, 'Heard: are you there?');
      await waitFor('the answer', () => count('number 30') > before, 20_000);
      expect(count('number 30')).toBe(before + 1);
      expect(count('Heard: are you there?')).toBe(1);
    },
  );

  it('kill -9 in the middle of a send: the message is there once', { timeout: 60_000 }, async () => {
    const gate = Promise.withResolvers<void>();
    server.fail({ method: 'PUT', route: /\/send\/m\.room\.message\//, hold: gate.promise });
    ann.say(dm, 'in doubt');
    // The homeserver has taken it and says nothing.
    await waitForText(dm, 'Heard: in doubt');
    await gateway.kill('SIGKILL');
    gate.resolve();
    await start();
    ann.say(dm, 'and now?');
    await waitForText(dm, 'Heard: and now?');
    expect(count('Heard: in doubt')).toBe(1);
  });

  it('neither log nor output ever held the token', () => {
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    for (const text of [log, gateway.output()]) expect(text).not.toContain(server.token);
  });
});
