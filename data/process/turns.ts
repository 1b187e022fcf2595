// Turns: begun and finished in one transaction each, together with everything that must agree with them.
import { sql, type Selectable } from 'kysely';
import { turnId, type InboxId, type PersonId, type SessionId, type SpaceId, type TurnId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
import type { NewMessage } from '../messages.ts';
import { prepare } from '../query/prepared.ts';
import { newRowId } from '../row-id.ts';
import { storedScope } from '../scope.ts';
import { listLiveTasks } from '../work/tasks.ts';
import { indexInTime } from '../derived/search-index.ts';
import type { InboxEndState, Tables, TurnState } from '../schema.ts';
import { addressColumns, addressOf } from './chats.ts';
import { endInbox, inboxRow, type InboxRow } from './inbox.ts';
import { enqueueOutbox, type NewOutboxRow } from './outbox.ts';

/** A literal, so that SQLite sees that the partial index `turns_running` serves the query. */
const isRunning = sql<boolean>`state = 'running'`;

export interface Turn {
  id: TurnId;
  session: SessionId;
  space: SpaceId;
  person: PersonId;
  address: Address;
  state: TurnState;
  attempts: number;
  startedAt: number;
  endedAt: number | undefined;
}

const takeRow = prepare<{ seq: number; session: SessionId; turn: TurnId; now: number }, Selectable<Tables['inbox']>>(
  (query, { seq, session, turn, now }) =>
    query
      .updateTable('inbox')
      .set({ state: 'running', turn_id: turn, updated_at: now })
      .where('seq', '=', seq)
      .where('session_id', '=', session)
      .where('state', '=', 'queued')
      .returningAll(),
);
const insertTurn = prepare<Tables['turns']>((query, row) => query.insertInto('turns').values(row));

/**
 * queued → running: one turn for these rows of the session. Rows that do not wait any more are left out of `taken`; undefined, and no turn,
 * when none is left.
 */
export async function beginTurn(
  db: ProcessDb,
  start: { session: SessionId; space: SpaceId; person: PersonId; address: Address; rows: readonly InboxId[] },
): Promise<{ turn: Turn; taken: readonly InboxRow[] } | undefined> {
  const now = db.clock.now();
  const { rows, ...place } = start;
  const turn: Turn = {
    ...place,
    id: turnId(newRowId(now)),
    state: 'running',
    attempts: 1,
    startedAt: now,
    endedAt: undefined,
  };
  return db.query.transaction().execute(async (trx) => {
    const taken: InboxRow[] = [];
    for (const id of rows) {
      // As it stands now: an edit may have come in since the caller looked.
      const result = await takeRow(trx, { seq: Number(id), session: turn.session, turn: turn.id, now });
      taken.push(...result.rows.map(inboxRow));
    }
    if (taken.length === 0) return undefined;
    await insertTurn(trx, {
      id: turn.id,
      session_id: turn.session,
      space_id: turn.space,
      person_id: turn.person,
      ...addressColumns(turn.address),
      state: turn.state,
      attempts: turn.attempts,
      error_code: null,
      started_at: now,
      ended_at: null,
      task_id: null,
    });
    return { turn, taken };
  });
}

/** Turns that were running when the process ended; those of workers are resumed by whoever waits for them. */
export async function listRunningTurns(db: ProcessDb): Promise<readonly Turn[]> {
  const rows = await db.query
    .selectFrom('turns')
    .selectAll()
    .where(isRunning)
    .where('task_id', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map(turnOf);
}

export async function getTurn(db: ProcessDb, id: TurnId): Promise<Turn | undefined> {
  const row = await db.query.selectFrom('turns').selectAll().where('id', '=', id).executeTakeFirst();
  return row && turnOf(row);
}

/** Counts one more begin of a turn that a crash cut off. Returns the new count. */
export async function countAttempt(db: ProcessDb, turn: TurnId): Promise<number> {
  const row = await db.query
    .updateTable('turns')
    .set((eb) => ({ attempts: eb('attempts', '+', 1) }))
    .where('id', '=', turn)
    .returning('attempts')
    .executeTakeFirst();
  return row?.attempts ?? 0;
}

/** Takes back one count: the process ends in order, so the next start is no sign that this turn crashes it. */
export async function parkTurn(db: ProcessDb, turn: TurnId): Promise<void> {
  await db.query
    .updateTable('turns')
    .set((eb) => ({ attempts: eb('attempts', '-', 1) }))
    .where('id', '=', turn)
    .where('state', '=', 'running')
    .execute();
}

const selectTurnRows = prepare<{ turn: TurnId }, Selectable<Tables['inbox']>>((query, { turn }) =>
  query.selectFrom('inbox').selectAll().where('turn_id', '=', turn).orderBy('seq'),
);

/** Inbox rows that belong to a turn, in order of arrival. */
export async function listTurnRows(db: ProcessDb, turn: TurnId): Promise<readonly InboxRow[]> {
  const { rows } = await selectTurnRows(db.query, { turn });
  return rows.map(inboxRow);
}

/**
 * Gives waiting rows of the session to the running turn (mode steer), together with the journal step that remembers them, in one
 * transaction. False, and nothing changed, when there are none, one of them does not wait any more, or the turn has ended.
 */
export async function steerIntoTurn(
  db: ProcessDb,
  steer: { turn: TurnId; stepKey: string; rows: readonly InboxId[]; payload: string },
): Promise<boolean> {
  if (steer.rows.length === 0) return false;
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const waiting = await trx
      .selectFrom('inbox')
      .innerJoin('turns', 'turns.session_id', 'inbox.session_id')
      .select('inbox.seq')
      .where('turns.id', '=', steer.turn)
      .where('turns.state', '=', 'running')
      .where('inbox.seq', 'in', steer.rows.map(Number))
      .where('inbox.state', '=', 'queued')
      .execute();
    if (waiting.length !== steer.rows.length) return false;
    await trx
      .updateTable('inbox')
      .set({ state: 'running', turn_id: steer.turn, updated_at: now })
      .where('seq', 'in', steer.rows.map(Number))
      .execute();
    const last = await trx
      .selectFrom('journal')
      .select((eb) => eb.fn.max('seq').as('seq'))
      .where('turn_id', '=', steer.turn)
      .executeTakeFirst();
    await trx
      .insertInto('journal')
      .values({
        turn_id: steer.turn,
        step_key: steer.stepKey,
        kind: 'steer',
        state: 'done',
        effect: null,
        payload: steer.payload,
        seq: (last?.seq ?? 0) + 1,
        created_at: now,
      })
      .execute();
    return true;
  });
}

