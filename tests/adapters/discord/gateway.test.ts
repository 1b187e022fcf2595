// The connection: every way in which it ends, and that it is never made in a hurry.
import { Client, Events, GatewayIntentBits, Partials, type Message } from 'discord.js';
import { describe, expect, it } from 'vitest';
import { judgeEnd } from '../../../adapters/discord/receive/verdict.ts';
import { startDiscord } from '../../support/discord/server.ts';
import { advanceUntil, online, openRig, textsOf, type Rig } from './rig.ts';

const IDENTIFY = 2;
const RESUME = 6;
const opsOf = ({ server }: Rig) => server.gateway.received.map((frame) => frame.op);
const lastState = ({ record }: Rig) => record.states.at(-1)?.state;

async function hears(rig: Rig, text: string): Promise<void> {
  rig.ada.dm.say(text);
  await rig.record.waitFor((message) => message.text === text);
}

describe('a session', () => {
  it('begins with the token and the intents that let messages be read', async () => {
    const rig = await openRig();
    const { server } = rig;
    expect(server.gateway.received).toMatchObject([
      { op: IDENTIFY, d: { token: server.token, intents: 1 + 512 + 4_096 + 32_768 } },
    ]);
  });

  it('is resumed after a break, with the number of the last event', async () => {
    const rig = await openRig();
    await hears(rig, 'before');
    rig.server.gateway.disconnect();
    rig.ada.dm.say('meanwhile');
    await rig.record.waitFor((message) => message.text === 'meanwhile');
    await online(rig);
    expect(opsOf(rig)).toEqual([IDENTIFY, RESUME]);
    expect(rig.server.gateway.received[1]?.d).toMatchObject({
      seq: expect.any(Number),
      session_id: expect.any(String),
    });
    expect(rig.record.answers.map((answer) => answer.outcome)).toEqual(['new', 'new']);
  });

  it('is resumed when Discord asks for a new connection', async () => {
    const rig = await openRig();
    rig.server.gateway.sendRaw({ op: 7, d: null });
    await rig.server.until('a resume', () => opsOf(rig).at(-1) === RESUME);
    await hears(rig, 'still here');
  });

  it.each([
    ['that may be resumed', true, [IDENTIFY, RESUME]],
    ['that is over', false, [IDENTIFY, IDENTIFY]],
  ])('is not valid any more: one %s', async (_, mayResume, ops) => {
    const rig = await openRig({ fakeClock: true });
    rig.server.gateway.sendRaw({ op: 9, d: mayResume });
    await advanceUntil(rig, () => opsOf(rig).length === 2 && rig.server.gateway.isOnline(), 500);
    expect(opsOf(rig)).toEqual(ops);
    await hears(rig, 'still here');
  });

  it('answers a heartbeat that Discord asks for', async () => {
    const rig = await openRig();
    const { gateway } = rig.server;
    const before = gateway.heartbeats;
    gateway.sendRaw({ op: 1, d: null });
    await rig.server.until('a heartbeat', () => gateway.heartbeats > before);
    await hears(rig, 'and goes on');
  });

  it('ends with the adapter, so that the bot is seen to be away', async () => {
    const rig = await openRig();
    await rig.adapter.stop();
    await rig.server.until('the end', () => !rig.server.gateway.isOnline());
    await rig.restart();
    expect(opsOf(rig)).toEqual([IDENTIFY, IDENTIFY]);
  });
});

