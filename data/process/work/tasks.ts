// Workers that go on without anybody waiting for them: taken up again when the process starts.
import type { Address } from '../../../shared/messages.ts';
import type { ProcessDb } from '../../db.ts';
import { storedScope, type Scope } from '../../scope.ts';
import { getTask, type Task } from '../../work/tasks.ts';
import { addressOf } from '../chats.ts';

export interface UnfinishedTask {
  task: Task;
  scope: Scope;
  /** Where its result is told. */
  address: Address;
}

/** Background tasks that have not ended, or whose result nobody has been told. */
export async function listUnfinishedTasks(db: ProcessDb): Promise<readonly UnfinishedTask[]> {
  const rows = await db.query
    .selectFrom('tasks')
    .innerJoin('turns', 'turns.id', 'tasks.turn_id')
    .select(['tasks.id', 'tasks.person_id', 'tasks.space_id'])
    .select(['turns.platform', 'turns.account', 'turns.chat', 'turns.thread', 'turns.chat_kind'])
    .where('tasks.background', '=', 1)
    .where('tasks.told', '=', 0)
    .where('tasks.state', '<>', 'stopped')
    .orderBy('tasks.id')
    .execute();
  const found: UnfinishedTask[] = [];
  for (const row of rows) {
    const scope = storedScope(row.person_id, row.space_id);
    const task = await getTask(db, scope, row.id);
    if (task) found.push({ task, scope, address: addressOf(row) });
  }
  return found;
}
