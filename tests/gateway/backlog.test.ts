// Messages that waited on the platform while we were away: answered within a window and up to a count, and the rest is told once.
import { afterEach, expect, it } from 'vitest';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { echo, openTestGateway, type RunTurn, type TestGateway } from '../support/gateway.ts';

const MINUTE = 60_000;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

/** The first turn waits until it is let go: what comes meanwhile piles up. */
async function open(maxMessages: number) {
  const fake = makeFakePlatform();
  const release = Promise.withResolvers<void>();
  const run: RunTurn = async (turn, signal) => {
    await release.promise;
    return echo(turn, signal);
  };
  const settings = { backfill: { maxAgeMs: 60 * MINUTE, maxMessages }, debounceMs: 0 };
  const opened = await openTestGateway({ platforms: [fake], run, settings });
  gateway = opened;
  await opened.pair(fake, 'ann');
  return { fake, release, gateway: opened };
}

it('the latest are answered, and those before them are told once', async () => {
  const { fake, release, gateway } = await open(3);
  const sentAt = gateway.clock.now() - 10 * MINUTE;
  for (let n = 1; n <= 8; n++) {
    await fake.say(`late ${n}`, { sentAt: sentAt + n });
    await gateway.settle();
  }
  release.resolve();
  await gateway.settle();
  const texts = fake.texts();
  expect(texts.filter((text) => text.includes('too many'))).toHaveLength(1);
  expect(texts.filter((text) => text.startsWith('echo')).join()).toMatch(/late 1\b.*late 6.*late 7.*late 8/s);
  expect(texts.join()).not.toMatch(/late [2345]/);
});

it('those older than the window are told, and not answered', async () => {
  const { fake, release, gateway } = await open(3);
  release.resolve();
  await fake.say('ancient', { sentAt: gateway.clock.now() - 61 * MINUTE });
  await fake.say('old', { sentAt: gateway.clock.now() - 59 * MINUTE });
  await gateway.settle();
  expect(fake.texts()).toEqual([expect.stringContaining('too old'), 'echo: old']);
});

it('what is said now is never too many', async () => {
  const { fake, release, gateway } = await open(3);
  for (let n = 1; n <= 8; n++) await fake.say(`now ${n}`, { sentAt: gateway.clock.now() });
  await gateway.settle();
  release.resolve();
  await gateway.settle();
  for (let n = 1; n <= 8; n++) expect(fake.texts().join()).toContain(`now ${n}`);
});
