// Questions in the middle of a turn, over kills and restarts: nothing is asked twice, and an answer that came meanwhile counts.
import { afterEach, describe, expect, it } from 'vitest';
import { messageId } from '../../shared/ids.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { closeAll, colour, inboxStates, kill, MINUTE, open, told, type Asked } from './clarify-bench.ts';

afterEach(closeAll);

describe('Herald goes away while it waits', () => {
  const asking: Asked = { ...colour, ttlMs: 5 * MINUTE };

  async function askedAndGone(how: 'killed' | 'stopped') {
    const fake = makeFakePlatform();
    const first = await open(fake, [asking]);
    await first.pair(fake, 'ann');
    await fake.say('ask');
    await first.settle();
    expect(fake.texts()).toEqual(['Which colour?']);
    if (how === 'stopped') {
      const stopped = first.core.stop();
      for (let round = 0; round < 20; round++) await first.clock.advance(200);
      await stopped;
    }
    return { fake, first, home: await kill(first) };
  }

  it.each(['killed', 'stopped'] as const)('%s: nothing is asked twice, and the answer counts', async (how) => {
    const { fake, first, home } = await askedAndGone(how);
    const second = await open(fake, [asking], { home, clock: first.clock });
    await second.settle();
    expect(fake.texts()).toEqual(['Which colour?']);
    await fake.say('green');
    await second.settle();
    expect(fake.texts()).toEqual(['Which colour?', told({ it: ['Green'] })]);
    expect(second.turns.map((turn) => turn.resumed)).toEqual([true]);
  });

  it('whoever else asked is gone after a restart, and gets no answer', async () => {
    const fake = makeFakePlatform();
    const first = await open(fake, [{ asker: 'a server', canDecline: true, key: 'before' }]);
    await first.pair(fake, 'ann');
    await fake.say('ask');
    await first.settle();
    const second = await open(fake, [asking], { home: await kill(first), clock: first.clock });
    await second.settle();
    const decline = fake.sent[0]?.buttons[0]?.data ?? '';
    await fake.say('', { kind: 'button', button: { data: decline, message: messageId('s1') } });
    await second.settle();
    await fake.say('red');
    await second.settle();
    expect(fake.texts().slice(1)).toEqual([
      'Which colour?',
      expect.stringContaining('Nobody waits for the answer'),
      told({ it: ['Red'] }),
    ]);
  });

  it('an answer that was stored just before the end is the answer after it', async () => {
    const fake = makeFakePlatform();
    const first = await open(fake, [asking]);
    await first.pair(fake, 'ann');
    await fake.say('ask');
    await first.settle();
    // It is on disk, and nobody was woken: the process ended between the two.
    await first.db.query
      .updateTable('questions')
      .set({ state: 'answered', answer: '["Red"]', origin: 'owner' })
      .execute();
    const second = await open(fake, [asking], { home: await kill(first), clock: first.clock });
    await second.settle();
    expect(fake.texts()).toEqual(['Which colour?', told({ it: ['Red'] })]);
  });

  it('an answer that waited on the platform counts, also after the time for it', async () => {
    const { fake, first, home } = await askedAndGone('killed');
    await first.clock.advance(40 * MINUTE);
    const second = await open(fake, [asking], { home, clock: first.clock });
    // The platform hands it over as soon as it is connected.
    await fake.say('deep blue', { sentAt: Date.UTC(2026, 10, 21, 12, 1) });
    await second.settle();
    expect(fake.texts()).toEqual(['Which colour?', told({ it: ['Deep blue'] })]);
    expect(await inboxStates(second)).toEqual(['answered', 'answered']);
  });
});
