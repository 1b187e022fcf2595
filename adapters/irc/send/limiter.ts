// Keeps us below what servers take for a flood. RFC 2813 (5.8) has clients pay two seconds per line once ten are owed; most servers are
// a little kinder.
import type { Clock } from '../../../shared/clock.ts';
import { UnsendableError } from '../../transport/failures.ts';

const BURST = 5;
/** A longer wait is the caller's: it has a queue that lasts. */
const MAX_WAIT_MS = 20_000;

export interface Limiter {
  /**
   * Resolves when a line may go out. Rejects with UnsendableError `rate_limited` when that is more than 20 s away and `mayRefuse`, or with the
   * signal's reason.
   */
  acquire(signal: AbortSignal, mayRefuse: boolean): Promise<void>;
}

export function makeLimiter(clock: Clock, intervalMs: number): Limiter {
  /** The time at which the burst will be whole again (GCRA): one number, no timers. */
  let fullAtMs = 0;
  return {
    async acquire(signal, mayRefuse) {
      const now = clock.now();
      const waitMs = Math.max(0, fullAtMs - intervalMs * (BURST - 1) - now);
      if (mayRefuse && waitMs > MAX_WAIT_MS)
        throw new UnsendableError('rate_limited', 'Too many lines wait to be sent.', {
          retryAfterMs: Math.ceil(waitMs),
        });
      fullAtMs = Math.max(fullAtMs, now) + intervalMs;
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    },
  };
}
