// What a person settled about skills, and which skills a conversation has loaded. Both per space.
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import type { Scope } from '../scope.ts';

export interface SkillMarks {
  frozen: boolean;
  pinned: boolean;
  archived: boolean;
}

const keepMarks = makeKeeper<ReadonlyMap<string, SkillMarks>>('skill_marks');
const keepLoads = makeKeeper<readonly SkillLoad[]>('skill_loads');

/** By skill; those without any mark are not there. */
export async function listSkillMarks(db: Db, scope: Scope): Promise<ReadonlyMap<string, SkillMarks>> {
  return keepMarks(db, scope.space, async () => {
    const rows = await db.query.selectFrom('skill_marks').selectAll().where('space_id', '=', scope.space).execute();
    return new Map(
      rows.map((row) => [
        row.skill,
        { frozen: row.frozen === 1, pinned: row.pinned === 1, archived: row.archived === 1 },
      ]),
    );
  });
}

/** Sets all marks of one skill. */
export async function setSkillMarks(db: Db, scope: Scope, skill: string, marks: SkillMarks): Promise<void> {
  const values = {
    frozen: Number(marks.frozen),
    pinned: Number(marks.pinned),
    archived: Number(marks.archived),
    updated_at: db.clock.now(),
  };
  await db.query
    .insertInto('skill_marks')
    .values({ space_id: scope.space, skill, ...values })
    .onConflict((conflict) => conflict.columns(['space_id', 'skill']).doUpdateSet(values))
    .execute();
}

export interface SkillLoad {
  skill: string;
  /** Undefined: a read-only skill as it is. */
  revision: string | undefined;
  turn: TurnId | undefined;
  at: number;
}

/** Notes that a conversation of this space has been given the text of a skill. */
export async function noteSkillLoad(
  db: Db,
  scope: Scope,
  load: Omit<SkillLoad, 'at'> & { session: SessionId },
): Promise<void> {
  const values = { revision_id: load.revision ?? null, turn_id: load.turn ?? null, loaded_at: db.clock.now() };
  await db.query
    .insertInto('skill_loads')
    .columns(['session_id', 'space_id', 'skill', 'revision_id', 'turn_id', 'loaded_at'])
    .expression((eb) =>
      eb
        .selectFrom('sessions')
        .select((row) => [
          'id',
          'space_id',
          row.val(load.skill).as('skill'),
          row.val(values.revision_id).as('revision_id'),
          row.val(values.turn_id).as('turn_id'),
          row.val(values.loaded_at).as('loaded_at'),
        ])
        .where('id', '=', load.session)
        .where('space_id', '=', scope.space),
    )
    .onConflict((conflict) => conflict.columns(['session_id', 'skill']).doUpdateSet(values))
    .execute();
}

/** Oldest first. */
export async function listSkillLoads(db: Db, scope: Scope, session: SessionId): Promise<readonly SkillLoad[]> {
  return keepLoads(db, `${scope.space}\u001f${session}`, async () => {
    const rows = await db.query
      .selectFrom('skill_loads')
      .selectAll()
      .where('session_id', '=', session)
      .where('space_id', '=', scope.space)
      .orderBy('loaded_at')
      .orderBy('skill')
      .execute();
    return rows.map((row) => ({
      skill: row.skill,
      revision: row.revision_id ?? undefined,
      turn: row.turn_id ?? undefined,
      at: row.loaded_at,
    }));
  });
}
