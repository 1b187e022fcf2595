// What a space of the world holds of evidence; see scope-world.ts.
import type { Db } from '../../../data/db.ts';
import { addCurationStep } from '../../../data/evidence/curation.ts';
import { beginReplay, endReplay, type ReplayRun } from '../../../data/evidence/replays.ts';
import { addFamily, recordTurn, type TurnRecord } from '../../../data/evidence/turns.ts';
import type { Scope } from '../../../data/scope.ts';
import type { SessionId, TurnId } from '../../../shared/ids.ts';

export const run: ReplayRun = { reached: true, steps: 1, tokens: 1, notRecorded: 0 };

interface World {
  scope: Scope;
  idle: SessionId;
  idleTurn: TurnId;
  spaceMark: string;
}

export function recordOf({ idle, idleTurn, spaceMark }: Omit<World, 'scope'>, family: string): TurnRecord {
  return {
    turn: idleTurn,
    session: idle,
    family,
    outcome: 'done',
    settled: false,
    steps: 1,
    toolErrors: 0,
    denials: 0,
    at: 1,
    uses: [{ skill: spaceMark, revision: spaceMark, how: 'viewed' }],
  };
}

/** What a space of the world holds of evidence. */
export async function fillEvidence(db: Db, world: World): Promise<{ family: string; step: number }> {
  const { scope, spaceMark, idleTurn } = world;
  const family = await addFamily(db, scope, { words: [spaceMark], tools: [spaceMark] });
  await recordTurn(db, scope, recordOf(world, family));
  const replay = { skill: spaceMark, revision: spaceMark, turn: idleTurn, withSkill: run, without: run };
  await beginReplay(db, scope, replay);
  await endReplay(db, scope, replay);
  await beginReplay(db, scope, { ...replay, revision: `${spaceMark} open` });
  const step = { kind: 'merge', skill: spaceMark, other: spaceMark, revisions: [spaceMark], why: spaceMark } as const;
  const { id } = await addCurationStep(db, scope, step);
  return { family, step: id };
}
