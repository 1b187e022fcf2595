// How far each conversation was looked back at, and when it is the next time. A mark moves when a review has ended, not before: what a
// crash cut off is still due.
import type { PersonId, SessionId, SpaceId } from '../../shared/ids.ts';
import type { Db, Query } from '../db.ts';
import { listHistory } from '../messages.ts';
import { makeKeeper } from '../query/keep.ts';
import type { Scope } from '../scope.ts';
import type { ReviewCause, ReviewState } from './tables.ts';

export interface ReviewMark {
  /** Who pays. */
  person: PersonId;
  /** Last message that was looked at; 0 before the first. */
  through: number;
  dueAt: number | undefined;
  notBefore: number;
  cause: ReviewCause | undefined;
  failures: number;
}

const keepMarks = makeKeeper<ReviewMark | undefined>('review_marks');

/** Undefined before the first turn of the session. */
export async function getReviewMark(db: Db, scope: Scope, session: SessionId): Promise<ReviewMark | undefined> {
  return keepMarks(db, `${scope.space}\u001f${session}`, async () => {
    const row = await db.query
      .selectFrom('review_marks')
      .selectAll()
      .where('session_id', '=', session)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    return (
      row && {
        person: row.person_id,
        through: row.through_id,
        dueAt: row.due_at ?? undefined,
        notBefore: row.not_before,
        cause: row.cause ?? undefined,
        failures: row.failures,
      }
    );
  });
}

/** The session is to be looked back at from `dueAt` on (ms since the epoch), and the scope's person pays. False when it is not of this space, or a worker's. */
export async function setReviewDue(
  db: Db,
  scope: Scope,
  session: SessionId,
  { dueAt, cause }: { dueAt: number; cause: ReviewCause },
): Promise<boolean> {
  return db.query.transaction().execute((trx) => markDue(db, scope, { session, dueAt, cause, takesOver: true }, trx));
}

/** As `setReviewDue`, in the caller's transaction. Without `takesOver` whoever pays already goes on paying. */
export async function markDue(
  db: Db,
  scope: Scope,
  due: { session: SessionId; dueAt: number; cause: ReviewCause; takesOver: boolean },
  query: Query = db.query,
): Promise<boolean> {
  const { session, dueAt, cause, takesOver } = due;
  if (!(await ownsSession(query, scope, session))) return false;
  const { person, space } = scope;
  const change = { due_at: dueAt, cause, updated_at: db.clock.now() };
  await query
    .insertInto('review_marks')
    .values({
      ...change,
      session_id: session,
      space_id: space,
      person_id: person,
      through_id: 0,
      not_before: 0,
      attempts: 0,
      failures: 0,
    })
    .onConflict((conflict) =>
      conflict.column('session_id').doUpdateSet(takesOver ? { ...change, person_id: person } : change),
    )
    .execute();
  return true;
}

