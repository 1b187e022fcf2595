// What was said in one chat, as the clients of ours (page, terminal) show it: inbox and outbox rows, by time.
import { sql } from 'kysely';
import type { AccountId, ChatId, MessageId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import type { ProcessDb } from '../db.ts';
import type { OutboxKind } from '../schema.ts';
import { inboxRow } from './inbox.ts';
import { outboxRow, type OutboxRow } from './outbox.ts';

export interface TimelineRow {
  /** `i<inbox>` or the key of the outbox row. */
  key: string;
  /** Platform of another chat of the person in which it was said. */
  via: string | undefined;
  /** Of an inbound row of this chat: the platform's own id of it. */
  message: MessageId | undefined;
  direction: 'in' | 'out';
  kind: OutboxKind;
  at: number;
  text: string;
  files: OutboxRow['files'];
  buttons: OutboxRow['buttons'];
}

/**
 * The last `limit` lines before the line `before`, oldest first. An unknown `before` counts as none. A direct chat that shows its
 * person's common conversation has the lines of their other direct chats too.
 */
export async function listTimeline(
  db: ProcessDb,
  chat: ChatKey,
  page: { limit: number; before?: string | undefined },
): Promise<readonly TimelineRow[]> {
  const before = (page.before === undefined ? undefined : await placeOf(db, page.before)) ?? END;
  const limit = Math.max(1, Math.min(500, page.limit));
  const person = await personOfChat(db, chat);
  const elsewhere = person === undefined ? sql`` : linesElsewhere(person, chat, before.at);
  const order = await sql<{ side: 'in' | 'out'; seq: number }>`
    select side, seq from (
      select 'in' as side, seq, received_at as at from inbox
        where platform = ${chat.platform} and account = ${chat.account} and chat = ${chat.chat}
          and kind in ('message','button') and received_at <= ${before.at}
      union all
      select 'out', seq, created_at from outbox
        where platform = ${chat.platform} and account = ${chat.account} and chat = ${chat.chat}
          and created_at <= ${before.at} and part > 0 and state <> 'expired'
      ${elsewhere}
    ) where (at, side, seq) < (${before.at}, ${before.side}, ${before.seq})
    order by at desc, side desc, seq desc limit ${limit}`.execute(db.query);
  const lines: TimelineRow[] = [];
  for (const { side, seq } of order.rows.reverse()) {
    const line = side === 'in' ? await inLine(db, seq, chat) : await outLine(db, seq, chat);
    if (line) lines.push(line);
  }
  return lines;
}

export type ChatKey = { platform: string; account: AccountId; chat: ChatId };

/** Whose direct chat this is today, unless it has a conversation of its own. */
async function personOfChat(db: ProcessDb, chat: ChatKey): Promise<string | undefined> {
  const found = await sql<{ person: string }>`
    select inbox.person_id as person from inbox
      join identities on identities.platform = inbox.platform and identities.account = inbox.account
        and identities.user_id = inbox.user_id and identities.person_id = inbox.person_id
      where inbox.platform = ${chat.platform} and inbox.account = ${chat.account} and inbox.chat = ${chat.chat}
        and inbox.chat_kind = 'dm' and not ${ownConversation('inbox')}
      order by inbox.seq desc limit 1`.execute(db.query);
  return found.rows[0]?.person;
}

/** Questions and answers of the person's other direct chats; commands and notices stay where they were said. */
function linesElsewhere(person: string, chat: ChatKey, until: number) {
  const isThisChat = (table: 'inbox' | 'outbox') => sql`(${sql.ref(`${table}.platform`)} = ${chat.platform}
    and ${sql.ref(`${table}.account`)} = ${chat.account} and ${sql.ref(`${table}.chat`)} = ${chat.chat})`;
  return sql`
    union all
    select 'in', seq, received_at from inbox
      where person_id = ${person} and session_id is not null and chat_kind = 'dm' and kind in ('message','button')
        and received_at <= ${until} and not ${isThisChat('inbox')} and not ${ownConversation('inbox')}
    union all
    select 'out', seq, created_at from outbox
      where person_id = ${person} and kind = 'answer' and chat_kind = 'dm' and part > 0 and state <> 'expired'
        and created_at <= ${until} and not ${isThisChat('outbox')} and not ${ownConversation('outbox')}`;
}

function ownConversation(table: 'inbox' | 'outbox') {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  return sql`exists (select 1 from chats where chats.platform = ${column('platform')} and chats.account = ${column('account')}
    and chats.chat = ${column('chat')} and chats.thread = ${column('thread')} and chats.session_id is not null)`;
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

async function inLine(db: ProcessDb, seq: number, chat: ChatKey): Promise<TimelineRow | undefined> {
  const row = await db.query.selectFrom('inbox').selectAll().where('seq', '=', seq).executeTakeFirst();
  if (!row) return undefined;
  const { id, message, payload, receivedAt, address } = inboxRow(row);
  const via = viaOf(address, chat);
  // Nobody said it: it stands among the notices.
  if (payload.event)
    return {
      key: `i${id}`,
      via,
      message: undefined,
      direction: 'out',
      kind: 'notice',
      at: receivedAt,
      text: payload.text,
      files: [],
      buttons: [],
    };
  const names = payload.attachments.map((file) => `📎 ${file.name ?? file.kind}`);
  return {
    key: `i${id}`,
    via,
    message: via === undefined ? message : undefined,
    direction: 'in',
    kind: 'message',
    at: receivedAt,
    text: [payload.button?.data ?? payload.text, ...names].filter((part) => part !== '').join('\n'),
    files: [],
    buttons: [],
  };
}

async function outLine(db: ProcessDb, seq: number, chat: ChatKey): Promise<TimelineRow | undefined> {
  const row = await db.query.selectFrom('outbox').selectAll().where('seq', '=', seq).executeTakeFirst();
  if (!row) return undefined;
  const { key, kind, createdAt, text, files, buttons, to } = outboxRow(row);
  const via = viaOf(to, chat);
  // A button belongs to its message, which is elsewhere.
  const shown = via === undefined ? buttons : [];
  return { key, via, message: undefined, direction: 'out', kind, at: createdAt, text, files, buttons: shown };
}

function viaOf(at: Address, chat: ChatKey): string | undefined {
  const isHere = at.platform === chat.platform && at.account === chat.account && at.chat === chat.chat;
  return isHere ? undefined : at.platform;
}
