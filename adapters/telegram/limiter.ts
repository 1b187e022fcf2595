// Keeps sends below the limits that Telegram names for bots, so that it need not refuse them:
// https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this, read 2026-11-21.
import type { Clock } from '../../shared/clock.ts';
import type { ChatKind } from '../../shared/messages.ts';
import { UnsendableError } from '../transport/failures.ts';

interface Rate {
  /** How many may go out at once. */
  burst: number;
  /** Time after which one more may. */
  everyMs: number;
}

/** "no more than 30 messages per second" to all chats together. */
const OVERALL: Rate = { burst: 30, everyMs: 1_000 / 30 };
/** "avoid sending more than one message per second … short bursts". */
const PER_CHAT: Rate = { burst: 5, everyMs: 1_000 };
/** "no more than 20 messages per minute" in a group. */
const PER_GROUP: Rate = { burst: 20, everyMs: 3_000 };
/** A longer wait is the caller's: it has a queue that lasts. */
const MAX_WAIT_MS = 5_000;
/** Chats whose rate is full again are forgotten when there are more than this. */
const MAX_CHATS = 2_000;

/** A rate as the time at which it will be full again (GCRA): one number, no timers. */
interface Bucket {
  rate: Rate;
  fullAtMs: number;
}

export interface Limiter {
  /** Resolves when a message may go out, at once as a rule. Rejects with UnsendableError `rate_limited` when that is more than 5 s away. */
  acquire(chat: string, kind: ChatKind, signal: AbortSignal): Promise<void>;
  /** As `acquire`, for what is not worth waiting for. */
  tryAcquire(chat: string, kind: ChatKind): boolean;
}

export const noLimiter: Limiter = { acquire: async () => {}, tryAcquire: () => true };

export function makeLimiter(clock: Clock): Limiter {
  const overall: Bucket = { rate: OVERALL, fullAtMs: 0 };
  const chats = new Map<string, Bucket[]>();

  function bucketsOf(chat: string, kind: ChatKind): Bucket[] {
    const known = chats.get(chat);
    if (known) return known;
    if (chats.size >= MAX_CHATS) forgetIdle(clock.now());
    const rates = kind === 'group' ? [PER_CHAT, PER_GROUP] : [PER_CHAT];
    const buckets = rates.map((rate) => ({ rate, fullAtMs: 0 }));
    chats.set(chat, buckets);
    return buckets;
  }

  function forgetIdle(now: number): void {
    for (const [chat, buckets] of chats) if (buckets.every((bucket) => bucket.fullAtMs <= now)) chats.delete(chat);
  }

  /** Takes one from every bucket if none is further away than `maxWaitMs`; tells the wait. */
  function take(chat: string, kind: ChatKind, maxWaitMs: number): { taken: boolean; waitMs: number } {
    const now = clock.now();
    const buckets = [overall, ...bucketsOf(chat, kind)];
    const waitMs = Math.max(
      0,
      ...buckets.map((bucket) => bucket.fullAtMs - bucket.rate.everyMs * (bucket.rate.burst - 1) - now),
    );
    if (waitMs > maxWaitMs) return { taken: false, waitMs };
    for (const bucket of buckets) bucket.fullAtMs = Math.max(bucket.fullAtMs, now) + bucket.rate.everyMs;
    return { taken: true, waitMs };
  }

  return {
    async acquire(chat, kind, signal) {
      const { taken, waitMs } = take(chat, kind, MAX_WAIT_MS);
      if (!taken) {
        const retryAfterMs = Math.ceil(waitMs);
        throw new UnsendableError('rate_limited', 'Telegram allows no more messages to this chat just now.', {
          retryAfterMs,
        });
      }
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    },
    tryAcquire: (chat, kind) => take(chat, kind, 0).taken,
  };
}
