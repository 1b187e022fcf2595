// How many mails one recipient gets: the last guard against two machines that answer each other without saying that they are machines.
import type { Clock } from '../../../shared/clock.ts';
import { UnsendableError } from '../../transport/failures.ts';

/** How many may go out at once: a conversation in a hurry, or a few parts with files. */
const BURST = 30;
/** Recipients whose rate is full again are forgotten when there are more than this. */
const MAX_RECIPIENTS = 2_000;
const HOUR_MS = 3_600_000;

export interface Limiter {
  /** Counts a mail. Throws UnsendableError `rate_limited`, with how long to wait, when it is too many. */
  take(recipient: string): void;
}

/** The rate as the time at which it will be full again (GCRA). */
export function makeLimiter(clock: Clock, perHour: number): Limiter {
  const everyMs = HOUR_MS / perHour;
  const fullAt = new Map<string, number>();
  return {
    take(recipient) {
      const now = clock.now();
      if (fullAt.size >= MAX_RECIPIENTS) for (const [other, at] of fullAt) if (at <= now) fullAt.delete(other);
      const full = Math.max(fullAt.get(recipient) ?? 0, now);
      const waitMs = full - everyMs * (BURST - 1) - now;
      if (waitMs > 0)
        throw new UnsendableError('rate_limited', 'Too many mails to this recipient just now.', {
          retryAfterMs: Math.ceil(waitMs),
        });
      fullAt.set(recipient, full + everyMs);
    },
  };
}
