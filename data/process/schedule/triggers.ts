// What begins jobs beside the time, as the process sees it: who knows the address of a webhook is nobody yet.
import type { ProcessDb } from '../../db.ts';
import { makeKeeper } from '../../query/keep.ts';
import { triggerOf, type Trigger } from '../../schedule/triggers.ts';
import type { TriggerKind } from '../../schedule/tables.ts';
import { storedScope, type Scope } from '../../scope.ts';

export interface ArmedTrigger extends Trigger {
  scope: Scope;
  secret: string | undefined;
  mark: string | undefined;
}

/** Asked for with each message. */
const kept = makeKeeper<readonly ArmedTrigger[]>('triggers');

/** Those of one kind, or the one of this id. */
export async function listArmedTriggers(
  db: ProcessDb,
  filter: { kind: TriggerKind; id?: string | undefined },
): Promise<readonly ArmedTrigger[]> {
  return kept(db, `${filter.kind} ${filter.id ?? ''}`, () => readArmed(db, filter));
}

async function readArmed(
  db: ProcessDb,
  filter: { kind: TriggerKind; id?: string | undefined },
): Promise<readonly ArmedTrigger[]> {
  let query = db.query
    .selectFrom('triggers')
    .selectAll()
    .where('kind', '=', filter.kind)
    .where('removed_at', 'is', null)
    .orderBy('id');
  if (filter.id !== undefined) query = query.where('id', '=', filter.id);
  return (await query.execute()).map((row) => ({
    ...triggerOf(row),
    scope: storedScope(row.person_id, row.space_id),
    secret: row.secret ?? undefined,
    mark: row.mark ?? undefined,
  }));
}

/** What a file is like now; whether that begins a run is for the caller to say. */
export async function markTrigger(db: ProcessDb, id: string, mark: string): Promise<void> {
  await db.query.updateTable('triggers').set({ mark }).where('id', '=', id).execute();
}

export async function noteFired(db: ProcessDb, id: string): Promise<void> {
  await db.query
    .updateTable('triggers')
    .set((eb) => ({ fired: eb('fired', '+', 1), fired_at: db.clock.now() }))
    .where('id', '=', id)
    .execute();
}
