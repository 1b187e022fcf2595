// Old rows that have done their work are deleted, in small transactions, so that the database does not grow for ever and nobody waits
// for it. Never touched: rows in a live state, conversations, memory, usage, the audit.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import type { ProcessDb } from '../db.ts';
import { INBOX_END_STATES, OUTBOX_END_STATES } from '../schema.ts';

const DAY_MS = 24 * 3_600_000;
/** Ended inbox rows tell a redelivery from a new message, and feed the timeline of our own clients, for this long. */
export const KEEP_ENDED_MS = 30 * DAY_MS;
/** Dead pairing codes are recognized when somebody sends them again; a day would do. */
export const KEEP_CODES_MS = 7 * DAY_MS;
/** What was done the same way in several conversations is seen over this long. */
const KEEP_PATTERNS_MS = 180 * DAY_MS;

export interface PruneOptions {
  /** Rows looked at per transaction. Default 500. */
  batch?: number;
}

/** Deletes what is old enough. Returns how many rows. Running it again, or stopping it in between, does no harm. */
export async function pruneEnded(db: ProcessDb, options: PruneOptions = {}): Promise<number> {
  const batch = options.batch ?? 500;
  const before = db.clock.now() - KEEP_ENDED_MS;
  return (
    (await sweep((after) => pruneInbox(db, { before, after, batch }))) +
    (await sweep((after) => pruneOutbox(db, { before, after, batch }))) +
    (await pruneCodes(db)) +
    (await pruneAsked(db, 'approvals', before)) +
    (await pruneAsked(db, 'questions', before)) +
    (await pruneResults(db, before)) +
    (await pruneReviews(db, before))
  );
}

interface Window {
  before: number;
  /** Last `seq` that was looked at. */
  after: number;
  batch: number;
}

/** `last` undefined: the table holds nothing older. */
interface Swept {
  last: number | undefined;
  deleted: number;
}

async function sweep(step: (after: number) => Promise<Swept>): Promise<number> {
  let deleted = 0;
  for (let after = 0; ;) {
    const swept = await step(after);
    deleted += swept.deleted;
    await setImmediate(); // queries alone never let the event loop turn
    if (swept.last === undefined) return deleted;
    after = swept.last;
  }
}

/** The newest row of each DM stays, however old: it is how we know where a person can be reached. */
async function pruneInbox(db: ProcessDb, window: Window): Promise<Swept> {
  return db.query.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('inbox')
      .select(['seq', 'received_at'])
      .where('seq', '>', window.after)
      .orderBy('seq')
      .limit(window.batch)
      .execute();
    const last = lastOld(rows, (row) => row.received_at < window.before);
    if (last === undefined) return { last, deleted: 0 };
    const result = await trx
      .deleteFrom('inbox')
      .where('seq', '>', window.after)
      .where('seq', '<=', last)
      .where('state', 'in', INBOX_END_STATES)
      .where('updated_at', '<', window.before)
      .where(
        sql<boolean>`(chat_kind <> 'dm' or exists (select 1 from inbox newer where newer.platform = inbox.platform
          and newer.account = inbox.account and newer.user_id = inbox.user_id and newer.chat = inbox.chat
          and newer.thread = inbox.thread and newer.chat_kind = 'dm' and newer.seq > inbox.seq))`,
      )
      .executeTakeFirst();
    return { last, deleted: Number(result.numDeletedRows) };
  });
}

async function pruneOutbox(db: ProcessDb, window: Window): Promise<Swept> {
  return db.query.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('outbox')
      .select(['seq', 'created_at'])
      .where('seq', '>', window.after)
      .orderBy('seq')
      .limit(window.batch)
      .execute();
    const last = lastOld(rows, (row) => row.created_at < window.before);
    if (last === undefined) return { last, deleted: 0 };
    const result = await trx
      .deleteFrom('outbox')
      .where('seq', '>', window.after)
      .where('seq', '<=', last)
      .where('state', 'in', OUTBOX_END_STATES)
      .where('updated_at', '<', window.before)
      .executeTakeFirst();
    return { last, deleted: Number(result.numDeletedRows) };
  });
}

/** `seq` of the last row that is old. Rows stand in order of arrival, so a batch without any ends the sweep. */
function lastOld<Row extends { seq: number }>(rows: readonly Row[], isOld: (row: Row) => boolean): number | undefined {
  return rows.findLast(isOld)?.seq;
}

async function pruneCodes(db: ProcessDb): Promise<number> {
  const now = db.clock.now();
  const result = await db.query
    .deleteFrom('pairing_codes')
    .where('created_at', '<', now - KEEP_CODES_MS)
    .where((eb) => eb.or([eb('used_at', 'is not', null), eb('expires_at', '<=', now)]))
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** Answered, used and forgotten ones; those of a turn that still runs stay, whatever their age. */
async function pruneAsked(db: ProcessDb, table: 'approvals' | 'questions', before: number): Promise<number> {
  const result = await db.query
    .deleteFrom(table)
    .where('expires_at', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('turns')
            .select('turns.id')
            .whereRef('turns.id', '=', `${table}.turn_id`)
            .where('turns.state', '=', 'running'),
        ),
      ),
    )
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** Long results of tools; what the model said about them stays in the conversation. */
async function pruneResults(db: ProcessDb, before: number): Promise<number> {
  const result = await db.query.deleteFrom('results').where('created_at', '<', before).executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** What reviews came to, and what people were told of it. What is not told yet stays. */
async function pruneReviews(db: ProcessDb, before: number): Promise<number> {
  const patterns = db.clock.now() - KEEP_PATTERNS_MS;
  const results = [
    await db.query.deleteFrom('reviews').where('ended_at', '<', before).executeTakeFirst(),
    await db.query.deleteFrom('review_news').where('told_at', '<', before).executeTakeFirst(),
    await db.query.deleteFrom('review_patterns').where('created_at', '<', patterns).executeTakeFirst(),
  ];
  return results.reduce((sum, { numDeletedRows }) => sum + Number(numDeletedRows), 0);
}
