// Runs of schedules that are to come, and instants that are taken: what a runner plans, moves and notes as missed.
import { sql } from 'kysely';
import type { ProcessDb, Query } from '../../db.ts';
import { prepare } from '../../query/prepared.ts';
import { occurrenceValues, type JobRow, type NewOccurrence, type OccurrenceRow } from '../../schedule/rows.ts';

/** A literal, so that SQLite sees which partial index serves the query. */
const isOpen = sql<boolean>`next_at is not null`;

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

/** All active jobs: for a clock that was set. */
export async function listActiveJobs(db: ProcessDb, query: Query = db.query): Promise<readonly JobRow[]> {
  return query
    .selectFrom('jobs')
    .selectAll()
    .where(sql<boolean>`state = 'active'`)
    .orderBy('id')
    .execute();
}

/** Whether a run of the schedule waits for its time at this instant. */
export async function hasOpenRun(
  db: ProcessDb,
  job: string,
  scheduledAt: number,
  query: Query = db.query,
): Promise<boolean> {
  const row = await runsAt(query, job, scheduledAt).where('cause', '=', 'schedule').where(isOpen).executeTakeFirst();
  return row !== undefined;
}

/** Whether the instant is taken: by a run that is planned, goes on or has ended. */
export async function hasRun(
  db: ProcessDb,
  job: string,
  scheduledAt: number,
  query: Query = db.query,
): Promise<boolean> {
  return (await runsAt(query, job, scheduledAt).executeTakeFirst()) !== undefined;
}

function runsAt(query: Query, job: string, scheduledAt: number) {
  return query.selectFrom('occurrences').select('id').where('job_id', '=', job).where('scheduled_at', '=', scheduledAt);
}

/** The last instant of a job that is taken. */
export async function lastTaken(db: ProcessDb, job: string, query: Query = db.query): Promise<number | undefined> {
  const row = await query
    .selectFrom('occurrences')
    .select((eb) => eb.fn.max('scheduled_at').as('at'))
    .where('job_id', '=', job)
    .executeTakeFirst();
  return row?.at ?? undefined;
}

/** When the latest of all runs was written down. */
export async function lastWritten(db: ProcessDb): Promise<number | undefined> {
  const row = await db.query
    .selectFrom('occurrences')
    .select('created_at')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.created_at;
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