async function ownsSession(query: Query, scope: Scope, session: SessionId): Promise<boolean> {
  const row = await query
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', session)
    .where('space_id', '=', scope.space)
    .where('task_id', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

/** Turns of people in the session that were not looked back at yet, nor taken back or summarized. */
export async function countUnreviewedTurns(db: Db, scope: Scope, session: SessionId): Promise<number> {
  const through = (await getReviewMark(db, scope, session))?.through ?? 0;
  const said = (await listHistory(db, scope, session)).filter(({ id, role }) => role === 'user' && id > through);
  return new Set(said.flatMap(({ turn }) => turn ?? [])).size;
}

/** Nothing is left to look at, unless a turn has made it due anew since `dueAt` was read. */
export async function clearReviewDue(db: Db, scope: Scope, session: SessionId, dueAt: number): Promise<void> {
  await clear(db.query, { session, space: scope.space, dueAt });
}

async function clear(query: Query, at: { session: SessionId; space: SpaceId; dueAt: number }): Promise<void> {
  await query
    .updateTable('review_marks')
    .set({ due_at: null, cause: null })
    .where('session_id', '=', at.session)
    .where('space_id', '=', at.space)
    .where('due_at', '=', at.dueAt)
    .execute();
}

/** It waits until `notBefore`, and stays due. */
export async function postponeReview(
  db: Db,
  scope: Scope,
  session: SessionId,
  { notBefore, failed }: { notBefore: number; failed: boolean },
): Promise<void> {
  await db.query
    .updateTable('review_marks')
    .set((eb) => ({ not_before: notBefore, attempts: 0, ...(failed ? { failures: eb('failures', '+', 1) } : {}) }))
    .where('session_id', '=', session)
    .where('space_id', '=', scope.space)
    .execute();
}

export interface BegunReview {
  id: number;
  /** 1, or 2 after a crash. */
  attempts: number;
}

export interface ReviewRange {
  session: SessionId;
  from: number;
  through: number;
  cause: ReviewCause;
}

/** Notes that it begins, so that a crash is counted. Undefined when there is no mark of this space. */
export async function beginReview(db: Db, scope: Scope, range: ReviewRange): Promise<BegunReview | undefined> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const mark = await trx
      .updateTable('review_marks')
      .set((eb) => ({ attempts: eb('attempts', '+', 1) }))
      .where('session_id', '=', range.session)
      .where('space_id', '=', scope.space)
      .returning('attempts')
      .executeTakeFirst();
    if (!mark) return undefined;
    const row = await trx
      .insertInto('reviews')
      .values({
        space_id: scope.space,
        person_id: scope.person,
        session_id: range.session,
        from_id: range.from,
        through_id: range.through,
        cause: range.cause,
        state: 'running',
        kept: 0,
        pending: 0,
        drafts: 0,
        detail: '',
        started_at: now,
        ended_at: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return { id: row.id, attempts: mark.attempts };
  });
}

export interface ReviewEnd {
  state: Exclude<ReviewState, 'running'>;
  kept: number;
  pending: number;
  drafts: number;
  detail: string;
  /** What is looked at from now on comes after this message; undefined: the mark stays. */
  through?: number | undefined;
  /** As it was read when the review began. */
  dueAt: number;
}

/** Ends a running review of this space, and moves the mark with it. False when it had ended. */
export async function endReview(db: Db, scope: Scope, id: number, end: ReviewEnd): Promise<boolean> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const { state, kept, pending, drafts, detail } = end;
    const ended = await trx
      .updateTable('reviews')
      .set({ state, kept, pending, drafts, detail, ended_at: now })
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .where('state', '=', 'running')
      .returning('session_id')
      .executeTakeFirst();
    if (!ended) return false;
    if (end.through === undefined) return true;
    await trx
      .updateTable('review_marks')
      .set({ through_id: end.through, attempts: 0, failures: 0, not_before: 0 })
      .where('session_id', '=', ended.session_id)
      .where('space_id', '=', scope.space)
      .where('through_id', '<=', end.through)
      .execute();
    await clear(trx, { session: ended.session_id, space: scope.space, dueAt: end.dueAt });
    return true;
  });
}

export interface Review {
  id: number;
  session: SessionId;
  person: PersonId;
  cause: ReviewCause;
  state: ReviewState;
  kept: number;
  pending: number;
  drafts: number;
  detail: string;
  startedAt: number;
  endedAt: number | undefined;
}

/** The latest first. In a group only those of the scope's person. */
export async function listReviews(
  db: Db,
  scope: Scope,
  { limit, since = 0 }: { limit: number; since?: number },
): Promise<readonly Review[]> {
  const rows = await db.query
    .selectFrom('reviews')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('started_at', '>=', since)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    session: row.session_id,
    person: row.person_id,
    cause: row.cause,
    state: row.state,
    kept: row.kept,
    pending: row.pending,
    drafts: row.drafts,
    detail: row.detail,
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
  }));
}
