// The list of what is to do in a session: it is shown to the model in each request, so it outlives compression and restarts.
import { z } from 'zod';
import type { SessionId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import type { Scope } from '../scope.ts';

export const TODO_STATES = ['pending', 'in_progress', 'completed', 'cancelled'] as const;

const todoSchema = z.object({ id: z.string(), content: z.string(), status: z.enum(TODO_STATES) });
export type TodoItem = z.output<typeof todoSchema>;

const kept = makeKeeper<readonly TodoItem[]>('todos');

/** In order; none when the session is of another space. */
export async function listTodos(db: Db, scope: Scope, session: SessionId): Promise<readonly TodoItem[]> {
  return kept(db, `${scope.space} ${session}`, async () => {
    const row = await db.query
      .selectFrom('todos')
      .select('items')
      .where('session_id', '=', session)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    return row ? z.array(todoSchema).parse(JSON.parse(row.items)) : [];
  });
}

/** Replaces the list of a session of this space; an unknown session changes nothing. */
export async function setTodos(db: Db, scope: Scope, session: SessionId, items: readonly TodoItem[]): Promise<boolean> {
  return db.query.transaction().execute(async (trx) => {
    const owned = await trx
      .selectFrom('sessions')
      .select('id')
      .where('id', '=', session)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    if (!owned) return false;
    const values = { items: JSON.stringify(items), updated_at: db.clock.now() };
    await trx
      .insertInto('todos')
      .values({ session_id: session, space_id: scope.space, ...values })
      .onConflict((conflict) => conflict.column('session_id').doUpdateSet(values))
      .execute();
    return true;
  });
}
