// A time when nobody could listen is told once, to whom it concerns.
import { afterEach, describe, expect, it } from 'vitest';
import { chatId } from '../../shared/ids.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../support/gateway.ts';

const NOON = Date.UTC(2026, 10, 21, 12);
const MINUTE = 60_000;

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function open() {
  const fake = makeFakePlatform();
  gateway = await openTestGateway({ platforms: [fake] });
  await gateway.pair(fake, 'ann', 'owner');
  await fake.say('hello');
  await gateway.settle();
  return { fake, gateway };
}

describe('a gap', () => {
  it('is told in its chat, once', async () => {
    const { fake, gateway } = await open();
    const gap = {
      since: NOON,
      until: NOON + 5 * MINUTE,
      reason: 'no-replay',
      chat: { id: chatId('ann'), kind: 'dm' },
    } as const;
    await fake.host().gap(gap);
    await fake.host().gap(gap);
    await gateway.settle();
    expect(fake.texts()).toEqual([
      'echo: hello',
      'I was not connected from 2026-11-21 12:00 to 2026-11-21 12:05 UTC, and what was written meanwhile cannot be fetched. Please send again what still matters.',
    ]);
  });

  it('of no known chat is told where the owner wrote last', async () => {
    const { fake, gateway } = await open();
    await fake.host().gap({ since: NOON, until: NOON + 1, reason: 'limit', missed: 3 });
    await gateway.settle();
    expect(fake.texts()[1]).toContain('3 messages that came in while I was away on fake');
  });

  it('is only logged when it was short, and never told to strangers', async () => {
    const { fake, gateway } = await open();
    await fake.host().gap({ since: NOON, until: NOON + MINUTE - 1, reason: 'no-replay' });
    const eve = { id: chatId('eve'), kind: 'dm' } as const;
    await fake.host().gap({ since: NOON, until: NOON + 5 * MINUTE, reason: 'no-replay', chat: eve });
    await gateway.settle();
    expect(fake.sent).toHaveLength(1);
  });
});
