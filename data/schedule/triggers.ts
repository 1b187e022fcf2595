// What begins a job beside the time, as its person sees it.
import type { Selectable } from 'kysely';
import type { Db } from '../db.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';
import type { TriggerKind } from './tables.ts';

export interface Trigger {
  id: string;
  job: string;
  kind: TriggerKind;
  /** JSON; gateway/triggers reads it. */
  spec: string;
  fired: number;
  firedAt: number | undefined;
  createdAt: number;
}

/** `id`: where nobody may guess it; default: a new one. The job is not looked for. */
export async function addTrigger(
  db: Db,
  scope: Scope,
  trigger: {
    id?: string | undefined;
    job: string;
    kind: TriggerKind;
    spec: string;
    secret?: string | undefined;
    mark?: string | undefined;
  },
): Promise<Trigger> {
  const now = db.clock.now();
  const row = await db.query
    .insertInto('triggers')
    .values({
      id: trigger.id ?? newRowId(now),
      job_id: trigger.job,
      space_id: scope.space,
      person_id: scope.person,
      kind: trigger.kind,
      spec: trigger.spec,
      secret: trigger.secret ?? null,
      mark: trigger.mark ?? null,
      fired: 0,
      fired_at: null,
      created_at: now,
      removed_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return triggerOf(row);
}

/** Of one job, or all of this person here; oldest first. */
export async function listTriggers(db: Db, scope: Scope, job?: string): Promise<readonly Trigger[]> {
  let query = db.query
    .selectFrom('triggers')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('removed_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id');
  if (job !== undefined) query = query.where('job_id', '=', job);
  return (await query.execute()).map(triggerOf);
}

/** False when there is none such. Its secret is forgotten. */
export async function removeTrigger(db: Db, scope: Scope, id: string): Promise<boolean> {
  const done = await db.query
    .updateTable('triggers')
    .set({ removed_at: db.clock.now(), secret: null })
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

export function triggerOf(row: Selectable<Tables['triggers']>): Trigger {
  return {
    id: row.id,
    job: row.job_id,
    kind: row.kind,
    spec: row.spec,
    fired: row.fired,
    firedAt: row.fired_at ?? undefined,
    createdAt: row.created_at,
  };
}
