// Approvals of everybody, for the owner of the machine: whose there are, and how they were answered.
import { z } from 'zod';
import type { PersonId, SpaceId } from '../../../shared/ids.ts';
import type { ProcessDb } from '../../db.ts';
import { storedScope, type Scope } from '../../scope.ts';

/** Each person and space with open requests or live grants. */
export async function listApprovalScopes(db: ProcessDb): Promise<readonly Scope[]> {
  const waiting = await db.query
    .selectFrom('approvals')
    .select(['person_id', 'space_id'])
    .distinct()
    .where('state', '=', 'pending')
    .execute();
  const granted = await db.query
    .selectFrom('grants')
    .select(['person_id', 'space_id'])
    .distinct()
    .where('revoked_at', 'is', null)
    .execute();
  const scopes = new Map(
    [...waiting, ...granted].map((row) => [
      JSON.stringify([row.person_id, row.space_id]),
      storedScope(row.person_id, row.space_id),
    ]),
  );
  return [...scopes.values()];
}

export interface AnsweredApproval {
  person: PersonId;
  space: SpaceId;
  tool: string;
  /** SHA-256 of tool and arguments. */
  digest: string;
  wasAllowed: boolean;
  /** What could have been allowed for longer; undefined: nothing. */
  grant: { key: string; title: string } | undefined;
  createdAt: number;
}

const grantSchema = z.object({ key: z.string(), title: z.string() });

/** What was allowed and run, or denied, since then; oldest first. */
export async function listAnsweredApprovals(db: ProcessDb, since: number): Promise<readonly AnsweredApproval[]> {
  const rows = await db.query
    .selectFrom('approvals')
    .select(['person_id', 'space_id', 'tool', 'digest', 'state', 'grant_json', 'created_at'])
    .where('state', 'in', ['used', 'denied'])
    .where('created_at', '>=', since)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    person: row.person_id,
    space: row.space_id,
    tool: row.tool,
    digest: row.digest,
    wasAllowed: row.state === 'used',
    grant: row.grant_json === null ? undefined : grantSchema.parse(JSON.parse(row.grant_json)),
    createdAt: row.created_at,
  }));
}
