// What a runner does with occurrences: it finds what is due, takes it under a lease, and notes how it ended. Each change says from which
// states it leads away, so that of two runners one alone makes it.
import { sql } from 'kysely';
import type { PersonId } from '../../../shared/ids.ts';
import type { ProcessDb, Query } from '../../db.ts';
import { prepare } from '../../query/prepared.ts';
import { occurrenceValues, type JobRow, type NewOccurrence, type OccurrenceRow } from '../../schedule/rows.ts';
import type { JobRowState, OccurrenceState } from '../../schedule/tables.ts';

/** Literals, so that SQLite sees which partial index serves the query. */
const isOpen = sql<boolean>`next_at is not null`;
const isLive = sql<boolean>`state in ('claimed','running')`;

const selectDue = prepare<{ now: number; limit: number }, OccurrenceRow>((query, { now, limit }) =>
  query
    .selectFrom('occurrences')
    .selectAll()
    .where(isOpen)
    .where('next_at', '<=', now)
    .orderBy('next_at')
    .orderBy('id')
    .limit(limit),
);

/** Due by now, earliest first; of nobody in `except`. */
export async function listDue(
  db: ProcessDb,
  filter: { except: readonly PersonId[]; limit: number },
  query: Query = db.query,
): Promise<readonly OccurrenceRow[]> {
  const now = db.clock.now();
  if (filter.except.length === 0) return (await selectDue(query, { now, limit: filter.limit })).rows;
  return query
    .selectFrom('occurrences')
    .selectAll()
    .where(isOpen)
    .where('next_at', '<=', now)
    .where('person_id', 'not in', filter.except)
    .orderBy('next_at')
    .orderBy('id')
    .limit(filter.limit)
    .execute();
}

const selectJob = prepare<{ id: string }, JobRow>((query, { id }) =>
  query.selectFrom('jobs').selectAll().where('id', '=', id),
);

export async function getJobRow(db: ProcessDb, id: string, query: Query = db.query): Promise<JobRow | undefined> {
  return (await selectJob(query, { id })).rows[0];
}

