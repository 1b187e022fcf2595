export interface BackoffOptions {
  /** First delay in milliseconds, before jitter. */
  baseMs: number;
  /** Largest delay in milliseconds, before jitter. */
  maxMs: number;
  /** Share of the delay that is random, 0 to 1. Default 0.3: waits between 70 % and 100 %. */
  jitter?: number;
}

/** Delay before retry number `attempt` (1 = first retry), in milliseconds: exponential, capped, jittered. */
export function backoffMs(attempt: number, options: BackoffOptions, random: () => number = Math.random): number {
  const full = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(30, Math.max(0, attempt - 1)));
  const jitter = options.jitter ?? 0.3;
  return Math.round(full * (1 - jitter * random()));
}
