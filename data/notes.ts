// Short notes that a person asked the agent to keep, per space.
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

/** Notes looked at by one search: the newest ones. */
const MAX_SEARCHED = 5_000;

/** Keeps a note once: the same text in the same space is not stored again. */
export async function addNote(
  db: Db,
  scope: Scope,
  note: { text: string; origin: Origin; turn?: TurnId | undefined },
): Promise<{ id: number; isNew: boolean }> {
  return db.query.transaction().execute(async (trx) => {
    const known = await trx
      .selectFrom('notes')
      .select('id')
      .where('space_id', '=', scope.space)
      .where('text', '=', note.text)
      .executeTakeFirst();
    if (known) return { id: known.id, isNew: false };
    const row = await trx
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
  });
}

/** Notes that share words with the query, most shared first, whatever the case and accents; the latest ones for an empty query. */
export async function findNotes(db: Db, scope: Scope, query: string, limit: number): Promise<readonly Note[]> {
  const words = [...new Set(searchWords(fold(query)))].slice(0, 12);
  const rows = await db.query
    .selectFrom('notes')
    .select(['id', 'text', 'origin', 'created_at'])
    .where('space_id', '=', scope.space)
    .orderBy('id', 'desc')
    .limit(words.length === 0 ? limit : MAX_SEARCHED)
    .execute();
  // Scored here and not in SQL, whose lower() knows ASCII only.
  const scored = rows.map((row) => {
    const text = fold(row.text);
    return { row, score: words.filter((word) => text.includes(word)).length };
  });
  return scored
    .filter(({ score }) => words.length === 0 || score > 0)
    .toSorted((a, b) => b.score - a.score || b.row.id - a.row.id)
    .slice(0, limit)
    .map(({ row }) => ({ id: row.id, text: row.text, origin: row.origin, createdAt: row.created_at }));
}

/** Lower case without accents. */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFKC')
    .toLowerCase();
}

/** Forgets what a turn noted. Returns how many notes. */
export async function removeNotesOf(db: Db, scope: Scope, turn: TurnId): Promise<number> {
  const result = await db.query
    .deleteFrom('notes')
    .where('turn_id', '=', turn)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