export interface TurnFinish {
  turn: Turn;
  state: Exclude<TurnState, 'running'>;
  errorCode?: string | undefined;
  messages: readonly NewMessage[];
  outbox: readonly NewOutboxRow[];
  /** End states of the turn's inbox rows. Rows of the turn that are named nowhere wait again: nobody has answered them. */
  inbox: readonly { rows: readonly InboxId[]; state: InboxEndState; reason?: string; mergedInto?: InboxId }[];
}

const endTurn = prepare<{ turn: TurnId; state: TurnState; error: string | null; now: number }>(
  (query, { turn, state, error, now }) =>
    query
      .updateTable('turns')
      .set({ state, ended_at: now, error_code: error })
      .where('id', '=', turn)
      .where('state', '=', 'running'),
);
const selectRunning = prepare<{ turn: TurnId }, { seq: number }>((query, { turn }) =>
  query.selectFrom('inbox').select('seq').where('turn_id', '=', turn).where('state', '=', 'running'),
);
const touchSession = prepare<{ session: SessionId; now: number }>((query, { session, now }) =>
  query.updateTable('sessions').set({ updated_at: now }).where('id', '=', session),
);
const deleteSteps = prepare<{ turn: TurnId }>((query, { turn }) =>
  query.deleteFrom('journal').where('turn_id', '=', turn),
);

/**
 * The finish transaction: history, outbox, inbox end states and the turn's own state change together or not at all. False when the
 * turn had ended already (then nothing was written).
 */
