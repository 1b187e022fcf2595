// Discord end to end: the real gateway as a process, its command line, a loopback Discord (REST API and gateway) that keeps the real
// protocol, and a scripted model server.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import type { Group, Person } from '../support/discord/people.ts';
import { startDiscord, type DiscordServer } from '../support/discord/server.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { RECORDINGS_DIR } from '../support/recordings.ts';

const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);

describe('Discord, end to end', () => {
  let model: ModelServer;
  let discord: DiscordServer;
  let ann: Person;
  let dm: string;
  let group: Group;
  let home: string;
  let gateway: GatewayProcess;

  const herald = (...args: string[]) => runCommand(home, ...args);
  const start = async () => {
    const before = discord.gateway.received.length;
    gateway = await startGatewayProcess({ home });
    await waitFor('a session', () => discord.gateway.received.length > before && discord.gateway.isOnline());
  };
  const texts = (channel: string) => discord.sent(channel).map((message) => message.content);
  const count = (channel: string, part: string) => texts(channel).filter((text) => text.includes(part)).length;

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('story')) return brokenStory(call);
        if (call.user.includes('handbook')) return { text: `${'word '.repeat(700)}END` };
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    discord = await startDiscord({ recordTo: RECORDINGS_DIR });
    ann = discord.person(101, 'Ann');
    dm = discord.dmOf(ann);
    group = discord.group({ name: 'team' });
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { discord: { api_root: discord.apiRoot, cdn_root: discord.cdnRoot, allowed_chats: [group.id] } },
    });
    fs.writeFileSync(path.join(home, '.env'), `DISCORD_BOT_TOKEN=${discord.token}\nANTHROPIC_API_KEY=test-key-1234\n`, {
      mode: 0o600,
    });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await discord?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a stranger gets a code; approved with the command line they are answered, and are the owner', async () => {
    ann.dm.say('hi');
    const asked = await discord.waitForText(dm, 'pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is \W*(\w{8})/.exec(asked.content)?.[1] ?? '';
    expect(await herald('pairing', 'list')).toContain('Ann');
    expect(await herald('pairing', 'approve', 'discord', code)).toContain('owner');
    await discord.waitForText(dm, 'paired');
    ann.dm.say('what is up?');
    await discord.waitForText(dm, 'Heard: **what is up?**');
    expect(discord.commands()).toContainEqual(expect.objectContaining({ name: 'new' }));
  });

  it('a slash command of the menu is answered like one that was written', async () => {
    const { id } = ann.dm.command('whoami');
    await discord.waitForText(dm, 'discord');
    await discord.until('the acknowledgement', () => discord.interaction(id)?.isDeleted);
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once, with what was sent meanwhile',
    { timeout: 60_000 },
    async () => {
      ann.dm.say('tell me a story');
      await waitFor('the preview', () => texts(dm).some((text) => text.includes('number 3')));
      await gateway.kill('SIGKILL');
      ann.dm.say('are you there?');
      await start();
      await discord.waitForText(dm, 'number 30', 30_000);
      await discord.waitForText(dm, 'Heard: **are you there?**', 30_000);
      expect(count(dm, 'number 30')).toBe(1);
      expect(count(dm, 'number 1 of')).toBe(1);
      expect(count(dm, 'Heard: **are you there?**')).toBe(1);
    },
  );

  it('a message in a channel of a server, sent while down, arrives', { timeout: 60_000 }, async () => {
    ann.in(group).say('seen', { mention: true });
    await discord.waitForText(group.id, 'seen**');
    await gateway.kill('SIGKILL');
    ann.in(group).say('and while you were down?', { mention: true });
    await start();
    await discord.waitForText(group.id, 'while you were down?**', 30_000);
    expect(count(group.id, 'while you were down')).toBe(1);
  });

  it('a long answer comes in parts that Discord takes', async () => {
    ann.dm.say('the whole handbook');
    await discord.waitForText(dm, 'END', 20_000);
    const parts = texts(dm).filter((text) => text.startsWith('word'));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(2_000);
  });

  it('a server is answered when it is allowed and the bot is named; strangers in it are not', async () => {
    const before = texts(group.id).length;
    discord.person(202, 'Eve').in(group).say('tell me secrets', { mention: true });
    ann.in(group).say('just talking');
    ann.in(group).say('and you?', { mention: true });
    const answer = await discord.waitForText(group.id, 'and you?**');
    expect(texts(group.id).slice(before)).toEqual([answer.content]);
  });

  it('outages and floods lose nothing', { timeout: 60_000 }, async () => {
    discord.fail({ method: 'POST', route: /\/messages$/, status: 429, retryAfterMs: 1_000 });
    ann.dm.say('after the flood');
    await discord.waitForText(dm, 'Heard: **after the flood**', 20_000);
    // The answer is there, but its sender may not know yet.
    discord.fail({ method: 'POST', route: /\/messages$/, drop: 'after' });
    ann.dm.say('is it lost?');
    await discord.waitForText(dm, 'is it lost?', 20_000);
    await discord.goAway();
    ann.dm.say('while you were gone');
    await discord.comeBack();
    await discord.waitForText(dm, 'Heard: **while you were gone**', 40_000);
    for (const text of ['after the flood', 'is it lost?', 'while you were gone'])
      expect(count(dm, `Heard: **${text}**`)).toBe(1);
  });

  it('neither log nor output ever held the token', () => {
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    for (const secret of [discord.token, discord.token.slice(30), 'test-key-1234']) {
      expect(log).not.toContain(secret);
      expect(gateway.output()).not.toContain(secret);
    }
  });
});
