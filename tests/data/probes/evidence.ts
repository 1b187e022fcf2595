// How the functions of data/evidence are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { addCurationStep, listCurationSteps, markCurationUndone } from '../../../data/evidence/curation.ts';
import { addReplay, countReplays, listReplays, type ReplayRun } from '../../../data/evidence/replays.ts';
import { evidenceSeries } from '../../../data/evidence/series.ts';
import {
  addFamily,
  familyOf,
  lastRecorded,
  listFamilies,
  listTurnsAround,
  listUsedSkills,
  markTakenBack,
  recordTurn,
  settleTurn,
  skillsAround,
  type TurnRecord,
} from '../../../data/evidence/turns.ts';
import { undoTurn } from '../../../data/messages.ts';
import type { Scope } from '../../../data/scope.ts';
import type { SessionId, TurnId } from '../../../shared/ids.ts';
import type { Place } from '../scope-world.ts';

const run: ReplayRun = { reached: true, steps: 1, tokens: 1, notRecorded: 0 };

interface World {
  scope: Scope;
  idle: SessionId;
  idleTurn: TurnId;
  spaceMark: string;
}

function recordOf({ idle, idleTurn, spaceMark }: Omit<World, 'scope'>, family: string): TurnRecord {
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
  await addReplay(db, scope, replay);
  const step = { kind: 'merge', skill: spaceMark, other: spaceMark, revisions: [spaceMark], why: spaceMark } as const;
  const { id } = await addCurationStep(db, scope, step);
  return { family, step: id };
}

export const evidenceProbes = {
  'evidence/turns.ts': {
    listFamilies: (db: Db, me: Place) => listFamilies(db, me.scope),
    addFamily: (db: Db, me: Place, target: Place) =>
      addFamily(db, me.scope, { words: [me === target ? target.spaceMark : 'mine'], tools: [] }),
    recordTurn: (db: Db, me: Place, target: Place) =>
      recordTurn(db, me.scope, { ...recordOf(target, target.evidence.family), outcome: 'failed' }),
    familyOf: (db: Db, me: Place, target: Place) => familyOf(db, me.scope, target.idleTurn),
    lastRecorded: async (db: Db, me: Place, target: Place) =>
      lastRecorded(db, me.scope, { session: target.idle, except: target.runningTurn }),
    settleTurn: (db: Db, me: Place, target: Place) => settleTurn(db, me.scope, target.idleTurn, 'corrected'),
    async markTakenBack(db: Db, me: Place, target: Place) {
      await undoTurn(db, me.scope, target.idleTurn);
      await markTakenBack(db, me.scope);
    },
    listTurnsAround: (db: Db, me: Place, target: Place) =>
      listTurnsAround(db, me.scope, { skill: target.spaceMark, since: 0 }),
    skillsAround: (db: Db, me: Place, target: Place) => skillsAround(db, me.scope, [target.idleTurn]),
    listUsedSkills: (db: Db, me: Place) => listUsedSkills(db, me.scope),
  },
  'evidence/replays.ts': {
    addReplay: (db: Db, me: Place, target: Place) =>
      addReplay(db, me.scope, {
        skill: me === target ? target.spaceMark : 'mine',
        revision: `${me.spaceMark} new`,
        turn: target.idleTurn,
        withSkill: run,
        without: run,
      }),
    listReplays: (db: Db, me: Place, target: Place) => listReplays(db, me.scope, target.spaceMark),
    // A number tells nothing of where it comes from: any but 0 stands for the rows themselves.
    countReplays: async (db: Db, me: Place, target: Place) =>
      me === target && (await countReplays(db, me.scope, 0)) > 0 ? target.spaceMark : '',
  },
  'evidence/curation.ts': {
    addCurationStep: (db: Db, me: Place, target: Place) =>
      addCurationStep(db, me.scope, {
        kind: 'stale',
        skill: me === target ? target.spaceMark : 'mine',
        other: undefined,
        revisions: [],
        why: '',
      }),
    listCurationSteps: (db: Db, me: Place) => listCurationSteps(db, me.scope),
    markCurationUndone: (db: Db, me: Place, target: Place) => markCurationUndone(db, me.scope, target.evidence.step),
  },
  'evidence/series.ts': {
    evidenceSeries: (db: Db, me: Place, target: Place) =>
      Promise.all([undefined, target.spaceMark].map((skill) => evidenceSeries(db, me.scope, { since: 0, skill }))),
  },
};
