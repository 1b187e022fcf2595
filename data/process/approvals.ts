// The gateway's view of approvals: whether the one that a turn waits for was answered.
import type { ProcessDb } from '../db.ts';
import type { ApprovalState } from '../schema.ts';

/** State of a request; one that waits beyond its time becomes `expired` here. */
export async function readApprovalState(db: ProcessDb, id: string): Promise<ApprovalState | undefined> {
  await db.query
    .updateTable('approvals')
    .set({ state: 'expired' })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .where('expires_at', '<=', db.clock.now())
    .execute();
  const row = await db.query.selectFrom('approvals').select('state').where('id', '=', id).executeTakeFirst();
  return row?.state;
}
