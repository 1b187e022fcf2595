// What came of looking back and the person is to be told once, when it is a good time.
import type { SessionId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import type { Scope } from '../scope.ts';
import type { ReviewTables } from './tables.ts';

export interface ReviewNews {
  /** Says it once. */
  key: string;
  session: SessionId;
  kind: ReviewTables['review_news']['kind'];
  /** Of a draft: the skill's name. */
  skill?: string | undefined;
  /** '' for a draft, which says itself what it is. */
  text: string;
}

/** False when it was there already. */
export async function addReviewNews(db: Db, scope: Scope, news: ReviewNews): Promise<boolean> {
  const result = await db.query
    .insertInto('review_news')
    .values({
      key: news.key,
      space_id: scope.space,
      person_id: scope.person,
      session_id: news.session,
      kind: news.kind,
      skill: news.skill ?? null,
      text: news.text,
      created_at: db.clock.now(),
      told_at: null,
    })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows) === 1;
}

/** What the person was not told yet, oldest first. */
export async function listUntoldNews(db: Db, scope: Scope): Promise<readonly ReviewNews[]> {
  const rows = await db.query
    .selectFrom('review_news')
    .selectAll()
    .where('person_id', '=', scope.person)
    .where('space_id', '=', scope.space)
    .where('told_at', 'is', null)
    .orderBy('created_at')
    .execute();
  return rows.map((row) => ({
    key: row.key,
    session: row.session_id,
    kind: row.kind,
    skill: row.skill ?? undefined,
    text: row.text,
  }));
}

/** It was told, or need not be any more. */
export async function markNewsTold(db: Db, scope: Scope, key: string): Promise<void> {
  await db.query
    .updateTable('review_news')
    .set({ told_at: db.clock.now() })
    .where('key', '=', key)
    .where('person_id', '=', scope.person)
    .where('space_id', '=', scope.space)
    .execute();
}

/** When the person was last told of a draft, in whatever chat; undefined: never. */
export async function lastToldAt(db: Db, scope: Scope): Promise<number | undefined> {
  const row = await db.query
    .selectFrom('review_news')
    .select((eb) => eb.fn.max('told_at').as('at'))
    .where('person_id', '=', scope.person)
    .where('told_at', 'is not', null)
    .where('kind', '=', 'skill')
    .executeTakeFirst();
  return row?.at ?? undefined;
}