export async function finishTurn(db: ProcessDb, finish: TurnFinish): Promise<boolean> {
  const { id: turn, session, person, space } = finish.turn;
  const now = db.clock.now();
  let lastMessage: number | undefined;
  const isEnded = await db.query.transaction().execute(async (trx) => {
    const ended = await endTurn(trx, { turn, state: finish.state, error: finish.errorCode ?? null, now });
    if (ended.numAffectedRows !== 1n) return false;
    lastMessage = await insertMessages(db, finish.turn, finish.messages, trx);
    await enqueueOutbox(db, finish.outbox, trx);
    for (const end of finish.inbox) await endInbox(db, end.rows, end, trx);
    // Seldom are there any, and that is mostly known without asking.
    const workers = await listLiveTasks({ ...db, query: trx }, storedScope(person, space), session);
    if (workers.length > 0) await stopWaitedFor(trx, { turn, now });
    const left = await selectRunning(trx, { turn });
    if (left.rows.length > 0) await queueAgain(trx, turn, now);
    await touchSession(trx, { session, now });
    // The journal has done its work; what counts is in the history now.
    await deleteSteps(trx, { turn });
    return true;
  });
  if (lastMessage !== undefined) await indexInTime(db, lastMessage);
  return isEnded;
}

/** Workers that only this turn waited for, which has ended without them. */
const stopWaitedFor = prepare<{ turn: TurnId; now: number }>((query, { turn, now }) =>
  query
    .updateTable('tasks')
    .set({ state: 'stopped', ended_at: now })
    .where('turn_id', '=', turn)
    .where(sql<boolean>`state in ('waiting','running')`)
    .where('background', '=', 0),
);

async function queueAgain(trx: Query, turn: TurnId, now: number): Promise<void> {
  await trx
    .updateTable('inbox')
    .set({ state: 'queued', turn_id: null, updated_at: now })
    .where('turn_id', '=', turn)
    .where('state', '=', 'running')
    .execute();
}

const insertMessage = prepare<Omit<Tables['messages'], 'id' | 'stubbed'>>((query, row) =>
  query.insertInto('messages').values(row),
);

/** The turn says whose space they go to. Returns the last one's id. */
async function insertMessages(
  db: ProcessDb,
  turn: { id: TurnId; session: SessionId; space: SpaceId },
  messages: readonly NewMessage[],
  query: Query,
): Promise<number | undefined> {
  const now = db.clock.now();
  let last: bigint | undefined;
  for (const message of messages) {
    const { insertId } = await insertMessage(query, {
      session_id: turn.session,
      space_id: turn.space,
      turn_id: turn.id,
      role: message.role,
      author: message.author,
      text: message.text,
      tool_call_id: message.toolCallId ?? null,
      tool_name: message.toolName ?? null,
      tool_calls: message.toolCalls ?? null,
      reasoning: message.reasoning ?? null,
      files: message.files && message.files.length > 0 ? JSON.stringify(message.files) : null,
      is_error: message.isError ? 1 : 0,
      origin: message.origin,
      state: 'active',
      created_at: now,
    });
    last = insertId;
  }
  return last === undefined ? undefined : Number(last);
}

/** Writes outbox rows and ends inbox rows together: for commands and notices, which need no turn. */
export async function answerInbox(
  db: ProcessDb,
  answer: {
    rows: readonly InboxId[];
    state: InboxEndState;
    reason?: string;
    person?: PersonId | undefined;
    outbox: readonly NewOutboxRow[];
  },
  query: Query = db.query,
): Promise<void> {
  const write = async (trx: Query) => {
    await enqueueOutbox(db, answer.outbox, trx);
    await endInbox(db, answer.rows, answer, trx);
  };
  if (query === db.query) await db.query.transaction().execute(write);
  else await write(query);
}

function turnOf(row: Selectable<Tables['turns']>): Turn {
  return {
    id: row.id,
    session: row.session_id,
    space: row.space_id,
    person: row.person_id,
    address: addressOf(row),
    state: row.state,
    attempts: row.attempts,
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
  };
}