describe('a connection that is dead without saying so', () => {
  it('stays as long as heartbeats are answered', async () => {
    const rig = await openRig({ server: { heartbeatMs: 40_000 }, fakeClock: true });
    for (let beats = 0; beats < 5; beats++) {
      await rig.clock.advance(40_000);
      await rig.server.until('a heartbeat', () => rig.server.gateway.heartbeats > beats);
      await hears(rig, `after heartbeat ${beats}`);
    }
    expect(opsOf(rig)).toEqual([IDENTIFY]);
  });

  it('is noticed by a heartbeat that is not answered', async () => {
    const rig = await openRig({ server: { heartbeatMs: 40_000 }, fakeClock: true });
    await rig.clock.advance(41_000);
    await rig.server.until('a heartbeat', () => rig.server.gateway.heartbeats > 0);
    rig.server.gateway.faults.isMute = true;
    await advanceUntil(rig, () => opsOf(rig).includes(RESUME), 10_000);
    rig.server.gateway.faults.isMute = false;
    await hears(rig, 'alive');
  });

  it('is noticed when no greeting comes', async () => {
    const rig = await openRig({
      fakeClock: true,
      prepare: (server) => void (server.gateway.faults.isSilent = true),
      waitsForOnline: false,
    });
    await rig.server.until('a connection', () => rig.server.gateway.connections === 1);
    rig.server.gateway.faults.isSilent = false;
    await advanceUntil(rig, () => lastState(rig) === 'online', 1_000);
    expect(rig.server.gateway.connections).toBe(2);
  });

  it('counts as alive with each answered heartbeat', async () => {
    const rig = await openRig({ server: { heartbeatMs: 40_000 }, fakeClock: true });
    const before = rig.record.states.length;
    await rig.clock.advance(40_000);
    await rig.record.waitUntil(() => rig.record.states.length > before);
    expect(lastState(rig)).toBe('online');
  });
});

describe('a server that closes again and again', () => {
  it('is tried ever more slowly, up to a minute apart, and told as offline', async () => {
    const rig = await openRig({ fakeClock: true, random: () => 0 });
    const { gateway } = rig.server;
    gateway.faults.closeAfterReady = 4_002;
    gateway.disconnect(4_002);
    const times: number[] = [];
    await advanceUntil(
      rig,
      () => {
        const resumes = opsOf(rig).filter((op) => op === RESUME).length;
        if (resumes > times.length) times.push(rig.clock.now());
        return times.length >= 11;
      },
      400,
      2_000,
    );
    const waits = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    expect(waits.at(0)).toBeLessThan(3_000);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(60_000);
    expect(rig.record.states.findLast((entry) => entry.state === 'offline')?.detail).toContain('again and again');
    gateway.faults.closeAfterReady = undefined;
    await advanceUntil(rig, () => rig.server.gateway.isOnline() && lastState(rig) === 'online', 5_000);
    await hears(rig, 'after the storm');
  }, 30_000);

  it('new sessions are begun at least five seconds apart', async () => {
    const rig = await openRig({ fakeClock: true, random: () => 1 });
    const { gateway } = rig.server;
    const times = [rig.clock.now()];
    for (let i = 1; i <= 3; i++) {
      gateway.forgetSessions();
      gateway.disconnect();
      await advanceUntil(rig, () => opsOf(rig).filter((op) => op === IDENTIFY).length > i, 250);
      times.push(rig.clock.now());
      await online(rig);
    }
    for (const [i, at] of times.slice(1).entries()) expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(4_900);
  });

  it('a session that cannot be resumed for three times is given up', async () => {
    const rig = await openRig({ fakeClock: true });
    rig.server.gateway.faults.refuseWith = 4_000;
    rig.server.gateway.disconnect();
    await advanceUntil(rig, () => opsOf(rig).filter((op) => op === RESUME).length === 3, 500);
    rig.server.gateway.faults.refuseWith = undefined;
    await advanceUntil(rig, () => opsOf(rig).at(-1) === IDENTIFY, 1_000);
    await online(rig);
  });
});

