// Tool results that were too long for the conversation, to be read by range; per space, with whose words they are.
import type { TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { Db } from '../db.ts';
import { newRowId } from '../row-id.ts';
import type { Scope } from '../scope.ts';

export interface KeptResult {
  tool: string;
  text: string;
  origin: Origin;
}

/** Keeps a result; gives the id that it is read by. */
export async function keepResult(db: Db, scope: Scope, result: KeptResult & { turn: TurnId }): Promise<string> {
  const now = db.clock.now();
  const id = newRowId(now);
  await db.query
    .insertInto('results')
    .values({
      id,
      space_id: scope.space,
      person_id: scope.person,
      turn_id: result.turn,
      tool: result.tool,
      origin: result.origin,
      text: result.text,
      created_at: now,
    })
    .execute();
  return id;
}

export async function openResult(db: Db, scope: Scope, id: string): Promise<KeptResult | undefined> {
  return db.query
    .selectFrom('results')
    .select(['tool', 'text', 'origin'])
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
}
