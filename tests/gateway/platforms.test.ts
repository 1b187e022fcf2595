// Supervision of platform accounts: parallel starts with a deadline, new tries for ever, health from real traffic.
import { afterEach, describe, expect, it } from 'vitest';
import type { AdapterHost } from '../../adapters/contract.ts';
import { openPlatforms, type Platforms } from '../../gateway/platforms.ts';
import { AppError } from '../../shared/errors.ts';
import { silentLog } from '../../shared/log.ts';
import { openTemporaryData } from '../data/temporary-data.ts';
import { makeFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';

let platforms: Platforms | undefined;
afterEach(async () => {
  await platforms?.stop();
});

async function open(clock: FakeClock, onOnline: (platform: string) => void = () => undefined) {
  const { db } = await openTemporaryData();
  platforms = openPlatforms({
    db,
    clock,
    log: silentLog,
    random: () => 0,
    receive: async () => 'new',
    onOnline,
    mount: () => undefined,
    timeline: async () => [],
    exchange: async () => ({ asked: [], isOpen: false, said: [] }),
    follow: () => () => undefined,
    transcribe: async () => 'hello',
    isPaired: async () => true,
    setup: async () => undefined,
    panel: async () => undefined,
    storeUpload: async () => {
      throw new Error('not part of this test');
    },
    backfill: { maxAgeMs: 1, maxMessages: 1 },
    tellGap: async () => undefined,
    commands: [],
  });
  return platforms;
}

/** An account whose start does what the test says. */
function accountOf(id: string, start: (host: AdapterHost) => Promise<void>) {
  const { account } = makeFakePlatform({ id });
  return {
    ...account,
    load: async () => ({ ...(await account.load()), start }),
  };
}

describe('starting', () => {
  it('a platform that hangs delays nobody, is given up after the deadline, and is tried again', async () => {
    const clock = makeFakeClock();
    const opened = await open(clock);
    let tries = 0;
    const hanging = accountOf('slow', (host) => {
      tries++;
      host.status('connecting');
      return new Promise(() => undefined);
    });
    await opened.start([hanging, makeFakePlatform({ id: 'quick' }).account]);
    expect(opened.health().map((one) => [one.platform, one.state])).toEqual([
      ['slow', 'connecting'],
      ['quick', 'online'],
    ]);
    await clock.advance(31_000);
    expect(opened.health()[0]).toMatchObject({ state: 'needs-login', restarts: 1 });
    await clock.advance(2_000);
    expect(tries).toBe(2);
  });

  it('goes on for ever with growing pauses, and is online when it works at last', async () => {
    const clock = makeFakeClock();
    const online: string[] = [];
    const opened = await open(clock, (platform) => online.push(platform));
    let tries = 0;
    const flaky = accountOf('flaky', async (host) => {
      if (++tries < 12) throw new AppError('platform_unreachable', 'No answer.', { retryable: true });
      host.status('online');
    });
    const started = opened.start([flaky]);
    await clock.advance(0);
    await started;
    expect(opened.health()[0]).toMatchObject({ state: 'offline', detail: 'No answer.' });
    await clock.advance(60 * 60_000);
    expect(tries).toBe(12);
    expect(opened.health()[0]).toMatchObject({ state: 'online', restarts: 0 });
    expect(online).toEqual(['flaky']);
  });

  it('a wrong login is told as such', async () => {
    const clock = makeFakeClock();
    const opened = await open(clock);
    const refused = accountOf('locked', async () => {
      throw new AppError('platform_auth', 'The token is refused. Set it with `herald setup`.');
    });
    await opened.start([refused]);
    expect(opened.health()[0]).toMatchObject({ state: 'needs-login', detail: expect.stringContaining('herald setup') });
  });
});

it('health is the last real traffic, not a flag', async () => {
  const clock = makeFakeClock();
  const opened = await open(clock);
  const fake = makeFakePlatform();
  await opened.start([fake.account]);
  await clock.advance(60_000);
  const before = opened.health()[0]?.lastAliveAt ?? 0;
  expect(clock.now() - before).toBe(60_000);
  await fake.say('hi');
  expect(opened.health()[0]?.lastAliveAt).toBe(clock.now());
});

it('while a platform is not there, its chats count as plain text ones', async () => {
  const opened = await open(makeFakeClock());
  const fake = makeFakePlatform();
  expect(opened.find(fake.address())).toBeUndefined();
  expect(opened.capabilities(fake.address())).toMatchObject({ sendDedupe: 'none', buttons: 'fallback' });
});
