// Recorded turns that were gone through again, once with a skill and once without.
import { z } from 'zod';
import type { TurnId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import type { Scope } from '../scope.ts';

/** One way through a recorded turn. */
export interface ReplayRun {
  /** It came to what the turn had come to. */
  reached: boolean;
  steps: number;
  tokens: number;
  /** Calls whose results were not in the record. */
  notRecorded: number;
}

export interface Replay {
  skill: string;
  revision: string;
  turn: TurnId;
  withSkill: ReplayRun;
  without: ReplayRun;
  at: number;
}

const runSchema: z.ZodType<ReplayRun> = z.object({
  reached: z.boolean(),
  steps: z.number(),
  tokens: z.number(),
  notRecorded: z.number(),
});

/** A turn is gone through once for a revision: the same again would be no news. False when it was, or the turn is not of this space. */
export async function addReplay(db: Db, scope: Scope, replay: Omit<Replay, 'at'>): Promise<boolean> {
  const result = await db.query
    .insertInto('skill_replays')
    .columns(['revision', 'turn_id', 'space_id', 'skill', 'with_run', 'without_run', 'at'])
    .expression((eb) =>
      eb
        .selectFrom('task_turns')
        .select((one) => [
          one.val(replay.revision).as('revision'),
          'task_turns.turn_id',
          'task_turns.space_id',
          one.val(replay.skill).as('skill'),
          one.val(JSON.stringify(replay.withSkill)).as('with_run'),
          one.val(JSON.stringify(replay.without)).as('without_run'),
          one.val(db.clock.now()).as('at'),
        ])
        .where('task_turns.turn_id', '=', replay.turn)
        .where('task_turns.space_id', '=', scope.space),
    )
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** Of one skill, oldest first. */
export async function listReplays(db: Db, scope: Scope, skill: string): Promise<readonly Replay[]> {
  const rows = await db.query
    .selectFrom('skill_replays')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('skill', '=', skill)
    .orderBy('at')
    .orderBy('turn_id')
    .execute();
  return rows.map((row) => ({
    skill: row.skill,
    revision: row.revision,
    turn: row.turn_id,
    withSkill: runSchema.parse(JSON.parse(row.with_run)),
    without: runSchema.parse(JSON.parse(row.without_run)),
    at: row.at,
  }));
}

/** How many were made in this space since then. */
export async function countReplays(db: Db, scope: Scope, since: number): Promise<number> {
  const row = await db.query
    .selectFrom('skill_replays')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('space_id', '=', scope.space)
    .where('at', '>=', since)
    .executeTakeFirst();
  return row?.count ?? 0;
}
