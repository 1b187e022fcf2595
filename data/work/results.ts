// Tool results that were too long for the conversation, to be read by range; per space, with whose words they are.
import type { TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { Db } from '../db.ts';
import { getMessage } from '../messages.ts';
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

const MESSAGE_ID = /^m(\d{1,15})$/;

/** A kept result, or by `m<number>` the tool result that a message of the conversation holds. */
export async function openResult(db: Db, scope: Scope, id: string): Promise<KeptResult | undefined> {
  const message = MESSAGE_ID.exec(id)?.[1];
  if (message !== undefined) return openStored(db, scope, Number(message));
  return db.query
    .selectFrom('results')
    .select(['tool', 'text', 'origin'])
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
}

async function openStored(db: Db, scope: Scope, id: number): Promise<KeptResult | undefined> {
  const message = await getMessage(db, scope, id);
  if (message?.role !== 'tool' || message.state === 'undone') return undefined;
  return { tool: message.toolName ?? '', text: message.text, origin: message.origin };
}
