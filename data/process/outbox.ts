// The outbox: one row per part that is to reach a chat, written before anything is sent. Rows of one chat go out in order.
import { sql, type Selectable } from 'kysely';
import { z } from 'zod';
import type { MessageId, PersonId, TurnId } from '../../shared/ids.ts';
import { messageId } from '../../shared/ids.ts';
import { addressKey, type Address, type Button, type StoredFile } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
import { parseFiles } from '../messages.ts';
import { prepare } from '../query/prepared.ts';
import type { OutboxKind, OutboxState, Tables } from '../schema.ts';
import { addressColumns, addressOf } from './chats.ts';

/** A literal, so that SQLite sees that the partial index `outbox_open` serves the query. */
const isOpen = sql<boolean>`state in ('pending','sending')`;

export interface NewOutboxRow {
  /** Idempotency key, at most 64 ASCII characters; a second insert with the same key does nothing. */
  key: string;
  to: Address;
  turn?: TurnId | undefined;
  person?: PersonId | undefined;
  kind: OutboxKind;
  part: number;
  parts: number;
  text: string;
  files?: readonly StoredFile[] | undefined;
  buttons?: readonly (readonly Button[])[] | undefined;
  replyTo?: MessageId | undefined;
  editOf?: MessageId | undefined;
  silent?: boolean | undefined;
  /** Milliseconds from now until it is no longer worth sending. */
  ttlMs: number;
}

export interface OutboxRow {
  seq: number;
  key: string;
  to: Address;
  turn: TurnId | undefined;
  person: PersonId | undefined;
  kind: OutboxKind;
  part: number;
  parts: number;
  text: string;
  files: readonly StoredFile[];
  buttons: readonly (readonly Button[])[];
  replyTo: MessageId | undefined;
  editOf: MessageId | undefined;
  silent: boolean;
  plain: boolean;
  state: OutboxState;
  attempts: number;
  dueAt: number;
  expiresAt: number;
  sentIds: readonly MessageId[];
  error: string | undefined;
  createdAt: number;
  /** Last change of state. */
  updatedAt: number;
}

const insertRow = prepare<Omit<Tables['outbox'], 'seq'>>((query, row) =>
  query
    .insertInto('outbox')
    .values(row)
    .onConflict((conflict) => conflict.column('key').doNothing()),
);

export async function enqueueOutbox(
  db: ProcessDb,
  rows: readonly NewOutboxRow[],
  query: Query = db.query,
): Promise<void> {
  const now = db.clock.now();
  for (const row of rows)
    await insertRow(query, {
      ...addressColumns(row.to),
      key: row.key,
      chat_key: addressKey(row.to),
      turn_id: row.turn ?? null,
      person_id: row.person ?? null,
      kind: row.kind,
      part: row.part,
      parts: row.parts,
      text: row.text,
      files: JSON.stringify(row.files ?? []),
      buttons: JSON.stringify(row.buttons ?? []),
      reply_to: row.replyTo ?? null,
      edit_of: row.editOf ?? null,
      silent: row.silent ? 1 : 0,
      plain: 0,
      state: 'pending',
      attempts: 0,
      due_at: now,
      expires_at: now + row.ttlMs,
      sent_ids: null,
      error: null,
      created_at: now,
      updated_at: now,
    });
}

/** Remembers that a streamed preview is about to be sent: until its ids are known it is `uncertain`, and delivery leaves it alone. */
export async function insertPreview(
  db: ProcessDb,
  preview: { key: string; to: Address; turn: TurnId; person: PersonId },
): Promise<void> {
  const row: NewOutboxRow = { ...preview, kind: 'answer', part: 0, parts: 0, text: '', ttlMs: 0 };
  await db.query.transaction().execute(async (trx) => {
    await enqueueOutbox(db, [row], trx);
    // Only what was just inserted: an earlier start of the turn may have sent it.
    await trx
      .updateTable('outbox')
      .set({ state: 'uncertain' })
      .where('key', '=', preview.key)
      .where('state', '=', 'pending')
      .execute();
  });
}

const selectOpen = prepare<{ chatKey: string }, Selectable<Tables['outbox']>>((query, { chatKey }) =>
  query.selectFrom('outbox').selectAll().where('chat_key', '=', chatKey).where(isOpen).orderBy('seq').limit(2),
);

/** Next row of a chat that is not ended, in order, and whether it is the last of them; it may be due later. */
export async function nextOutbox(
  db: ProcessDb,
  chatKey: string,
): Promise<{ row: OutboxRow; isLast: boolean } | undefined> {
  const { rows } = await selectOpen(db.query, { chatKey });
  return rows[0] && { row: outboxRow(rows[0]), isLast: rows.length === 1 };
}

/** Chats that have something to send. */
export async function listOpenChats(db: ProcessDb): Promise<readonly Address[]> {
  const rows = await db.query
    .selectFrom('outbox')
    .select(['platform', 'account', 'chat', 'thread', 'chat_kind'])
    .where(isOpen)
    // By its key first, which is what the index of open rows is sorted by.
    .groupBy(['chat_key', 'platform', 'account', 'chat', 'thread', 'chat_kind'])
    .execute();
  return rows.map(addressOf);
}

