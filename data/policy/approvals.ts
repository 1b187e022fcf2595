// Requests to a person to allow one exact tool call. Durable, single use, bound to the bytes of the arguments.
import type { Selectable } from 'kysely';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { PersonId, TurnId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { newRowId } from '../row-id.ts';
import type { ApprovalChoice, ApprovalState, Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';

/** What an approval may allow beyond its own call. */
export interface ApprovalGrant {
  key: string;
  title: string;
  wide: boolean;
}

const grantSchema = z.object({ key: z.string(), title: z.string(), wide: z.boolean() });

export interface Approval {
  id: string;
  turn: TurnId;
  callId: string;
  person: PersonId;
  /** addressKey of the chat that was asked. */
  chatKey: string;
  tool: string;
  /** Exact JSON that is approved. */
  arguments: string;
  /** SHA-256 of tool and arguments, hex. */
  digest: string;
  state: ApprovalState;
  reason: string | undefined;
  /** Why it is asked. */
  why: string;
  /** Undefined: it can be allowed once only. */
  grant: ApprovalGrant | undefined;
  /** For how long it was allowed. */
  choice: ApprovalChoice | undefined;
  createdAt: number;
  expiresAt: number;
}

/**
 * The request for this call of the person's own turn: a new one, or the one that an earlier start of the turn made. Rejects with AppError
 * `not_found` when the turn is not theirs.
 */
export async function requestApproval(
  db: Db,
  scope: Scope,
  request: Pick<Approval, 'turn' | 'callId' | 'chatKey' | 'tool' | 'arguments' | 'digest'> &
    Partial<Pick<Approval, 'why' | 'grant'>> & { ttlMs: number },
): Promise<Approval> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const turn = await trx
      .selectFrom('turns')
      .select(['space_id', 'person_id'])
      .where('id', '=', request.turn)
      .executeTakeFirst();
    if (turn && (turn.space_id !== scope.space || turn.person_id !== scope.person)) throw notTheirs();
    await trx
      .insertInto('approvals')
      .values({
        id: newRowId(now),
        turn_id: request.turn,
        call_id: request.callId,
        space_id: scope.space,
        person_id: scope.person,
        chat_key: request.chatKey,
        tool: request.tool,
        arguments: request.arguments,
        digest: request.digest,
        state: 'pending',
        decided_by: null,
        reason: null,
        why: request.why ?? '',
        grant_json: request.grant === undefined ? null : JSON.stringify(request.grant),
        choice: null,
        created_at: now,
        expires_at: now + request.ttlMs,
        decided_at: null,
      })
      .onConflict((conflict) => conflict.columns(['turn_id', 'call_id']).doNothing())
      .execute();
    const row = await trx
      .selectFrom('approvals')
      .selectAll()
      .where('turn_id', '=', request.turn)
      .where('call_id', '=', request.callId)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .executeTakeFirst();
    if (!row) throw notTheirs();
    return approvalOf(row);
  });
}

function notTheirs(): AppError {
  return new AppError('not_found', 'There is no such turn that could ask for permission.');
}

const keptPending = makeKeeper<readonly Approval[]>('approvals');

/** Requests that wait for an answer in this space, oldest first. */
export async function listPendingApprovals(db: Db, scope: Scope): Promise<readonly Approval[]> {
  const now = db.clock.now();
  const pending = await keptPending(db, scope.space, async () => {
    const rows = await db.query
      .selectFrom('approvals')
      .selectAll()
      .where('space_id', '=', scope.space)
      .where('state', '=', 'pending')
      .where('expires_at', '>', now)
      .orderBy('id')
      .execute();
    return rows.map(approvalOf);
  });
  return pending.filter((approval) => approval.expiresAt > now);
}

/** Answers a pending request of this space; only the person who was asked counts. False when it is not pending any more. */
export async function decideApproval(
  db: Db,
  scope: Scope,
  id: string,
  decision: { allow: boolean; reason?: string | undefined; choice?: ApprovalChoice | undefined },
): Promise<boolean> {
  const now = db.clock.now();
  const result = await db.query
    .updateTable('approvals')
    .set({
      state: decision.allow ? 'allowed' : 'denied',
      decided_by: scope.person,
      reason: decision.reason ?? null,
      choice: decision.allow ? (decision.choice ?? 'once') : null,
      decided_at: now,
    })
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('state', '=', 'pending')
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Takes an allowed request for its one use; the digest must be that of what is about to run. False when it may not run. */
export async function takeApproval(db: Db, scope: Scope, id: string, digest: string): Promise<boolean> {
  const result = await db.query
    .updateTable('approvals')
    .set({ state: 'used' })
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('state', '=', 'allowed')
    .where('digest', '=', digest)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

function approvalOf(row: Selectable<Tables['approvals']>): Approval {
  return {
    id: row.id,
    turn: row.turn_id,
    callId: row.call_id,
    person: row.person_id,
    chatKey: row.chat_key,
    tool: row.tool,
    arguments: row.arguments,
    digest: row.digest,
    state: row.state,
    reason: row.reason ?? undefined,
    why: row.why,
    grant: row.grant_json === null ? undefined : grantSchema.parse(JSON.parse(row.grant_json)),
    choice: row.choice ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