describe('what a person must put right', () => {
  it('a token that is refused asks for a login, without the token, and is tried again', async () => {
    const rig = await openRig({ fakeClock: true });
    rig.server.gateway.faults.refuseWith = 4_004;
    rig.server.gateway.disconnect();
    await advanceUntil(rig, () => lastState(rig) === 'needs-login', 500);
    expect(rig.record.states.at(-1)?.detail).toMatch(/Reset Token.*DISCORD_BOT_TOKEN/);
    rig.server.gateway.faults.refuseWith = undefined;
    await advanceUntil(rig, () => lastState(rig) === 'online', 20_000);
  });

  it('a bot that may not read messages says which switch to set, and connects once it is set', async () => {
    const rig = await openRig({
      fakeClock: true,
      prepare: (server) => void (server.gateway.faults.refuseWith = 4_014),
      waitsForOnline: false,
    });
    await advanceUntil(rig, () => lastState(rig) === 'needs-login', 500);
    expect(rig.record.states.at(-1)?.detail).toContain('Message Content Intent');
    const before = opsOf(rig).length;
    await rig.clock.advance(60_000);
    expect(opsOf(rig)).toHaveLength(before);
    rig.server.gateway.faults.refuseWith = undefined;
    await advanceUntil(rig, () => lastState(rig) === 'online', 20_000);
    await hears(rig, 'now I can read');
  });

  it('a token revoked between two sessions asks for a login', async () => {
    const rig = await openRig({ fakeClock: true });
    rig.server.revokeToken();
    rig.server.gateway.forgetSessions();
    rig.server.gateway.disconnect();
    await advanceUntil(rig, () => lastState(rig) === 'needs-login', 500);
  });

  it('a day with too many sessions waits for the next one', async () => {
    const rig = await openRig({ fakeClock: true, server: { sessionsLeft: 0 }, waitsForOnline: false });
    await advanceUntil(rig, () => lastState(rig) === 'offline', 100);
    expect(rig.record.states.at(-1)?.detail).toContain('too often');
    rig.server.setSessionsLeft(10);
    await rig.clock.advance(3_600_000);
    expect(opsOf(rig)).toEqual([]);
    await advanceUntil(rig, () => lastState(rig) === 'online', 600_000);
  });

  it('a network that is down at the start is no error', async () => {
    const rig = await openRig({ fakeClock: true, prepare: (server) => server.goAway(), waitsForOnline: false });
    expect(lastState(rig)).toBe('offline');
    await rig.server.comeBack();
    await advanceUntil(rig, () => lastState(rig) === 'online', 1_000);
  });
});

describe('judgeEnd', () => {
  const session = { id: 's', sequence: 1, resumeUrl: 'wss://x' };

  it.each([
    [undefined, true],
    [1_006, true],
    [4_000, true],
    [4_001, true],
    [4_002, true],
    [4_008, true],
    [1_000, false],
    [1_001, false],
    [4_003, false],
    [4_005, false],
    [4_007, false],
    [4_009, false],
  ])('code %s: resume %s', (code, mayResume) => {
    expect(judgeEnd({ code, session })).toEqual({ mayResume, trouble: undefined });
  });

  it.each([
    [4_004, 'needs-login'],
    [4_014, 'needs-login'],
    [4_010, 'offline'],
    [4_011, 'offline'],
    [4_012, 'offline'],
    [4_013, 'offline'],
  ])('code %s: %s, and no hurry', (code, state) => {
    expect(judgeEnd({ code, session })).toMatchObject({ mayResume: false, trouble: { state, waitMs: 300_000 } });
  });
});

describe('the loopback server', () => {
  it('speaks the protocol: discord.js logs in, hears, answers, and resumes', async () => {
    const server = await startDiscord();
    const client = new Client({
      intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages],
      partials: [Partials.Channel],
      rest: { api: server.apiRoot },
    });
    try {
      const group = server.group();
      const heard: string[] = [];
      client.on(Events.MessageCreate, (message: Message) => {
        heard.push(message.content);
        if (message.content === 'ping') void message.reply('pong');
      });
      const ready = new Promise((resolve) => client.once(Events.ClientReady, resolve));
      await client.login(server.token);
      await ready;
      const ada = server.person(5_001, 'Ada');
      const question = ada.dm.say('ping');
      const answer = await server.waitForText(server.dmOf(ada), 'pong');
      expect(answer.replyTo).toBe(question.id);
      ada.in(group).say('in a server');
      await expect.poll(() => heard).toContain('in a server');
      server.gateway.disconnect(4_000);
      await server.until('the end', () => !server.gateway.isOnline());
      ada.in(group).say('after the break');
      await server.until('the next message', () => server.gateway.isOnline() && server.gateway.received.length === 2);
      expect(server.gateway.received.map((frame) => frame.op)).toEqual([IDENTIFY, RESUME]);
      await expect.poll(() => heard).toContain('after the break');
    } finally {
      await client.destroy();
      await server.close();
    }
  });
});

describe('order', () => {
  it('a channel that waits for the disk does not hold up the others', async () => {
    const rig = await openRig();
    const eve = rig.server.person(6_001, 'Eve');
    await hears(rig, 'first');
    rig.record.failNext(1);
    rig.ada.dm.say('waits');
    eve.dm.say('does not');
    await rig.record.waitUntil(() => textsOf(rig).includes('waits') && textsOf(rig).includes('does not'));
    expect(textsOf(rig)).toEqual(['first', 'does not', 'waits']);
  });
});
