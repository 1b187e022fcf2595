// Which tools turns used one after another, by conversation: what is done the same way in several of them is worth a skill.
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import type { Scope } from '../scope.ts';

export interface TurnPattern {
  session: SessionId;
  turn: TurnId;
  /** Names of tools, normalized: equal texts are the same pattern. */
  steps: string;
}

/** Keeps it once per turn; a session of another space changes nothing. */
export async function addPattern(db: Db, scope: Scope, pattern: TurnPattern): Promise<void> {
  const now = db.clock.now();
  await db.query
    .insertInto('review_patterns')
    .columns(['turn_id', 'space_id', 'session_id', 'steps', 'created_at'])
    .expression((eb) =>
      eb
        .selectFrom('sessions')
        .select((inner) => [
          inner.val(pattern.turn).as('turn_id'),
          'sessions.space_id',
          'sessions.id as session_id',
          inner.val(pattern.steps).as('steps'),
          inner.val(now).as('created_at'),
        ])
        .where('sessions.id', '=', pattern.session)
        .where('sessions.space_id', '=', scope.space),
    )
    .onConflict((conflict) => conflict.column('turn_id').doNothing())
    .execute();
}

/** Turns of the space with these steps, the latest first. */
export async function findPattern(
  db: Db,
  scope: Scope,
  steps: string,
  limit: number,
): Promise<readonly { session: SessionId; turn: TurnId }[]> {
  const rows = await db.query
    .selectFrom('review_patterns')
    .select(['session_id', 'turn_id'])
    .where('space_id', '=', scope.space)
    .where('steps', '=', steps)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ session: row.session_id, turn: row.turn_id }));
}
