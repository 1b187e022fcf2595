// Several keys of one provider: which one to use next, and which ones rest after a refusal. State in memory only: a restart
// tries every key anew.
import type { Clock } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';

export type KeyStrategy = 'fill_first' | 'round_robin';

/** Rest after a 429 without retry-after. */
const RATE_LIMIT_REST_MS = 60_000;
/** Rest after a refused key: someone must act, and acting restarts or reloads; until then one probe in six hours is enough. */
const AUTH_REST_MS = 6 * 3_600_000;
/** Rest after "no credit": topping up takes effect without telling us. */
const BILLING_REST_MS = 3_600_000;

export interface KeyPool {
  /** All keys, for masking them in messages. */
  readonly keys: readonly string[];
  /** The key for a new call. There is always one: if all rest, the one whose rest ends first, as pacing is the caller's. */
  pick(): string;
  /** Another key for the same call, none of `tried`; undefined when all others rest. */
  pickAnother(tried: ReadonlySet<string>): string | undefined;
  /** Puts `key` to rest by what it met; codes that say nothing about a key are ignored. */
  reportFailure(key: string, code: ErrorCode, retryAfterMs?: number): void;
  reportSuccess(key: string): void;
}

/**
 * `fill_first` (the default) uses the first key until it rests: prompt caches belong to an account, so changing keys costs
 * cache hits. `round_robin` spreads calls. With no keys at all the pool hands out a placeholder that servers without keys ignore.
 */
export function makeKeyPool(keys: readonly string[], clock: Clock, strategy: KeyStrategy = 'fill_first'): KeyPool {
  const [first = NO_KEY, ...others] = new Set(keys);
  const all = [first, ...others];
  const restUntil = new Map<string, number>();
  let turn = 0;

  const readyAt = (key: string): number => restUntil.get(key) ?? 0;

  const pickAnother = (tried: ReadonlySet<string>): string | undefined => {
    const now = clock.now();
    const start = strategy === 'round_robin' ? turn : 0;
    for (let step = 0; step < all.length; step++) {
      const index = (start + step) % all.length;
      const key = all[index];
      if (key === undefined || tried.has(key) || readyAt(key) > now) continue;
      turn = index + 1;
      return key;
    }
    return undefined;
  };

  return {
    keys: all.filter((key) => key !== NO_KEY),
    pick: () =>
      pickAnother(NOTHING_TRIED) ?? all.reduce((best, key) => (readyAt(key) < readyAt(best) ? key : best), first),
    pickAnother,
    reportFailure(key, code, retryAfterMs) {
      const rest = restOf(code, retryAfterMs);
      if (rest !== undefined) restUntil.set(key, clock.now() + rest);
    },
    reportSuccess(key) {
      restUntil.delete(key);
    },
  };
}

/** Sent by SDKs, which insist on a key, to servers that need none. */
const NO_KEY = 'no-key-needed';

const NOTHING_TRIED: ReadonlySet<string> = new Set();

function restOf(code: ErrorCode, retryAfterMs: number | undefined): number | undefined {
  if (code === 'model_rate_limited') return retryAfterMs ?? RATE_LIMIT_REST_MS;
  if (code === 'model_auth') return AUTH_REST_MS;
  if (code === 'model_billing') return BILLING_REST_MS;
  return undefined;
}

/** Keys of a variable's value: one, or several separated by commas or white space (no key holds either). */
export function splitKeys(value: string): string[] {
  return value.split(/[\s,]+/).filter((key) => key !== '');
}
