// Finding entries by their words (unicode61, accents folded) and by parts of words (trigram), which also serves scripts without spaces.
import { sql } from 'kysely';
import type { Db } from '../db.ts';
import type { Scope } from '../scope.ts';
import { entryOf, foldText, type MemoryEntry, type MemoryRow } from './entries.ts';

export interface MemoryQuery {
  /** Any of them may match. */
  words: readonly string[];
  limit: number;
  /** What was taken out or replaced, too. Default false. */
  withSuperseded?: boolean;
}

export interface MemoryHit {
  entry: MemoryEntry;
  /** Larger is better; of one search only. */
  score: number;
}

/** Entries looked at for words that no index holds: the newest ones. */
const MAX_SCANNED = 5_000;
const MAX_PIECES = 64;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;

/** By whole words, best first. */
export async function searchMemoryWords(db: Db, scope: Scope, query: MemoryQuery): Promise<readonly MemoryHit[]> {
  return match(db, scope, query, { table: 'memories_fts', words: query.words });
}

/** By parts of words, best first; one and two signs are looked for in the newest entries. */
export async function searchMemoryParts(db: Db, scope: Scope, query: MemoryQuery): Promise<readonly MemoryHit[]> {
  const isLong = (word: string) => [...word].length >= 3;
  const words = [...new Set(query.words.filter(isLong).flatMap(piecesOf))].slice(0, MAX_PIECES);
  const hits = await match(db, scope, query, { table: 'memories_trigram', words });
  // Where the words are short, they are what is meant: Chinese and Japanese have many of them.
  return hits.length > 0 || query.words.some(isLong) ? hits : matchShort(db, scope, query);
}

/** A run of signs without spaces is a sentence in some scripts: any three of them in a row may match. */
function piecesOf(word: string): readonly string[] {
  if (!UNSPACED.test(word)) return [word];
  const signs = [...word];
  return signs.slice(2).map((_, at) => signs.slice(at, at + 3).join(''));
}

async function match(
  db: Db,
  scope: Scope,
  query: MemoryQuery,
  index: { table: 'memories_fts' | 'memories_trigram'; words: readonly string[] },
): Promise<readonly MemoryHit[]> {
  if (index.words.length === 0) return [];
  const table = sql.table(index.table);
  const words = index.words.map((word) => `"${word.replaceAll('"', '""')}"`).join(' OR ');
  const rows = await sql<MemoryRow & { rank: number }>`
    select m.*, f.rank from ${table} f join memories m on m.id = f.rowid
    where ${table} match ${words} and m.space_id = ${scope.space} and m.state in (${states(query)})
    order by f.rank limit ${query.limit}`.execute(db.query);
  return rows.rows.map(({ rank, ...row }) => ({ entry: entryOf(row), score: -rank }));
}

async function matchShort(db: Db, scope: Scope, query: MemoryQuery): Promise<readonly MemoryHit[]> {
  const rows = await db.query
    .selectFrom('memories')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where(sql<boolean>`state in (${states(query)})`)
    .orderBy('id', 'desc')
    .limit(MAX_SCANNED)
    .execute();
  return rows
    .map((row) => ({
      entry: entryOf(row),
      score: query.words.filter((word) => foldText(row.text).includes(word)).length,
    }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score || b.entry.id - a.entry.id)
    .slice(0, query.limit);
}

function states({ withSuperseded = false }: MemoryQuery) {
  return sql.join(withSuperseded ? ['active', 'superseded'] : ['active']);
}
