// The next run of a job, on an instant that is free: a job without a next run never runs again.
import { hasOpenRun, lastTaken, planOccurrence } from '../data/process/schedule/plans.ts';
import type { ProcessDb, Query } from '../data/db.ts';
import type { JobRow } from '../data/schedule/rows.ts';
import { following } from './broken.ts';
import { nextRun } from './schedule/next.ts';
import type { Job } from './types.ts';

/** Instants that are taken, one after the other: where a clock was wrong for a while, runs lie ahead that have ended. */
const MAX_STEPS = 1_000;

/** False when the schedule has no run after that instant. Throws `BadSchedule` before anything is written. */
export async function planFollowing(
  { db, trx }: { db: ProcessDb; trx: Query },
  { jobRow, job }: { jobRow: JobRow; job: Job },
  after: number,
): Promise<boolean> {
  let next = following(() => nextRun(job.schedule, after, job.id));
  for (let i = 0; next; i++) {
    if (await planOccurrence(db, jobRow, next, trx)) return true;
    if (await hasOpenRun(db, job.id, next.scheduledAt, trx)) return true;
    const last = i < MAX_STEPS ? undefined : await lastTaken(db, job.id, trx);
    next = nextRun(job.schedule, Math.max(next.scheduledAt, last ?? -Infinity), job.id);
  }
  return false;
}
