// Runs of the jobs of one person in one space: what is to come, and what became of those before.
import type { Db, Query } from '../db.ts';
import type { Scope } from '../scope.ts';
import { occurrenceValues, type JobRow, type NewOccurrence, type OccurrenceRow } from './rows.ts';

/**
 * A run beside the schedule; undefined when its trigger key has begun one before, or the job is not theirs. When its instant is taken it is
 * the next free one.
 */
export async function addOccurrence(
  db: Db,
  scope: Scope,
  job: string,
  occurrence: NewOccurrence,
): Promise<OccurrenceRow | undefined> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const row = await findOwn(trx, scope, job);
    if (!row) return undefined;
    if (occurrence.triggerKey !== undefined) {
      const known = await trx
        .selectFrom('occurrences')
        .select('id')
        .where('job_id', '=', job)
        .where('trigger_key', '=', occurrence.triggerKey)
        .executeTakeFirst();
      if (known) return undefined;
    }
    let { scheduledAt } = occurrence;
    while (await isTaken(trx, job, scheduledAt)) scheduledAt++;
    return trx
      .insertInto('occurrences')
      .values(occurrenceValues(row, { ...occurrence, scheduledAt }, now))
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

async function isTaken(trx: Query, job: string, scheduledAt: number): Promise<boolean> {
  const row = await trx
    .selectFrom('occurrences')
    .select('id')
    .where('job_id', '=', job)
    .where('scheduled_at', '=', scheduledAt)
    .executeTakeFirst();
  return row !== undefined;
}

/** Not one of a removed job. */
async function findOwn(trx: Query, scope: Scope, job: string): Promise<JobRow | undefined> {
  return trx
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', job)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('state', '<>', 'removed')
    .executeTakeFirst();
}

export interface OccurrenceFilter {
  job?: string | undefined;
  /** Default: all but those that wait for their first attempt. */
  state?: 'begun' | 'open' | 'done' | undefined;
  limit: number;
}

/** Latest first. `open`: what is to come, earliest first. */
export async function listOccurrences(
  db: Db,
  scope: Scope,
  filter: OccurrenceFilter,
): Promise<readonly OccurrenceRow[]> {
  const { job, state = 'begun', limit } = filter;
  let query = db.query
    .selectFrom('occurrences')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .orderBy(state === 'open' ? 'next_at' : 'scheduled_at', state === 'open' ? 'asc' : 'desc')
    .limit(limit);
  if (job !== undefined) query = query.where('job_id', '=', job);
  if (state === 'open') query = query.where('next_at', 'is not', null);
  else if (state === 'done') query = query.where('state', '=', 'done');
  else query = query.where((eb) => eb.or([eb('state', '<>', 'planned'), eb('attempts', '>', 0)]));
  return query.execute();
}
