// The end of a run: what became of it, its result in the conversations that it goes to, what is to be sent, and the job's own count of
// failures change together or not at all.
import { sql } from 'kysely';
import type { SessionId, SpaceId } from '../../../shared/ids.ts';
import type { Origin, StoredFile } from '../../../shared/messages.ts';
import type { ProcessDb, Query } from '../../db.ts';
import { indexInTime } from '../../derived/search-index.ts';
import { prepare } from '../../query/prepared.ts';
import type { OccurrenceRow } from '../../schedule/rows.ts';
import type { OccurrenceDelivery, OccurrenceState } from '../../schedule/tables.ts';
import { enqueueOutbox, type NewOutboxRow } from '../outbox.ts';

/** What a conversation is told as the assistant's words. */
export interface ResultMessage {
  session: SessionId;
  space: SpaceId;
  text: string;
  origin: Origin;
  files: readonly StoredFile[];
}

export interface OccurrenceFinish {
  id: string;
  /** Who holds it. */
  owner: string;
  state: Extract<OccurrenceState, 'done' | 'failed' | 'skipped' | 'planned'>;
  /** For one that is tried again. */
  nextAt: number | null;
  failures: number;
  reason: string | null;
  failure: string | null;
  errorCode: string | null;
  delivery: OccurrenceDelivery;
  result: { text: string; origin: Origin; files: readonly StoredFile[] } | undefined;
  costMicroUsd: number;
  tokens: number;
  /** What changes of its job; undefined: nothing. */
  job: { id: string; failures: number; alertedAt: number | null; pausedFor?: string | undefined } | undefined;
  /** Id of its job, which has nothing left to do; undefined: it goes on. */
  endsJob?: string | undefined;
  messages: readonly ResultMessage[];
  outbox: readonly NewOutboxRow[];
}

interface EndValues {
  id: string;
  owner: string;
  state: OccurrenceState;
  nextAt: number | null;
  failures: number;
  reason: string | null;
  failure: string | null;
  errorCode: string | null;
  delivery: OccurrenceDelivery;
  result: string | null;
  resultOrigin: Origin | null;
  files: string | null;
  costMicroUsd: number;
  tokens: number;
  endedAt: number | null;
  now: number;
}

const endRow = prepare<EndValues, OccurrenceRow>((query, { id, owner, now, ...end }) =>
  query
    .updateTable('occurrences')
    .set((eb) => ({
      state: end.state,
      next_at: end.nextAt,
      failures: end.failures,
      reason: end.reason,
      failure: end.failure,
      error_code: end.errorCode,
      delivery: end.delivery,
      result: end.result,
      result_origin: end.resultOrigin,
      files: end.files,
      cost_micro_usd: eb('cost_micro_usd', '+', end.costMicroUsd),
      tokens: eb('tokens', '+', end.tokens),
      ended_at: end.endedAt,
      lease_owner: null,
      lease_until: null,
      updated_at: now,
    }))
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .where('state', '=', 'running')
    .returningAll(),
);

/** Undefined, and nothing changed, when the run is not the owner's any more. */
export async function finishOccurrence(
  db: ProcessDb,
  finish: OccurrenceFinish,
  more?: (trx: Query) => Promise<void>,
): Promise<OccurrenceRow | undefined> {
  const now = db.clock.now();
  let last: number | undefined;
  const { result } = finish;
  const ended = await db.query.transaction().execute(async (trx) => {
    const { rows } = await endRow(trx, {
      id: finish.id,
      owner: finish.owner,
      state: finish.state,
      nextAt: finish.nextAt,
      failures: finish.failures,
      reason: finish.reason,
      failure: finish.failure,
      errorCode: finish.errorCode,
      delivery: finish.delivery,
      result: result?.text ?? null,
      resultOrigin: result?.origin ?? null,
      files: result && result.files.length > 0 ? JSON.stringify(result.files) : null,
      costMicroUsd: finish.costMicroUsd,
      tokens: finish.tokens,
      endedAt: finish.state === 'planned' ? null : now,
      now,
    });
    const [row] = rows;
    if (!row) return undefined;
    await changeCounts(trx, finish.job, now);
    if (finish.endsJob !== undefined) await stopJob(trx, finish.endsJob, { state: 'done', reason: null, now });
    for (const message of finish.messages) last = await insertResult(trx, message, now);
    await enqueueOutbox(db, finish.outbox, trx);
    await more?.(trx);
    return row;
  });
  if (last !== undefined) await indexInTime(db, last);
  return ended;
}

async function changeCounts(trx: Query, change: OccurrenceFinish['job'], now: number): Promise<void> {
  if (!change) return;
  await trx
    .updateTable('jobs')
    .set({ failures: change.failures, alerted_at: change.alertedAt })
    .where('id', '=', change.id)
    .execute();
  if (change.pausedFor !== undefined) await stopJob(trx, change.id, { state: 'paused', reason: change.pausedFor, now });
}

async function stopJob(
  trx: Query,
  id: string,
  { state, reason, now }: { state: 'paused' | 'done'; reason: string | null; now: number },
): Promise<void> {
  await trx
    .updateTable('jobs')
    .set({ state, state_reason: reason, updated_at: now })
    .where('id', '=', id)
    .where('state', '=', 'active')
    .execute();
  await trx
    .deleteFrom('occurrences')
    .where('job_id', '=', id)
    .where('state', '=', 'planned')
    .where('cause', '=', 'schedule')
    .where('attempts', '=', 0)
    .execute();
}

async function insertResult(trx: Query, message: ResultMessage, now: number): Promise<number> {
  const { insertId } = await trx
    .insertInto('messages')
    .values({
      session_id: message.session,
      space_id: message.space,
      turn_id: null,
      role: 'assistant',
      author: '',
      text: message.text,
      tool_call_id: null,
      tool_name: null,
      tool_calls: null,
      reasoning: null,
      files: message.files.length > 0 ? JSON.stringify(message.files) : null,
      is_error: 0,
      origin: message.origin,
      state: 'active',
      created_at: now,
    })
    .executeTakeFirstOrThrow();
  await trx.updateTable('sessions').set({ updated_at: now }).where('id', '=', message.session).execute();
  return Number(insertId);
}

/** pending → what became of the messages. */
export async function settleDelivery(
  db: ProcessDb,
  occurrence: string,
  state: Exclude<OccurrenceDelivery, 'none' | 'pending' | 'silent'>,
): Promise<void> {
  await db.query
    .updateTable('occurrences')
    .set({ delivery: state, updated_at: db.clock.now() })
    .where('id', '=', occurrence)
    .where(sql<boolean>`delivery = 'pending'`)
    .execute();
}
