// Whose skills are looked after: spaces that were used lately, each with a person of it.
import type { ProcessDb } from '../db.ts';
import { storedScope, type Scope } from '../scope.ts';

/** Spaces with a conversation that was used since then, each once, with the person who was there last. */
export async function listUsedSpaces(db: ProcessDb, since: number): Promise<readonly Scope[]> {
  const rows = await db.query
    .selectFrom('sessions')
    .select(['space_id', 'person_id'])
    .where('task_id', 'is', null)
    .where('updated_at', '>=', since)
    .orderBy('updated_at', 'desc')
    .execute();
  const scopes = new Map<string, Scope>();
  for (const { space_id, person_id } of rows)
    if (!scopes.has(space_id)) scopes.set(space_id, storedScope(person_id, space_id));
  return [...scopes.values()];
}
