import { describe, expect, it } from 'vitest';

import { makeKeyPool, splitKeys } from '../../../agent/providers/keys.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

describe('several keys of one provider', () => {
  it('uses the first until it rests, and comes back to it', async () => {
    const clock = makeFakeClock();
    const pool = makeKeyPool(['a', 'b'], clock);
    expect([pool.pick(), pool.pick()]).toEqual(['a', 'a']);
    pool.reportFailure('a', 'model_rate_limited', 5_000);
    expect(pool.pick()).toBe('b');
    await clock.advance(4_999);
    expect(pool.pick()).toBe('b');
    await clock.advance(1);
    expect(pool.pick()).toBe('a');
  });

  it('takes turns with round_robin, leaving out those that rest', () => {
    const pool = makeKeyPool(['a', 'b', 'c'], makeFakeClock(), 'round_robin');
    expect([pool.pick(), pool.pick(), pool.pick(), pool.pick()]).toEqual(['a', 'b', 'c', 'a']);
    pool.reportFailure('b', 'model_billing');
    expect([pool.pick(), pool.pick()]).toEqual(['c', 'a']);
  });

  it.each([
    ['model_rate_limited', 60_000],
    ['model_auth', 6 * 3_600_000],
    ['model_billing', 3_600_000],
  ] as const)('%s without a wait rests for %i ms', async (code, restMs) => {
    const clock = makeFakeClock();
    const pool = makeKeyPool(['a', 'b'], clock);
    pool.reportFailure('a', code);
    await clock.advance(restMs - 1);
    expect(pool.pick()).toBe('b');
    await clock.advance(1);
    expect(pool.pick()).toBe('a');
  });

  it('does not blame a key for what is no fault of it', () => {
    const pool = makeKeyPool(['a', 'b'], makeFakeClock());
    for (const code of ['model_overloaded', 'model_unreachable', 'cancelled', 'model_bad_request'] as const) {
      pool.reportFailure('a', code);
    }
    expect(pool.pick()).toBe('a');
  });

  it('always has a key for a new call, and no resting one for the same call', () => {
    const pool = makeKeyPool(['a', 'b'], makeFakeClock());
    pool.reportFailure('a', 'model_rate_limited', 9_000);
    pool.reportFailure('b', 'model_rate_limited', 3_000);
    expect(pool.pick()).toBe('b');
    expect(pool.pickAnother(new Set(['b']))).toBeUndefined();
    pool.reportSuccess('a');
    expect(pool.pickAnother(new Set(['b']))).toBe('a');
    expect(pool.pickAnother(new Set(['a', 'b']))).toBeUndefined();
  });

  it('works without any key, and shows none', () => {
    const pool = makeKeyPool([], makeFakeClock());
    expect(pool.pick()).not.toBe('');
    expect(pool.keys).toEqual([]);
    expect(makeKeyPool(['a', 'a', 'b'], makeFakeClock()).keys).toEqual(['a', 'b']);
  });

  it('reads several keys from one variable', () => {
    expect(splitKeys(' sk-1, sk-2\nsk-3 ')).toEqual(['sk-1', 'sk-2', 'sk-3']);
    expect(splitKeys(' ')).toEqual([]);
  });
});