/** When there is something to do at the earliest: a run is due, or the lease of somebody else ends. */
export async function nextInstant(db: ProcessDb, owner: string): Promise<number | undefined> {
  const due = await db.query
    .selectFrom('occurrences')
    .select((eb) => eb.fn.min('next_at').as('at'))
    .where(isOpen)
    .executeTakeFirst();
  const lease = await db.query
    .selectFrom('occurrences')
    .select((eb) => eb.fn.min('lease_until').as('at'))
    .where(isLive)
    .where('lease_owner', '<>', owner)
    .executeTakeFirst();
  const found = [due?.at, lease?.at].filter((at) => at !== null && at !== undefined);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** Whether there is any job that could run. */
export async function hasSchedule(db: ProcessDb): Promise<boolean> {
  const open = await db.query.selectFrom('occurrences').select('id').where(isOpen).limit(1).executeTakeFirst();
  if (open) return true;
  const live = await db.query.selectFrom('occurrences').select('id').where(isLive).limit(1).executeTakeFirst();
  return live !== undefined || (await listUndelivered(db)).length > 0;
}

const claimRow = prepare<{ id: string; owner: string; until: number; now: number }>(
  (query, { id, owner, until, now }) =>
    query
      .updateTable('occurrences')
      .set({ state: 'claimed', next_at: null, lease_owner: owner, lease_until: until, updated_at: now })
      .where('id', '=', id)
      .where('state', 'in', ['planned', 'interrupted'])
      .where(isOpen),
);

/** planned or interrupted → claimed. False when somebody else was faster. */
export async function claimOccurrence(
  db: ProcessDb,
  claim: { id: string; owner: string; until: number },
  query: Query = db.query,
): Promise<boolean> {
  const result = await claimRow(query, { ...claim, now: db.clock.now() });
  return result.numAffectedRows === 1n;
}

const startRow = prepare<{ id: string; owner: string; now: number }, OccurrenceRow>((query, { id, owner, now }) =>
  query
    .updateTable('occurrences')
    .set((eb) => ({
      state: 'running',
      attempts: eb('attempts', '+', 1),
      started_at: sql<number>`coalesce(started_at, ${now})`,
      updated_at: now,
    }))
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .where('state', '=', 'claimed')
    .returningAll(),
);

/** claimed → running; undefined when it is not the owner's any more. */
export async function startOccurrence(
  db: ProcessDb,
  id: string,
  owner: string,
  query: Query = db.query,
): Promise<OccurrenceRow | undefined> {
  return (await startRow(query, { id, owner, now: db.clock.now() })).rows[0];
}

/** Lengthens the leases of an owner; the ids of what it still holds. */
export async function renewLeases(db: ProcessDb, owner: string, until: number): Promise<readonly string[]> {
  const rows = await db.query
    .updateTable('occurrences')
    .set({ lease_until: until })
    .where(isLive)
    .where('lease_owner', '=', owner)
    .returning('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** What is held under leases that have ended; with `all`, under those of anybody but the owner. */
export async function listAbandoned(
  db: ProcessDb,
  filter: { owner: string; all: boolean },
  query: Query = db.query,
): Promise<readonly OccurrenceRow[]> {
  let select = query.selectFrom('occurrences').selectAll().where(isLive).where('lease_owner', '<>', filter.owner);
  if (!filter.all) select = select.where('lease_until', '<=', db.clock.now());
  return select.orderBy('id').execute();
}

export interface OccurrenceChange {
  state: OccurrenceState;
  /** null: nothing more is to be done. */
  nextAt: number | null;
  reason?: string | null;
  failure?: string | null;
  errorCode?: string | null;
  failures?: number;
  interruptions?: number;
  endedAt?: number | null;
}

/** Changes one that is in one of the states `from`, and lets go of it. False when it is not. */
export async function changeOccurrence(
  db: ProcessDb,
  at: { id: string; from: readonly OccurrenceState[]; owner?: string | null },
  change: OccurrenceChange,
  query: Query = db.query,
): Promise<boolean> {
  let update = query
    .updateTable('occurrences')
    .set({
      state: change.state,
      next_at: change.nextAt,
      lease_owner: null,
      lease_until: null,
      updated_at: db.clock.now(),
      ...(change.reason !== undefined && { reason: change.reason }),
      ...(change.failure !== undefined && { failure: change.failure }),
      ...(change.errorCode !== undefined && { error_code: change.errorCode }),
      ...(change.failures !== undefined && { failures: change.failures }),
      ...(change.interruptions !== undefined && { interruptions: change.interruptions }),
      ...(change.endedAt !== undefined && { ended_at: change.endedAt }),
    })
    .where('id', '=', at.id)
    .where('state', 'in', at.from);
  if (at.owner !== undefined) update = update.where('lease_owner', 'is', at.owner);
  const result = await update.executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Whatever waits for its time of a job fails: it cannot be run. */
export async function endOpenRuns(
  db: ProcessDb,
  job: string,
  why: { reason: string; failure: string },
  query: Query = db.query,
): Promise<void> {
  const now = db.clock.now();
  await query
    .updateTable('occurrences')
    .set({ ...why, state: 'failed', next_at: null, ended_at: now, updated_at: now })
    .where('job_id', '=', job)
    .where(isOpen)
    .execute();
}

const insertPlanned = prepare<ReturnType<typeof occurrenceValues>>((query, row) =>
  query
    .insertInto('occurrences')
    .values(row)
    .onConflict((conflict) => conflict.doNothing()),
);

/** A run of the schedule that is to come; one that is there already stays as it is. */
export async function planOccurrence(
  db: ProcessDb,
  job: JobRow,
  planned: Omit<NewOccurrence, 'cause'>,
  query: Query = db.query,
): Promise<boolean> {
  const row = occurrenceValues(job, { ...planned, cause: 'schedule' }, db.clock.now());
  return (await insertPlanned(query, row)).numAffectedRows === 1n;
}

/** Rows in one statement. */
const BATCH = 200;

/** Runs that did not happen, and why; those that are there already stay as they are. */
export async function recordMissed(
  db: ProcessDb,
  job: JobRow,
  missed: { runs: readonly Omit<NewOccurrence, 'cause'>[]; reason: string },
  query: Query = db.query,
): Promise<void> {
  const now = db.clock.now();
  for (let from = 0; from < missed.runs.length; from += BATCH) {
    const rows = missed.runs.slice(from, from + BATCH).map((run) => ({
      ...occurrenceValues(job, { ...run, cause: 'schedule' }, now),
      state: 'missed' as const,
      next_at: null,
      reason: missed.reason,
      ended_at: now,
    }));
    await query
      .insertInto('occurrences')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** Whether another run of the job goes on. */
export async function hasLiveRun(
  db: ProcessDb,
  job: string,
  except: string,
  query: Query = db.query,
): Promise<boolean> {
  const row = await query
    .selectFrom('occurrences')
    .select('id')
    .where(isLive)
    .where('job_id', '=', job)
    .where('id', '<>', except)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The planned run of the schedule that follows, when there is one. */
export async function findPlanned(
  db: ProcessDb,
  job: string,
  query: Query = db.query,
): Promise<OccurrenceRow | undefined> {
  return query
    .selectFrom('occurrences')
    .selectAll()
    .where('job_id', '=', job)
    .where('state', '=', 'planned')
    .where('cause', '=', 'schedule')
    .where('attempts', '=', 0)
    .orderBy('scheduled_at')
    .limit(1)
    .executeTakeFirst();
}

/** An active job without a run before it is done; what it was otherwise stays. */
export async function setJobState(
  db: ProcessDb,
  job: string,
  change: { from: JobRowState; to: JobRowState; reason?: string | undefined },
  query: Query = db.query,
): Promise<boolean> {
  const result = await query
    .updateTable('jobs')
    .set({ state: change.to, state_reason: change.reason ?? null, updated_at: db.clock.now() })
    .where('id', '=', job)
    .where('state', '=', change.from)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** All active jobs: for a clock that was set. */
export async function listActiveJobs(db: ProcessDb, query: Query = db.query): Promise<readonly JobRow[]> {
  return query
    .selectFrom('jobs')
    .selectAll()
    .where(sql<boolean>`state = 'active'`)
    .orderBy('id')
    .execute();
}

/** Those whose results are on their way. */
export async function listUndelivered(db: ProcessDb): Promise<readonly OccurrenceRow[]> {
  return db.query
    .selectFrom('occurrences')
    .selectAll()
    .where(sql<boolean>`delivery = 'pending'`)
    .orderBy('id')
    .execute();
}

/** Whether the instant is taken: by a run that is planned, goes on or has ended. */
export async function hasRun(
  db: ProcessDb,
  job: string,
  scheduledAt: number,
  query: Query = db.query,
): Promise<boolean> {
  const row = await query
    .selectFrom('occurrences')
    .select('id')
    .where('job_id', '=', job)
    .where('scheduled_at', '=', scheduledAt)
    .executeTakeFirst();
  return row !== undefined;
}

/** Another instant for a run that has not begun. */
export async function movePlanned(
  db: ProcessDb,
  id: string,
  to: { scheduledAt: number; dueAt: number },
  query: Query = db.query,
): Promise<void> {
  await query
    .updateTable('occurrences')
    .set({ scheduled_at: to.scheduledAt, due_at: to.dueAt, next_at: to.dueAt, updated_at: db.clock.now() })
    .where('id', '=', id)
    .where('state', '=', 'planned')
    .execute();
}

/** Runs that are said to have been missed at a time that is still to come. */
export async function forgetAhead(db: ProcessDb, query: Query = db.query): Promise<void> {
  await query
    .deleteFrom('occurrences')
    .where('state', '=', 'missed')
    .where('scheduled_at', '>', db.clock.now())
    .execute();
}
