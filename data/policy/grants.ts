// Calls that a person has allowed for a session or for good. Narrow by their key, which the tool made; counted, revocable.
import type { Selectable } from 'kysely';
import type { SessionId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';
import type { ApprovalGrant } from './approvals.ts';

export interface StoredGrant extends ApprovalGrant {
  id: string;
  tool: string;
  /** Undefined: it holds in all sessions. */
  session: SessionId | undefined;
  uses: number;
  createdAt: number;
}

/** Notes what the person allowed with an approval; once per approval. */
export async function addGrant(
  db: Db,
  scope: Scope,
  grant: ApprovalGrant & { tool: string; session: SessionId | undefined; approval: string },
): Promise<void> {
  const now = db.clock.now();
  await db.query.transaction().execute(async (trx) => {
    const known = await trx
      .selectFrom('grants')
      .select('id')
      .where('approval_id', '=', grant.approval)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .executeTakeFirst();
    if (known) return;
    await trx
      .insertInto('grants')
      .values({
        id: newRowId(now),
        space_id: scope.space,
        person_id: scope.person,
        session_id: grant.session ?? null,
        tool: grant.tool,
        key: grant.key,
        title: grant.title,
        wide: grant.wide ? 1 : 0,
        approval_id: grant.approval,
        uses: 0,
        created_at: now,
        used_at: null,
        revoked_at: null,
      })
      .execute();
  });
}

/** What holds for this person here, oldest first. */
export async function listGrants(db: Db, scope: Scope): Promise<readonly StoredGrant[]> {
  const rows = await db.query
    .selectFrom('grants')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map(grantOf);
}

/** The grant that covers a call of `tool` with this key in this session, counted as used; undefined when there is none. */
export async function useGrant(
  db: Db,
  scope: Scope,
  call: { tool: string; key: string; session: SessionId; narrowOnly: boolean },
): Promise<StoredGrant | undefined> {
  const rows = await db.query
    .selectFrom('grants')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('tool', '=', call.tool)
    .where('key', '=', call.key)
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .execute();
  const row = rows.find(
    (one) => (one.session_id === null || one.session_id === call.session) && !(call.narrowOnly && one.wide === 1),
  );
  if (!row) return undefined;
  await db.query
    .updateTable('grants')
    .set((eb) => ({ uses: eb('uses', '+', 1), used_at: db.clock.now() }))
    .where('id', '=', row.id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .execute();
  return grantOf(row);
}

/** Ends a grant of this person. False when there is no such live one. */
export async function revokeGrant(db: Db, scope: Scope, id: string): Promise<boolean> {
  const result = await db.query
    .updateTable('grants')
    .set({ revoked_at: db.clock.now() })
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

function grantOf(row: Selectable<Tables['grants']>): StoredGrant {
  return {
    id: row.id,
    tool: row.tool,
    key: row.key,
    title: row.title,
    wide: row.wide === 1,
    session: row.session_id ?? undefined,
    uses: row.uses,
    createdAt: row.created_at,
  };
}
