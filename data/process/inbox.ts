// The inbox: one row per event of a platform, committed before the platform is acknowledged. Each row ends in exactly one end state.
import { sql, type RawBuilder, type Selectable } from 'kysely';
import { inboxId, type InboxId, type PersonId, type SessionId, type TurnId, type UserId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
import { parsePayload, type InboxPayload } from '../inbox-payload.ts';
import { prepare } from '../query/prepared.ts';
import type { InboxEndState, InboxState, Tables } from '../schema.ts';
import { addressColumns, addressOf } from './chats.ts';

/** States of a row that is still to be worked on. */
export type InboxLiveState = Exclude<InboxState, InboxEndState>;

/**
 * Literals, not parameters: only then does SQLite see that the partial index `inbox_open` serves the query.
 * https://www.sqlite.org/partialindex.html (read 2026-11-21).
 */
const isLive = sql<boolean>`state in ('received','queued','running')`;

export interface InboxRow {
  id: InboxId;
  address: Address;
  kind: Tables['inbox']['kind'];
  message: Tables['inbox']['message_id'];
  revision: string;
  user: UserId;
  payload: InboxPayload;
  state: InboxState;
  reason: string | undefined;
  person: PersonId | undefined;
  session: SessionId | undefined;
  turn: TurnId | undefined;
  receivedAt: number;
  dueAt: number;
}

export type NewInboxRow = Pick<InboxRow, 'address' | 'kind' | 'message' | 'revision' | 'user' | 'payload'>;

const insertRow = prepare<Omit<Tables['inbox'], 'seq'>, { seq: number }>((query, row) =>
  query
    .insertInto('inbox')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('seq'),
);

/** Stores an event once. Returns its row, or undefined when the same event is stored already. */
export async function insertInbox(db: ProcessDb, row: NewInboxRow): Promise<InboxRow | undefined> {
  const now = db.clock.now();
  const { rows } = await insertRow(db.query, {
    ...addressColumns(row.address),
    message_id: row.message,
    kind: row.kind,
    revision: row.revision,
    user_id: row.user,
    payload: JSON.stringify(row.payload),
    state: 'received',
    reason: null,
    person_id: null,
    session_id: null,
    turn_id: null,
    merged_into: null,
    received_at: now,
    due_at: now,
    updated_at: now,
  });
  const [inserted] = rows;
  return (
    inserted && {
      ...row,
      id: inboxId(String(inserted.seq)),
      state: 'received',
      reason: undefined,
      person: undefined,
      session: undefined,
      turn: undefined,
      receivedAt: now,
      dueAt: now,
    }
  );
}

export async function getInbox(db: ProcessDb, id: InboxId): Promise<InboxRow | undefined> {
  const row = await db.query.selectFrom('inbox').selectAll().where('seq', '=', Number(id)).executeTakeFirst();
  return row && inboxRow(row);
}

const selectLive = (query: Query, state: RawBuilder<InboxState>, limit: RawBuilder<number>) =>
  query.selectFrom('inbox').selectAll().where(isLive).where('state', '=', state).orderBy('seq').limit(limit);
const selectInState = prepare<{ state: InboxState; limit: number }, Selectable<Tables['inbox']>>(
  (query, { state, limit }) => selectLive(query, state, limit),
);
const selectOfSession = prepare<{ state: InboxState; limit: number; session: SessionId }, Selectable<Tables['inbox']>>(
  (query, { state, limit, session }) => selectLive(query, state, limit).where('session_id', '=', session),
);

/** Rows in one of the live states, in order of arrival. */
export async function listInbox(
  db: ProcessDb,
  { state, session, limit }: { state: InboxLiveState; session?: SessionId; limit: number },
): Promise<readonly InboxRow[]> {
  const { rows } =
    session === undefined
      ? await selectInState(db.query, { state, limit })
      : await selectOfSession(db.query, { state, session, limit });
  return rows.map(inboxRow);
}

/** Sessions that have queued messages. */
export async function listQueuedSessions(db: ProcessDb): Promise<readonly SessionId[]> {
  const rows = await db.query
    .selectFrom('inbox')
    .select('session_id')
    .distinct()
    .where(isLive)
    .where('state', '=', 'queued')
    .where('session_id', 'is not', null)
    .execute();
  return rows.flatMap((row) => (row.session_id === null ? [] : [row.session_id]));
}

export async function countQueued(db: ProcessDb, session: SessionId): Promise<number> {
  const row = await db.query
    .selectFrom('inbox')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where(isLive)
    .where('state', '=', 'queued')
    .where('session_id', '=', session)
    .executeTakeFirst();
  return row?.count ?? 0;
}

const queueRow = prepare<{ seq: number; person: PersonId; session: SessionId; due: number; now: number }>(
  (query, { seq, person, session, due, now }) =>
    query
      .updateTable('inbox')
      .set({ state: 'queued', person_id: person, session_id: session, due_at: due, updated_at: now })
      .where('seq', '=', seq)
      .where('state', '=', 'received'),
);

/** received → queued for a session. */
export async function queueInbox(
  db: ProcessDb,
  id: InboxId,
  to: { person: PersonId; session: SessionId; dueAt: number },
): Promise<void> {
  const { person, session, dueAt: due } = to;
  await queueRow(db.query, { seq: Number(id), person, session, due, now: db.clock.now() });
}

/** Moves a live row that no turn holds from one live state to another: a command that is being carried out is 'running'. */
export async function moveInbox(
  db: ProcessDb,
  id: InboxId,
  from: 'received' | 'running',
  to: 'received' | 'running',
): Promise<void> {
  await db.query
    .updateTable('inbox')
    .set({ state: to, updated_at: db.clock.now() })
    .where('seq', '=', Number(id))
    .where('state', '=', from)
    .where('turn_id', 'is', null)
    .execute();
}

export interface InboxEnd {
  state: InboxEndState;
  /** For people and logs: why it was refused, expired, died. */
  reason?: string | undefined;
  mergedInto?: InboxId | undefined;
  person?: PersonId | undefined;
}

interface EndValues {
  seq: number;
  state: InboxEndState;
  reason: string | null;
  mergedInto: number | null;
  now: number;
  person: PersonId | null;
}

const endRow = prepare<EndValues>((query, { seq, state, reason, mergedInto, now, person }) =>
  query
    .updateTable('inbox')
    .set({
      state,
      reason,
      merged_into: mergedInto,
      updated_at: now,
      person_id: sql<PersonId | null>`coalesce(${person}, person_id)`,
    })
    .where('seq', '=', seq)
    .where('state', 'in', ['received', 'queued', 'running']),
);

/** Moves live rows to their end state. Rows that ended already are left alone. Returns how many moved. */
export async function endInbox(
  db: ProcessDb,
  ids: readonly InboxId[],
  end: InboxEnd,
  query: Query = db.query,
): Promise<number> {
  const { state, reason = null, person = null } = end;
  const mergedInto = end.mergedInto === undefined ? null : Number(end.mergedInto);
  let moved = 0;
  for (const id of ids) {
    const values = { seq: Number(id), state, reason, mergedInto, now: db.clock.now(), person };
    moved += Number((await endRow(query, values)).numAffectedRows);
  }
  return moved;
}

/** The stored message that an edit or deletion is about, when it is still waiting. */
export async function findWaiting(
  db: ProcessDb,
  at: Address,
  message: InboxRow['message'],
): Promise<InboxRow | undefined> {
  const key = addressColumns(at);
  const row = await db.query
    .selectFrom('inbox')
    .selectAll()
    .where('platform', '=', key.platform)
    .where('account', '=', key.account)
    .where('chat', '=', key.chat)
    .where('message_id', '=', message)
    .where('kind', '=', 'message')
    .where('state', 'in', ['received', 'queued'])
    .executeTakeFirst();
  return row && inboxRow(row);
}

/** Replaces the text of a waiting message: the person edited it before its turn began. False when it began meanwhile. */
export async function rewriteWaiting(
  db: ProcessDb,
  id: InboxId,
  payload: InboxPayload,
  query: Query = db.query,
): Promise<boolean> {
  const result = await query
    .updateTable('inbox')
    .set({ payload: JSON.stringify(payload), updated_at: db.clock.now() })
    .where('seq', '=', Number(id))
    .where('state', 'in', ['received', 'queued'])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Rows per state, for status. */
export async function countInbox(db: ProcessDb): Promise<Partial<Record<InboxState, number>>> {
  const rows = await db.query
    .selectFrom('inbox')
    .select('state')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .groupBy('state')
    .execute();
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

export function inboxRow(row: Selectable<Tables['inbox']>): InboxRow {
  return {
    id: inboxId(String(row.seq)),
    address: addressOf(row),
    kind: row.kind,
    message: row.message_id,
    revision: row.revision,
    user: row.user_id,
    payload: parsePayload(row.payload),
    state: row.state,
    reason: row.reason ?? undefined,
    person: row.person_id ?? undefined,
    session: row.session_id ?? undefined,
    turn: row.turn_id ?? undefined,
    receivedAt: row.received_at,
    dueAt: row.due_at,
  };
}

/**
 * What was said in a chat before a message and after the last one that was taken up there, without naming us: oldest first, with the
 * edits and deletions of it. `since` is in ms since the epoch.
 */
export async function listUnaddressed(
  db: ProcessDb,
  at: { address: Address; before: InboxId; since: number; limit: number },
): Promise<readonly InboxRow[]> {
  const key = addressColumns(at.address);
  const rows = await db.query
    .selectFrom('inbox')
    .selectAll()
    .where('platform', '=', key.platform)
    .where('account', '=', key.account)
    .where('chat', '=', key.chat)
    .where('seq', '<', Number(at.before))
    .where('thread', '=', key.thread)
    .where('received_at', '>=', at.since)
    .orderBy('seq', 'desc')
    .limit(at.limit)
    .execute();
  const taken = rows.findIndex((row) => row.state !== 'refused');
  const since = taken < 0 ? rows : rows.slice(0, taken);
  return since
    .filter((row) => row.reason === 'not_addressed')
    .reverse()
    .map(inboxRow);
}
