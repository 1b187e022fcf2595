import { describe, expect, it } from 'vitest';
import { makeLimiter } from '../../../adapters/telegram/limiter.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const never = new AbortController().signal;

describe('makeLimiter', () => {
  it('lets a burst through, then one a second per chat', async () => {
    const clock = makeFakeClock();
    const limiter = makeLimiter(clock);
    const times: number[] = [];
    const start = clock.now();
    const sends = Array.from({ length: 8 }, () =>
      limiter.acquire('1', 'dm', never).then(() => times.push(clock.now() - start)),
    );
    await clock.advance(5_000);
    await Promise.all(sends);
    expect(times).toEqual([0, 0, 0, 0, 0, 1_000, 2_000, 3_000]);
  });

  it('keeps chats apart, and all of them below 30 a second', () => {
    const clock = makeFakeClock();
    const limiter = makeLimiter(clock);
    const taken = Array.from({ length: 100 }, (_, i) => limiter.tryAcquire(String(i), 'dm')).filter(Boolean);
    expect(taken).toHaveLength(30);
  });

  it('lets 20 a minute into a group', async () => {
    const clock = makeFakeClock();
    const limiter = makeLimiter(clock);
    let taken = 0;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 3; i++) if (limiter.tryAcquire('-1', 'group')) taken++;
      await clock.advance(1_000);
    }
    // A full burst and what comes back within the minute.
    expect(taken).toBeGreaterThanOrEqual(38);
    expect(taken).toBeLessThanOrEqual(40);
  });

  it('hands a long wait back to the caller, without taking a place', async () => {
    const clock = makeFakeClock();
    const limiter = makeLimiter(clock);
    const sends = Array.from({ length: 10 }, () => limiter.acquire('1', 'dm', never));
    await expect(limiter.acquire('1', 'dm', never)).rejects.toMatchObject({
      name: 'UnsendableError',
      code: 'rate_limited',
      retryAfterMs: 6_000,
    });
    await clock.advance(6_000);
    await Promise.all(sends);
    await limiter.acquire('1', 'dm', never);
  });

  it('ends a wait that is cancelled', async () => {
    const clock = makeFakeClock();
    const limiter = makeLimiter(clock);
    for (let i = 0; i < 5; i++) await limiter.acquire('1', 'dm', never);
    const stopping = new AbortController();
    const waiting = limiter.acquire('1', 'dm', stopping.signal);
    stopping.abort();
    await expect(waiting).rejects.toThrow();
  });
});
