// What a runner does with occurrences: it finds what is due, takes it under a lease, and notes how it ended. Each change says from which
// states it leads away, so that of two runners one alone makes it.
import { sql } from 'kysely';
import type { PersonId } from '../../../shared/ids.ts';
import type { ProcessDb, Query } from '../../db.ts';
import { prepare } from '../../query/prepared.ts';
import type { JobRow, OccurrenceRow } from '../../schedule/rows.ts';
import type { JobRowState, OccurrenceState } from '../../schedule/tables.ts';

/** Literals, so that SQLite sees which partial index serves the query. */
const isOpen = sql<boolean>`next_at is not null`;
const isLive = sql<boolean>`state in ('claimed','running')`;

/** One run of a job goes on at a time: what events have queued up behind it must not fill a look, and keep others from being seen. */
const isInLine = sql<boolean>`(cause <> 'schedule' and exists (
  select 1 from occurrences as live where live.job_id = occurrences.job_id and live.state in ('claimed','running')))`;

const selectDue = prepare<{ now: number; limit: number }, OccurrenceRow>((query, { now, limit }) =>
  query
    .selectFrom('occurrences')
    .selectAll()
    .where(isOpen)
    .where('next_at', '<=', now)
    .where((eb) => eb.not(isInLine))
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
    .where((eb) => eb.not(isInLine))
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

/**
 * Whether something is due that was not taken, and when there is something to do after now at the earliest: a run is due, or the lease of
 * somebody else ends. The one must not hide the other.
 */
export async function nextInstant(
  db: ProcessDb,
  owner: string,
): Promise<{ isAnyDue: boolean; at: number | undefined }> {
  const now = db.clock.now();
  const waiting = await db.query
    .selectFrom('occurrences')
    .select('id')
    .where(isOpen)
    .where('next_at', '<=', now)
    .limit(1)
    .executeTakeFirst();
  const planned = await db.query
    .selectFrom('occurrences')
    .select((eb) => eb.fn.min('next_at').as('at'))
    .where(isOpen)
    .where('next_at', '>', now)
    .executeTakeFirst();
  const lease = await db.query
    .selectFrom('occurrences')
    .select((eb) => eb.fn.min('lease_until').as('at'))
    .where(isLive)
    .where('lease_owner', '<>', owner)
    .executeTakeFirst();
  const found = [planned?.at, lease?.at].filter((at) => at !== null && at !== undefined);
  const ahead = found.filter((at) => at > now);
  return {
    isAnyDue: waiting !== undefined || ahead.length < found.length,
    at: ahead.length === 0 ? undefined : Math.min(...ahead),
  };
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
  // In order by the database, it would read the whole table to save itself from sorting the few that are live.
  return (await select.execute()).toSorted((one, other) => (one.id < other.id ? -1 : 1));
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

/** Those whose results are on their way. */
export async function listUndelivered(db: ProcessDb): Promise<readonly OccurrenceRow[]> {
  return db.query
    .selectFrom('occurrences')
    .selectAll()
    .where(sql<boolean>`delivery = 'pending'`)
    .orderBy('id')
    .execute();
}
