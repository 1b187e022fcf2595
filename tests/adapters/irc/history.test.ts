// What was said while we were away.
import { afterEach, describe, expect, it } from 'vitest';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { startIrcServer, type IrcServer, type IrcServerOptions } from '../../support/irc/ircv3-server.ts';
import { openIrc, type IrcRig, type IrcRigOptions } from './irc-rig.ts';

const MINUTE_MS = 60_000;

describe('messages of the time when we were away', () => {
  let server: IrcServer;
  let rig: IrcRig;
  const texts = () => rig.record.received.map((message) => message.text);
  const open = async (options: IrcRigOptions = {}, more: IrcServerOptions = {}) => {
    server = await startIrcServer(more);
    server.addUser('Ada', 'adal');
    server.addUser('Ben', 'ben');
    rig = await openIrc(server.port, { settings: { channels: ['#herald'] }, ...options });
  };
  afterEach(async () => {
    await rig.close();
    await server.close();
  });

  it('come from channels and people, in order, before what is said now', async () => {
    await open();
    server.say('Ada', 'herald', 'before');
    await rig.record.waitFor((message) => message.text === 'before');
    await rig.restart(() => {
      server.say('Ada', '#herald', 'herald: in the channel');
      server.say('Ben', 'herald', 'direct');
      server.say('Ada', '#other', 'elsewhere');
      server.say('Ada', 'herald', 'direct too');
    });
    server.say('Ada', 'herald', 'now');
    await rig.record.waitFor((message) => message.text === 'now');
    expect(texts()).toEqual(['before', 'in the channel', 'direct', 'direct too', 'now']);
    expect(rig.record.received[1]).toMatchObject({ chat: '#herald', addressed: true, sender: { id: 'account:adal' } });
    expect(rig.record.gaps).toEqual([]);
  });

  it('that are too many are told of, and the latest are there', async () => {
    await open({ backfill: { maxAgeMs: 60 * MINUTE_MS, maxMessages: 5 } });
    await rig.restart(() => {
      for (let i = 0; i < 8; i++) server.say('Ada', 'herald', `number ${i}`);
    });
    await rig.record.waitUntil(() => texts().length === 5);
    expect(texts()).toEqual([3, 4, 5, 6, 7].map((i) => `number ${i}`));
    expect(rig.record.gaps).toMatchObject([{ reason: 'limit', chat: { id: 'account:adal', kind: 'dm' } }]);
  });

  it('that are too old are left, and told of', async () => {
    const clock = makeFakeClock(Date.now());
    await open({ clock, backfill: { maxAgeMs: 10 * MINUTE_MS, maxMessages: 5 } });
    const stoppedAt = clock.now();
    await rig.restart(() => clock.advance(30 * MINUTE_MS));
    expect(rig.record.gaps).toEqual([{ since: stoppedAt, until: stoppedAt + 20 * MINUTE_MS, reason: 'limit' }]);
  });

  it('are gone where the server keeps none; that is told', async () => {
    const clock = makeFakeClock(Date.now());
    await open({ clock }, { without: ['draft/chathistory'] });
    expect(rig.record.gaps).toEqual([]);
    const stoppedAt = clock.now();
    await rig.restart(async () => {
      server.say('Ada', 'herald', 'lost');
      await clock.advance(5 * MINUTE_MS);
    });
    expect(rig.record.gaps).toEqual([{ since: stoppedAt, until: stoppedAt + 5 * MINUTE_MS, reason: 'no-replay' }]);
    expect(texts()).toEqual([]);
  });

  it('are known again by their time when the server gives no ids', async () => {
    await open({}, { without: ['message-tags'] });
    server.say('Ada', 'herald', 'once');
    await rig.record.waitFor((message) => message.text === 'once');
    await rig.restart();
    server.say('Ada', 'herald', 'twice');
    await rig.record.waitFor((message) => message.text === 'twice');
    expect(texts()).toEqual(['once', 'twice']);
    expect(rig.record.answers.map((answer) => answer.outcome)).toContain('duplicate');
  });

  it('wait for a disk, and what comes meanwhile waits behind them', async () => {
    await open();
    await rig.restart(() => {
      server.say('Ada', 'herald', 'first');
    });
    rig.record.failNext(1);
    server.say('Ada', 'herald', 'second');
    await rig.record.waitUntil(() => texts().length === 2);
    expect(texts()).toEqual(['first', 'second']);
  });
});
