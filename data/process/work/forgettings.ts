// What services outside are yet to forget, of all people: found again after a restart. forgetMemories adds to it.
import type { ForgettingKind } from '../../memory/tables.ts';
import type { ProcessDb } from '../../db.ts';
import { storedScope, type Scope } from '../../scope.ts';

export interface Forgetting {
  id: number;
  scope: Scope;
  service: string;
  kind: ForgettingKind;
  /** Id of the session, turn or entry; '' for all. */
  ref: string;
  attempts: number;
  createdAt: number;
}

/** Due by now, longest first. */
export async function listDueForgettings(db: ProcessDb, limit: number): Promise<readonly Forgetting[]> {
  const rows = await db.query
    .selectFrom('forgettings')
    .selectAll()
    .where('due_at', '<=', db.clock.now())
    .orderBy('due_at')
    .limit(limit)
    .execute();
  return rows.map(({ id, space_id, person_id, service, kind, ref, attempts, created_at }) => ({
    id,
    scope: storedScope(person_id, space_id),
    service,
    kind,
    ref,
    attempts,
    createdAt: created_at,
  }));
}

/** When the next one is due, which may have passed; undefined when there is none. */
export async function nextForgettingAt(db: ProcessDb): Promise<number | undefined> {
  const row = await db.query.selectFrom('forgettings').select('due_at').orderBy('due_at').limit(1).executeTakeFirst();
  return row?.due_at;
}

/** It was tried in vain and is tried again then. */
export async function postponeForgetting(db: ProcessDb, id: number, dueAt: number): Promise<void> {
  await db.query
    .updateTable('forgettings')
    .set((eb) => ({ attempts: eb('attempts', '+', 1), due_at: dueAt }))
    .where('id', '=', id)
    .execute();
}

/** It is done, or given up. */
export async function endForgetting(db: ProcessDb, id: number): Promise<void> {
  await db.query.deleteFrom('forgettings').where('id', '=', id).execute();
}
