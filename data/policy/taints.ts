// When commands that could reach the network, or ran in a turn that had read words of others, wrote files in a space: a file that was changed
// in such a time may hold words of others.
import type { Db } from '../db.ts';
import type { Scope } from '../scope.ts';

/** Two times closer than this become one. */
const JOIN_MS = 60_000;

/** Notes that files changed between `from` and `to` (ms since the epoch) may hold words of others. */
export async function addTaint(db: Db, scope: Scope, { from, to }: { from: number; to: number }): Promise<void> {
  await db.query.transaction().execute(async (trx) => {
    const last = await trx
      .selectFrom('taints')
      .select(['id', 'from_at', 'to_at'])
      .where('space_id', '=', scope.space)
      .orderBy('to_at', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (last && from <= last.to_at + JOIN_MS && to >= last.from_at)
      await trx
        .updateTable('taints')
        .set({ from_at: Math.min(from, last.from_at), to_at: Math.max(to, last.to_at) })
        .where('id', '=', last.id)
        .execute();
    else await trx.insertInto('taints').values({ space_id: scope.space, from_at: from, to_at: to }).execute();
  });
}

/** Whether a file that was last changed at `changedAt` may hold words of others; undefined: whether any file may. */
export async function isTainted(db: Db, scope: Scope, changedAt?: number): Promise<boolean> {
  let query = db.query.selectFrom('taints').select('id').where('space_id', '=', scope.space);
  if (changedAt !== undefined) query = query.where('from_at', '<=', changedAt).where('to_at', '>=', changedAt);
  return (await query.limit(1).executeTakeFirst()) !== undefined;
}
