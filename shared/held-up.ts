// Work that the disk holds up (full, locked, not writable just now) is neither given up nor done twice: it waits until there is room.
import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import { AppError, type ErrorCode } from './errors.ts';
import type { Logger } from './log.ts';

const HELD_UP_CODES = ['disk_full', 'db_locked', 'home_unwritable'] as const satisfies readonly ErrorCode[];
/** Looked at again soon, so that freed space helps at once, and seldom enough to do no harm while there is none. */
const BACKOFF = { baseMs: 500, maxMs: 30_000 };

/** Whether `error` says that nothing is wrong with the work itself, only with the place where it is to be kept. */
export function isHeldUp(error: unknown): boolean {
  return error instanceof AppError && isHeldUpCode(error.code);
}

export function isHeldUpCode(code: string | undefined): code is (typeof HELD_UP_CODES)[number] {
  return HELD_UP_CODES.some((known) => known === code);
}

export interface HeldUpPorts {
  clock: Clock;
  log: Logger;
  /** Aborted when the process ends: what is held up then stays for the next start. */
  signal: AbortSignal;
}

/**
 * What `work` resolves with, tried again (`attempt` counts from 1) for as long as the disk holds it up. Rejects with any other error at
 * once, and with the last one when `signal` is aborted. `work` must bear being done again after it failed at any point.
 */
export async function untilStored<Result>(
  ports: HeldUpPorts,
  what: string,
  work: (attempt: number) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!isHeldUp(error) || ports.signal.aborted) throw error;
      ports.log.warn({ err: error, attempt }, `the disk holds up ${what}; it is tried again`);
      await ports.clock.sleep(backoffMs(attempt, BACKOFF), ports.signal).catch(() => undefined);
    }
  }
}
