// Brings messages into the search indexes, many at a time: one by one it would take as long as all the rest of a turn. A search brings in
// what is left before it looks, so it finds the newest message too.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import { AppError } from '../../shared/errors.ts';
import type { Db, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { isStorageFailure } from '../storage-errors.ts';

/** Messages in one transaction: about 10 ms. */
const BATCH = 500;
/** So many wait before they are brought in without a search. */
const MAX_WAITING = 100;

/** Brings in all messages that wait. When the disk has no room for it they go on waiting, and a search misses them. */
export async function indexMessages(db: Db): Promise<void> {
  try {
    while (await db.query.transaction().execute(indexSome)) await setImmediate(); // queries alone never let the event loop turn
  } catch (error) {
    if (!(error instanceof AppError) && !isStorageFailure(error)) throw error;
  }
}

const keepThrough = makeKeeper<number>('search_state');

/** `indexMessages`, when there is enough to do; `last` is the newest message. */
export async function indexInTime(db: Db, last: number): Promise<void> {
  const through = await keepThrough(db, '', () => readThrough(db.query));
  if (last - through >= MAX_WAITING) await indexMessages(db);
}

/** False when nothing waited. */
async function indexSome(trx: Query): Promise<boolean> {
  const through = await readThrough(trx);
  const rows = await trx
    .selectFrom('messages')
    .select('id')
    .where('id', '>', through)
    .orderBy('id')
    .limit(BATCH)
    .execute();
  const last = rows.at(-1)?.id;
  if (last === undefined) return false;
  for (const index of ['messages_fts', 'messages_trigram'])
    await sql`insert into ${sql.table(index)} (rowid, text)
      select id, text from messages
      where id > ${through} and id <= ${last} and role in ('user','assistant') and text <> ''`.execute(trx);
  await trx.updateTable('search_state').set({ through: last }).execute();
  return true;
}

async function readThrough(query: Query): Promise<number> {
  return (await query.selectFrom('search_state').select('through').executeTakeFirstOrThrow()).through;
}
