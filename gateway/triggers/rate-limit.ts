// At most so many in a minute, per key: a bucket that fills again with time.
import type { Clock } from '../../shared/clock.ts';

const MINUTE_MS = 60_000;
const MAX_KEYS = 1_000;

export interface RateLimit {
  /** Takes one; 0 when there was one, else how many milliseconds until there will be. */
  take(key: string, perMinute: number): number;
}

export function makeRateLimit(clock: Clock): RateLimit {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(key, perMinute) {
      const now = clock.now();
      const known = buckets.get(key) ?? { left: perMinute, at: now };
      const refilled = known.left + (Math.max(0, now - known.at) / MINUTE_MS) * perMinute;
      const left = Math.min(perMinute, refilled);
      // The least lately used goes first, so that keys that come no more take no memory.
      buckets.delete(key);
      buckets.set(key, { left: left >= 1 ? left - 1 : left, at: now });
      const [oldest] = buckets.keys();
      if (buckets.size > MAX_KEYS && oldest !== undefined) buckets.delete(oldest);
      return left >= 1 ? 0 : ((1 - left) / perMinute) * MINUTE_MS;
    },
  };
}
