// Jobs of one person in one space. A job and its next occurrence change in one transaction, so that none is without the other.
import { sql } from 'kysely';
import { AppError } from '../../shared/errors.ts';
import type { Db, Query } from '../db.ts';
import type { Scope } from '../scope.ts';
import { occurrenceValues, type JobRow, type JobTexts, type NewOccurrence } from './rows.ts';
import type { JobRowState } from './tables.ts';

/** A literal, so that SQLite sees that the partial index `jobs_name` serves the query. */
const isKept = sql<boolean>`state <> 'removed'`;

/** What was asked for once must not come back when the request is sent again. */
const REMOVED =
  'The job that this request made was removed, so it is not made again. Ask anew (with another idempotency key) to have it back.';

export interface NewJob extends JobTexts {
  /** Made by the caller, who plans the first run by it. */
  id: string;
  state: 'active' | 'paused';
  stateReason?: string | undefined;
  /** Undefined: it has no run before it. */
  first: NewOccurrence | undefined;
}

/**
 * One of this id that is there already stays as it is, and is what this resolves with. Rejects with AppError `bad_input` when it was removed, and
 * when the person has another of this name in the space.
 */
export async function addJob(db: Db, scope: Scope, job: NewJob): Promise<JobRow> {
  const now = db.clock.now();
  const { first, stateReason = null, ...texts } = job;
  return db.query.transaction().execute(async (trx) => {
    const known = await own(trx, scope).where('id', '=', job.id).executeTakeFirst();
    if (known?.state === 'removed') throw new AppError('bad_input', REMOVED);
    if (known) return known;
    await refuseTaken(trx, scope, job.name, undefined);
    const row = await trx
      .insertInto('jobs')
      .values({
        ...texts,
        space_id: scope.space,
        person_id: scope.person,
        state_reason: stateReason,
        failures: 0,
        alerted_at: null,
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    if (first)
      await trx
        .insertInto('occurrences')
        .values(occurrenceValues(row, first, now))
        .execute();
    return row;
  });
}

export interface JobRowChange extends Partial<JobTexts> {
  state?: JobRowState;
  state_reason?: string | null;
  failures?: number;
  alerted_at?: number | null;
  /**
   * Replaces what is planned by the schedule and has not begun: by this run, or by none (null). Left out: what is planned stays.
   */
  next?: NewOccurrence | null;
  /** With `next`: why what waits for another attempt is left out. Default: it goes on. */
  skipped?: string;
}

/** Undefined when there is no such job that is not removed. Rejects with AppError `bad_input` when the new name is taken. */
export async function changeJob(db: Db, scope: Scope, id: string, change: JobRowChange): Promise<JobRow | undefined> {
  const now = db.clock.now();
  const { next, skipped, ...columns } = change;
  return db.query.transaction().execute(async (trx) => {
    if (columns.name !== undefined) await refuseTaken(trx, scope, columns.name, id);
    const row = await trx
      .updateTable('jobs')
      .set({ ...columns, updated_at: now })
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .where(isKept)
      .returningAll()
      .executeTakeFirst();
    if (!row) return undefined;
    if (next !== undefined) await replan(trx, row, { next, skipped, now });
    if (row.state === 'removed') await endAllOf(trx, row.id, now);
    return row;
  });
}

/** Nothing begins a removed job, and nothing of its runs goes on: one that goes on is for the runner to stop, which ends its task. */
async function endAllOf(trx: Query, job: string, now: number): Promise<void> {
  await trx
    .updateTable('triggers')
    // Secrets of its webhooks are forgotten.
    .set({ removed_at: now, secret: null })
    .where('job_id', '=', job)
    .where('removed_at', 'is', null)
    .execute();
  const stopped = await trx
    .updateTable('tasks')
    .set({ state: 'stopped', ended_at: now })
    .where('state', 'in', ['waiting', 'running'])
    .where(
      sql<boolean>`root_id in (select 'job.' || id || '.' || failures from occurrences
        where job_id = ${job} and state not in ('claimed','running'))`,
    )
    .returning('own_turn_id')
    .execute();
  for (const { own_turn_id: turn } of stopped) {
    if (turn === null) continue;
    await trx.updateTable('turns').set({ state: 'stopped', ended_at: now }).where('id', '=', turn).execute();
    await trx.deleteFrom('journal').where('turn_id', '=', turn).execute();
  }
}

async function replan(
  trx: Query,
  job: JobRow,
  { next, skipped, now }: { next: NewOccurrence | null; skipped: string | undefined; now: number },
): Promise<void> {
  await trx
    .deleteFrom('occurrences')
    .where('job_id', '=', job.id)
    .where('state', '=', 'planned')
    .where('cause', '=', 'schedule')
    .where('attempts', '=', 0)
    .execute();
  if (skipped !== undefined)
    await trx
      .updateTable('occurrences')
      .set({ state: 'skipped', reason: skipped, next_at: null, ended_at: now, updated_at: now })
      .where('job_id', '=', job.id)
      .where('next_at', 'is not', null)
      .execute();
  if (next)
    await trx
      .insertInto('occurrences')
      .values(occurrenceValues(job, next, now))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
}

/** By id or name, not the removed ones. */
export async function findJob(db: Db, scope: Scope, idOrName: string): Promise<JobRow | undefined> {
  const rows = await own(db.query, scope)
    .where(isKept)
    .where((eb) => eb.or([eb('id', '=', idOrName), eb('name', '=', idOrName)]))
    .execute();
  return rows.find(({ id }) => id === idOrName) ?? rows[0];
}

/** Not the removed ones, by name. */
export async function listJobs(db: Db, scope: Scope): Promise<readonly JobRow[]> {
  return own(db.query, scope).where(isKept).orderBy('name').execute();
}

async function refuseTaken(trx: Query, scope: Scope, name: string, except: string | undefined): Promise<void> {
  const taken = await trx
    .selectFrom('jobs')
    .select('id')
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('name', '=', name)
    .where(isKept)
    .executeTakeFirst();
  if (taken && taken.id !== except)
    throw new AppError('bad_input', `There is a job "${name}" already. Choose another name; nothing was changed.`);
}

/** Jobs are their person's own, in a group too. */
function own(query: Query, scope: Scope) {
  return query.selectFrom('jobs').selectAll().where('space_id', '=', scope.space).where('person_id', '=', scope.person);
}
