// The history of jobs has an end: of each job the last runs stay, and all that are young. What their turns said and did goes with them; what
// they cost stays, and so does what was delivered into conversations.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import type { ProcessDb, Query } from '../../db.ts';

const KEEP_RUNS = 50;
const KEEP_RUNS_MS = 90 * 24 * 3_600_000;

/** Deletes what is old enough; running it again, or stopping it in between, does no harm. Returns how many runs and jobs went. */
export async function pruneRuns(db: ProcessDb, options: { batch?: number } = {}): Promise<number> {
  const { batch = 200 } = options;
  const before = db.clock.now() - KEEP_RUNS_MS;
  let deleted = 0;
  for (;;) {
    const count = await pruneBatch(db, before, batch);
    deleted += count;
    if (count < batch) break;
    await setImmediate(); // queries alone never let the event loop turn
  }
  return deleted + (await pruneRemoved(db, before));
}

async function pruneBatch(db: ProcessDb, before: number, batch: number): Promise<number> {
  return db.query.transaction().execute(async (trx) => {
    const { rows } = await sql<{ id: string }>`select id from (
        select o.id, o.scheduled_at, o.next_at, o.state, o.delivery, jobs.state as job_state,
          row_number() over (partition by o.job_id order by o.scheduled_at desc) as place
        from occurrences o join jobs on jobs.id = o.job_id)
      where (place > ${KEEP_RUNS} or job_state = 'removed') and scheduled_at < ${before} and next_at is null
        and state not in ('claimed','running') and delivery <> 'pending' limit ${batch}`.execute(trx);
    for (const { id } of rows) await deleteRun(trx, id);
    return rows.length;
  });
}

/** The run with the turns that worked for it, each attempt under a key of its own. */
async function deleteRun(trx: Query, id: string): Promise<void> {
  const tasks = await trx
    .selectFrom('tasks')
    .select(['id', 'root_id', 'own_session_id'])
    // The character after the dot ends the range.
    .where(sql<boolean>`root_id >= ${`job.${id}.`} and root_id < ${`job.${id}/`}`)
    .execute();
  for (const task of tasks) {
    if (task.own_session_id !== null)
      await trx.deleteFrom('sessions').where('id', '=', task.own_session_id).where('task_id', '=', task.id).execute();
    await trx.deleteFrom('turns').where('task_id', '=', task.id).execute();
    await sql`delete from cells where root_id = ${task.root_id}`.execute(trx);
    await trx.deleteFrom('tasks').where('id', '=', task.id).execute();
  }
  await trx.deleteFrom('occurrences').where('id', '=', id).execute();
}

/** Removed jobs of which no run is left. */
async function pruneRemoved(db: ProcessDb, before: number): Promise<number> {
  const result = await db.query
    .deleteFrom('jobs')
    .where('state', '=', 'removed')
    .where('updated_at', '<', before)
    .where((eb) =>
      eb.not(
        eb.exists(eb.selectFrom('occurrences').select('occurrences.id').whereRef('occurrences.job_id', '=', 'jobs.id')),
      ),
    )
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
