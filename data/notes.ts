// Short notes that a person asked the agent to keep, per space.
import { sql } from 'kysely';
import type { TurnId } from '../shared/ids.ts';
import type { Origin } from '../shared/messages.ts';
import type { Db } from './db.ts';
import type { Scope } from './scope.ts';
import { searchWords } from './search.ts';

export interface Note {
  id: number;
  text: string;
  origin: Origin;
  createdAt: number;
}

/** Keeps a note once: the same text in the same space is not stored again. */
export async function addNote(
  db: Db,
  scope: Scope,
  note: { text: string; origin: Origin; turn?: TurnId | undefined },
): Promise<{ id: number; isNew: boolean }> {
  const known = await db.query
    .selectFrom('notes')
    .select('id')
    .where('space_id', '=', scope.space)
    .where('text', '=', note.text)
    .executeTakeFirst();
  if (known) return { id: known.id, isNew: false };
  const row = await db.query
    .insertInto('notes')
    .values({
      space_id: scope.space,
      person_id: scope.person,
      turn_id: note.turn ?? null,
      text: note.text,
      origin: note.origin,
      created_at: db.clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id: row.id, isNew: true };
}

/** Notes that share words with the query, most shared first; the latest ones for an empty query. */
export async function findNotes(db: Db, scope: Scope, query: string, limit: number): Promise<readonly Note[]> {
  const words = searchWords(query.toLowerCase()).slice(0, 12);
  const score =
    words.length === 0
      ? sql<number>`1`
      : sql<number>`(${sql.join(
          words.map((word) => sql`(instr(lower(text), ${word}) > 0)`),
          sql` + `,
        )})`;
  const rows = await db.query
    .selectFrom('notes')
    .select(['id', 'text', 'origin', 'created_at'])
    .where('space_id', '=', scope.space)
    .where(score, '>', 0)
    .orderBy(score, 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ id: row.id, text: row.text, origin: row.origin, createdAt: row.created_at }));
}