export interface OutboxChange {
  state: OutboxState;
  attempts?: number;
  dueAt?: number;
  expiresAt?: number;
  plain?: boolean;
  /** null: send anew instead of editing. */
  editOf?: MessageId | null;
  sentIds?: readonly MessageId[];
  error?: string;
}

interface ChangeValues {
  seq: number;
  state: OutboxState;
  now: number;
  attempts: number | null;
  dueAt: number | null;
  expiresAt: number | null;
  plain: number | null;
  /** Whether `editOf` counts, which may be null itself. */
  edits: number;
  editOf: MessageId | null;
  sentIds: string | null;
  error: string | null;
}

const changeRow = prepare<ChangeValues>((query, { seq, state, now, edits, editOf, ...change }) =>
  query
    .updateTable('outbox')
    .set({
      state,
      updated_at: now,
      attempts: sql<number>`coalesce(${change.attempts}, attempts)`,
      due_at: sql<number>`coalesce(${change.dueAt}, due_at)`,
      expires_at: sql<number>`coalesce(${change.expiresAt}, expires_at)`,
      plain: sql<number>`coalesce(${change.plain}, plain)`,
      edit_of: sql<MessageId | null>`case when ${edits} then ${editOf} else edit_of end`,
      sent_ids: sql<string | null>`coalesce(${change.sentIds}, sent_ids)`,
      error: sql<string | null>`coalesce(${change.error}, error)`,
    })
    .where('seq', '=', seq)
    .where(sql<boolean>`(state <> 'sent' or ${state} = 'sent')`),
);

/** Changes a row. What was sent stays sent, whatever comes later. */
export async function updateOutbox(
  db: ProcessDb,
  seq: number,
  change: OutboxChange,
  query: Query = db.query,
): Promise<void> {
  await changeRow(query, {
    seq,
    state: change.state,
    now: db.clock.now(),
    attempts: change.attempts ?? null,
    dueAt: change.dueAt ?? null,
    expiresAt: change.expiresAt ?? null,
    plain: change.plain === undefined ? null : Number(change.plain),
    edits: change.editOf === undefined ? 0 : 1,
    editOf: change.editOf ?? null,
    sentIds: change.sentIds === undefined ? null : JSON.stringify(change.sentIds),
    error: change.error ?? null,
  });
}

export async function getOutboxByKey(db: ProcessDb, key: string): Promise<OutboxRow | undefined> {
  const row = await db.query.selectFrom('outbox').selectAll().where('key', '=', key).executeTakeFirst();
  return row && outboxRow(row);
}

/** Sends a row again that ended without certainty, for the person that it was for. False when there is nothing to send again. */
export async function resendOutbox(db: ProcessDb, key: string, person: PersonId, ttlMs: number): Promise<boolean> {
  const now = db.clock.now();
  const result = await db.query
    .updateTable('outbox')
    .set({ state: 'pending', attempts: 0, due_at: now, expires_at: now + ttlMs, updated_at: now })
    .where('key', '=', key)
    .where('person_id', '=', person)
    .where('state', 'in', ['uncertain', 'expired', 'dead'])
    .where('part', '>', 0)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Rows of a chat whose time to live is over, oldest first. */
export async function listExpired(db: ProcessDb, chatKey: string): Promise<readonly OutboxRow[]> {
  const rows = await db.query
    .selectFrom('outbox')
    .selectAll()
    .where('chat_key', '=', chatKey)
    .where(isOpen)
    .where('state', '=', 'pending')
    .where('expires_at', '<=', db.clock.now())
    .orderBy('seq')
    .execute();
  return rows.map(outboxRow);
}

export async function countOutbox(db: ProcessDb): Promise<Partial<Record<OutboxState, number>>> {
  const rows = await db.query
    .selectFrom('outbox')
    .select('state')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .groupBy('state')
    .execute();
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

const buttonsSchema = z.array(z.array(z.object({ label: z.string(), data: z.string() })));
const idsSchema = z.array(z.string().transform(messageId));

export function outboxRow(row: Selectable<Tables['outbox']>): OutboxRow {
  return {
    seq: row.seq,
    key: row.key,
    to: addressOf(row),
    turn: row.turn_id ?? undefined,
    person: row.person_id ?? undefined,
    kind: row.kind,
    part: row.part,
    parts: row.parts,
    text: row.text,
    files: parseFiles(row.files),
    buttons: row.buttons === '[]' ? [] : buttonsSchema.parse(JSON.parse(row.buttons)),
    replyTo: row.reply_to ?? undefined,
    editOf: row.edit_of ?? undefined,
    silent: row.silent === 1,
    plain: row.plain === 1,
    state: row.state,
    attempts: row.attempts,
    dueAt: row.due_at,
    expiresAt: row.expires_at,
    sentIds: row.sent_ids === null ? [] : idsSchema.parse(JSON.parse(row.sent_ids)),
    error: row.error ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The last rows of a chat and thread, latest first. */
export async function listLatestOutbox(db: ProcessDb, at: Address, limit: number): Promise<readonly OutboxRow[]> {
  const key = addressColumns(at);
  const rows = await db.query
    .selectFrom('outbox')
    .selectAll()
    .where('platform', '=', key.platform)
    .where('account', '=', key.account)
    .where('chat', '=', key.chat)
    .where('thread', '=', key.thread)
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
  return rows.map(outboxRow);
}
