// What is due to be looked back at, over all people: found again after a restart, from the rows alone.
import type { SessionId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import type { ProcessDb } from '../db.ts';
import type { DueReview, UntoldPlace } from '../review/due.ts';
import { clearReviewDue, markDue } from '../review/marks.ts';
import { storedScope } from '../scope.ts';
import { addressOf } from './chats.ts';

/** When the next review is due, which may have passed; undefined when none is. */
export async function nextReviewAt(db: ProcessDb): Promise<number | undefined> {
  const row = await db.query
    .selectFrom('review_marks')
    .select((eb) => eb.fn('max', ['due_at', 'not_before']).as('at'))
    .where('due_at', 'is not', null)
    .orderBy('at')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : Number(row.at);
}

/** Due by now, longest first. Where the person or the chat is gone, nothing is due any more. */
export async function listDueReviews(db: ProcessDb, limit: number): Promise<readonly DueReview[]> {
  const now = db.clock.now();
  const rows = await db.query
    .selectFrom('review_marks')
    .leftJoin('persons', 'persons.id', 'review_marks.person_id')
    .select(['review_marks.session_id', 'review_marks.space_id', 'review_marks.person_id', 'cause', 'due_at', 'role'])
    .where('due_at', '<=', now)
    .where('not_before', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute();
  const due: DueReview[] = [];
  for (const row of rows) {
    const address = await lastAddress(db, row.session_id);
    const scope = storedScope(row.person_id, row.space_id);
    if (row.due_at === null) continue;
    if (!address || !row.role) await clearReviewDue(db, scope, row.session_id, row.due_at);
    else
      due.push({
        scope,
        session: row.session_id,
        role: row.role,
        address,
        cause: row.cause ?? 'idle',
        dueAt: row.due_at,
      });
  }
  return due;
}

/** Where the last turn of a session was answered. */
export async function lastAddress(db: ProcessDb, session: SessionId): Promise<Address | undefined> {
  const row = await db.query
    .selectFrom('turns')
    .select(['platform', 'account', 'chat', 'thread', 'chat_kind'])
    .where('session_id', '=', session)
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && addressOf(row);
}

/**
 * After a start: reviews that were running are cut off, and sessions whose last turn ended without anybody noting it (the process ended
 * just then) are due from now on, if they were used since `since` (ms since the epoch).
 */
export async function recoverReviews(db: ProcessDb, since: number): Promise<void> {
  const now = db.clock.now();
  await db.query.transaction().execute(async (trx) => {
    await trx.updateTable('reviews').set({ state: 'cut', ended_at: now }).where('state', '=', 'running').execute();
    const missed = await trx
      .selectFrom('sessions')
      .leftJoin('review_marks', 'review_marks.session_id', 'sessions.id')
      .select(['sessions.id', 'sessions.space_id', 'sessions.person_id', 'review_marks.session_id as marked'])
      .where('sessions.task_id', 'is', null)
      .where('sessions.updated_at', '>=', since)
      .where((eb) =>
        eb.or([
          eb('review_marks.session_id', 'is', null),
          eb.and([
            eb('review_marks.due_at', 'is', null),
            eb('review_marks.updated_at', '<', eb.ref('sessions.updated_at')),
          ]),
        ]),
      )
      .execute();
    for (const { id, space_id: space, person_id: person } of missed)
      await markDue(db, storedScope(person, space), { session: id, dueAt: now, cause: 'idle', takesOver: false }, trx);
  });
}

/** Spaces in which a person is to be told something, with the conversation that the latest of it is from: there they are most likely to be. */
export async function listUntoldPlaces(db: ProcessDb): Promise<readonly UntoldPlace[]> {
  const rows = await db.query
    .selectFrom('review_news')
    .select(['person_id', 'space_id', 'session_id'])
    .where('told_at', 'is', null)
    .orderBy('created_at')
    .orderBy('key')
    .execute();
  const places = new Map<string, UntoldPlace>();
  for (const { person_id: person, space_id: space, session_id: session } of rows)
    places.set(JSON.stringify([person, space]), { scope: storedScope(person, space), session });
  return [...places.values()];
}
