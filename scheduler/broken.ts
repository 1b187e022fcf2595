// Jobs that cannot be read as they are stored, or whose schedule cannot be followed: set aside and told once, so that others go on.
import { endOpenRuns, setJobState } from '../data/process/schedule/claims.ts';
import type { ProcessDb, Query } from '../data/db.ts';
import type { JobRow } from '../data/schedule/rows.ts';
import { UNREADABLE } from './stored.ts';

/** Whether its person has been told already. */
export function isSetAside({ state, state_reason: reason }: Pick<JobRow, 'state' | 'state_reason'>): boolean {
  return state === 'paused' && reason === UNREADABLE;
}

/** Nothing of it is begun any more; what it was and did stays. */
export async function setAside(db: ProcessDb, row: JobRow, trx: Query): Promise<void> {
  await endOpenRuns(db, row.id, { reason: UNREADABLE, failure: 'permanent' }, trx);
  await setJobState(db, row.id, { from: row.state, to: 'paused', reason: UNREADABLE }, trx);
}

/** For its person. `key`: as of `JobRun`. */
export function brokenNotice({ id, name, updated_at: at }: JobRow): { key: string; text: string } {
  const text =
    `The job "${name}" cannot be read as it is stored. It is kept, and does not run any more; your other jobs go on. ` +
    `\`/cron remove ${id}\` removes it, then it can be made anew.`;
  return { key: `${id}.x${at.toString(36)}`, text };
}

/** A schedule that nothing can be planned by. */
export class BadSchedule extends Error {}

/** What a schedule says. Throws `BadSchedule`. */
export function following<Found>(plan: () => Found): Found {
  try {
    return plan();
  } catch (cause) {
    throw new BadSchedule('the schedule cannot be followed', { cause });
  }
}
