// What was said in one chat, as the clients of ours (page, terminal) show it: inbox and outbox rows of that chat, by time.
import { sql } from 'kysely';
import type { AccountId, ChatId, MessageId } from '../../shared/ids.ts';
import type { ProcessDb } from '../db.ts';
import type { OutboxKind } from '../schema.ts';
import { inboxRow } from './inbox.ts';
import { outboxRow, type OutboxRow } from './outbox.ts';

export interface TimelineRow {
  /** `i<inbox>` or the key of the outbox row. */
  key: string;
  /** Of an inbound row: the platform's own id of it. */
  message: MessageId | undefined;
  direction: 'in' | 'out';
  kind: OutboxKind;
  at: number;
  text: string;
  files: OutboxRow['files'];
  buttons: OutboxRow['buttons'];
}

/** The last `limit` lines before the line `before`, oldest first. An unknown `before` counts as none. */
export async function listTimeline(
  db: ProcessDb,
  chat: { platform: string; account: AccountId; chat: ChatId },
  page: { limit: number; before?: string | undefined },
): Promise<readonly TimelineRow[]> {
  const before = (page.before === undefined ? undefined : await placeOf(db, page.before)) ?? END;
  const limit = Math.max(1, Math.min(500, page.limit));
  const order = await sql<{ side: 'in' | 'out'; seq: number }>`
    select side, seq from (
      select 'in' as side, seq, received_at as at from inbox
        where platform = ${chat.platform} and account = ${chat.account} and chat = ${chat.chat}
          and kind in ('message','button') and received_at <= ${before.at}
      union all
      select 'out', seq, created_at from outbox
        where platform = ${chat.platform} and account = ${chat.account} and chat = ${chat.chat}
          and created_at <= ${before.at} and part > 0 and state <> 'expired'
    ) where (at, side, seq) < (${before.at}, ${before.side}, ${before.seq})
    order by at desc, side desc, seq desc limit ${limit}`.execute(db.query);
  const lines: TimelineRow[] = [];
  for (const { side, seq } of order.rows.reverse()) {
    const line = side === 'in' ? await inLine(db, seq) : await outLine(db, seq);
    if (line) lines.push(line);
  }
  return lines;
}

/** Where a line stands: lines of one millisecond have an order too, or a page would leave some of them out. */
interface LinePlace {
  at: number;
  side: 'in' | 'out';
  seq: number;
}

const END: LinePlace = { at: Number.MAX_SAFE_INTEGER, side: 'out', seq: 0 };

async function placeOf(db: ProcessDb, key: string): Promise<LinePlace | undefined> {
  if (/^i\d+$/.test(key)) {
    const seq = Number(key.slice(1));
    const row = await db.query.selectFrom('inbox').select('received_at').where('seq', '=', seq).executeTakeFirst();
    return row && { at: row.received_at, side: 'in', seq };
  }
  const row = await db.query
    .selectFrom('outbox')
    .select(['created_at', 'seq'])
    .where('key', '=', key)
    .executeTakeFirst();
  return row && { at: row.created_at, side: 'out', seq: row.seq };
}

async function inLine(db: ProcessDb, seq: number): Promise<TimelineRow | undefined> {
  const row = await db.query.selectFrom('inbox').selectAll().where('seq', '=', seq).executeTakeFirst();
  if (!row) return undefined;
  const { id, message, payload, receivedAt } = inboxRow(row);
  const names = payload.attachments.map((file) => `📎 ${file.name ?? file.kind}`);
  return {
    key: `i${id}`,
    message,
    direction: 'in',
    kind: 'message',
    at: receivedAt,
    text: [payload.button?.data ?? payload.text, ...names].filter((part) => part !== '').join('\n'),
    files: [],
    buttons: [],
  };
}

async function outLine(db: ProcessDb, seq: number): Promise<TimelineRow | undefined> {
  const row = await db.query.selectFrom('outbox').selectAll().where('seq', '=', seq).executeTakeFirst();
  if (!row) return undefined;
  const { key, kind, createdAt, text, files, buttons } = outboxRow(row);
  return { key, message: undefined, direction: 'out', kind, at: createdAt, text, files, buttons };
}
