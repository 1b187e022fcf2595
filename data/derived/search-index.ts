// Brings messages into the search indexes, many at a time: one by one it would take as long as all the rest of a turn. A search brings in
// what is new before it looks, so it finds the newest message too. What was there before the indexes comes in by and by, newest first.
// A row of an index is numbered by its space and its message: all of one space lie together, and a search reads nobody else's.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import { AppError } from '../../shared/errors.ts';
import type { Db, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { isStorageFailure } from '../storage-errors.ts';
import { indexedParts, indexedWords } from './search-text.ts';

/** Messages in one transaction: about 20 ms. */
const BATCH = 500;
/** So many wait before they are brought in without a search. */
const MAX_WAITING = 100;
/** So many old ones are brought in while a search waits; more go on behind it. */
const MAX_AWAITED = 20_000;

type Step = (trx: Query) => Promise<boolean>;

/** Brings in all new messages, and the older ones as far as they are few. When the disk has no room they wait, and a search misses them. */
export async function indexMessages(db: Db): Promise<void> {
  try {
    await repeat(db, indexNewer);
    const { since } = await readState(db.query);
    if (since <= 1) return;
    const done = bringInOlder(db);
    if (since <= MAX_AWAITED) await done;
  } catch (error) {
    if (!(error instanceof AppError) && !isStorageFailure(error)) throw error;
  }
}

const running = new WeakMap<Db['writes'], Promise<void>>();

/** One at a time. It ends early when the database is closed or full; the next search begins where it ended. */
function bringInOlder(db: Db): Promise<void> {
  const known = running.get(db.writes);
  if (known) return known;
  const done = repeat(db, indexOlder)
    .catch(() => undefined)
    .finally(() => running.delete(db.writes));
  running.set(db.writes, done);
  return done;
}

async function repeat(db: Db, step: Step): Promise<void> {
  while (await db.query.transaction().execute(step)) await setImmediate(); // queries alone never let the event loop turn
}

const keepThrough = makeKeeper<number>('search_state');

/** `indexMessages`, when there is enough to do; `last` is the newest message. */
export async function indexInTime(db: Db, last: number): Promise<void> {
  const through = await keepThrough(db, '', async () => (await readState(db.query)).through);
  if (last - through >= MAX_WAITING) await indexMessages(db);
}

/** False when nothing waited. */
async function indexNewer(trx: Query): Promise<boolean> {
  const { through } = await readState(trx);
  const rows = await trx
    .selectFrom('messages')
    .select(['id', 'space_id', 'role', 'text'])
    .where('id', '>', through)
    .orderBy('id')
    .limit(BATCH)
    .execute();
  const last = rows.at(-1)?.id;
  if (last === undefined) return false;
  await insertRows(trx, rows);
  await trx.updateTable('search_state').set({ through: last }).execute();
  return true;
}

async function indexOlder(trx: Query): Promise<boolean> {
  const { since } = await readState(trx);
  if (since <= 1) return false;
  const rows = await trx
    .selectFrom('messages')
    .select(['id', 'space_id', 'role', 'text'])
    .where('id', '<', since)
    .orderBy('id', 'desc')
    .limit(BATCH)
    .execute();
  await insertRows(trx, rows.reverse());
  await trx
    .updateTable('search_state')
    .set({ since: rows[0]?.id ?? 1 })
    .execute();
  return true;
}

interface IndexedRow {
  id: number;
  space_id: string;
  role: string;
  text: string;
}

async function insertRows(trx: Query, rows: readonly IndexedRow[]): Promise<void> {
  const said = rows.filter(({ role, text }) => (role === 'user' || role === 'assistant') && text !== '');
  if (said.length === 0) return;
  const spaces = JSON.stringify([...new Set(said.map((row) => row.space_id))]);
  await sql`insert or ignore into search_spaces (space_id) select value from json_each(${spaces})`.execute(trx);
  const known = await sql<{ n: number; space_id: string }>`
    select n, space_id from search_spaces where space_id in (select value from json_each(${spaces}))`.execute(trx);
  const numbers = new Map(known.rows.map(({ n, space_id }) => [space_id, n]));
  // In the order of their numbers: the index would be written to disk anew at each step back.
  const numbered = said
    .map(({ id, space_id, text }) => ({ n: numbers.get(space_id) ?? 0, id, text }))
    .sort((a, b) => a.n - b.n || a.id - b.id);
  for (const [table, textOf] of [
    ['search_words', indexedWords],
    ['search_parts', indexedParts],
  ] as const) {
    const values = JSON.stringify(numbered.map(({ n, id, text }) => [n, id, textOf(text)]));
    await sql`insert into ${sql.table(table)} (rowid, text)
      select (json_extract(value, '$[0]') << 32) | json_extract(value, '$[1]'), json_extract(value, '$[2]')
      from json_each(${values})`.execute(trx);
  }
}

async function readState(query: Query): Promise<{ through: number; since: number }> {
  return query.selectFrom('search_state').select(['through', 'since']).executeTakeFirstOrThrow();
}
