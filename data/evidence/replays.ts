// Recorded turns that were gone through again, once with a skill and once without. The row is there before anything is spent: what failed or
// was cut off counts as well, it only says nothing.
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

/** Of a way that has no end yet, and has none for ever when it failed. */
const UNENDED = '';

/** A turn is gone through once for a revision: the same again would be no news. False when it was, or the turn is not of this space. */
export async function beginReplay(
  db: Db,
  scope: Scope,
  replay: Pick<Replay, 'skill' | 'revision' | 'turn'>,
): Promise<boolean> {
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
          one.val(UNENDED).as('with_run'),
          one.val(UNENDED).as('without_run'),
          one.val(db.clock.now()).as('at'),
        ])
        .where('task_turns.turn_id', '=', replay.turn)
        .where('task_turns.space_id', '=', scope.space),
    )
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** Both ways have come to an end. False when it was not begun, or has ended before. */
export async function endReplay(db: Db, scope: Scope, replay: Omit<Replay, 'at' | 'skill'>): Promise<boolean> {
  const result = await db.query
    .updateTable('skill_replays')
    .set({ with_run: JSON.stringify(replay.withSkill), without_run: JSON.stringify(replay.without) })
    .where('space_id', '=', scope.space)
    .where('revision', '=', replay.revision)
    .where('turn_id', '=', replay.turn)
    .where('with_run', '=', UNENDED)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Nothing was spent on it: as if it had not been begun. */
export async function dropReplay(db: Db, scope: Scope, replay: Pick<Replay, 'revision' | 'turn'>): Promise<void> {
  await db.query
    .deleteFrom('skill_replays')
    .where('space_id', '=', scope.space)
    .where('revision', '=', replay.revision)
    .where('turn_id', '=', replay.turn)
    .where('with_run', '=', UNENDED)
    .execute();
}

/** Turns that were gone through for the revision, or begun. */
export async function listTriedTurns(db: Db, scope: Scope, revision: string): Promise<readonly TurnId[]> {
  const rows = await db.query
    .selectFrom('skill_replays')
    .select('turn_id')
    .where('space_id', '=', scope.space)
    .where('revision', '=', revision)
    .execute();
  return rows.map(({ turn_id: turn }) => turn);
}

/** Of one skill, those that have come to an end, oldest first. */
export async function listReplays(db: Db, scope: Scope, skill: string): Promise<readonly Replay[]> {
  const rows = await db.query
    .selectFrom('skill_replays')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('skill', '=', skill)
    .where('with_run', '<>', UNENDED)
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

/** How many were begun in this space since then, whatever became of them. */
export async function countReplays(db: Db, scope: Scope, since: number): Promise<number> {
  const row = await db.query
    .selectFrom('skill_replays')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('space_id', '=', scope.space)
    .where('at', '>=', since)
    .executeTakeFirst();
  return row?.count ?? 0;
}
