// Jobs that were planned for a person and begin when that person says so.
import type { Job } from './types.ts';

/** Why such a job is paused. */
export const WAITS = 'it waits for your confirmation';

export function isWaiting({ state, stateReason }: Pick<Job, 'state' | 'stateReason'>): boolean {
  return state === 'paused' && stateReason === WAITS;
}
