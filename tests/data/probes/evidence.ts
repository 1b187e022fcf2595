// How the functions of data/evidence are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { addCurationStep, listCurationSteps, markCurationUndone } from '../../../data/evidence/curation.ts';
import {
  beginReplay,
  countReplays,
  dropReplay,
  endReplay,
  listReplays,
  listTriedTurns,
} from '../../../data/evidence/replays.ts';
import { evidenceSeries } from '../../../data/evidence/series.ts';
import {
  addFamily,
  lastRecorded,
  listFamilies,
  listTurnsAround,
  listUsedSkills,
  markTakenBack,
  recordTurn,
  settleTurn,
  skillsAround,
  usedBefore,
} from '../../../data/evidence/turns.ts';
import { undoTurn } from '../../../data/messages.ts';
import type { Place } from '../scope-world.ts';
import { recordOf, run } from './evidence-world.ts';

export const evidenceProbes = {
  'evidence/turns.ts': {
    listFamilies: (db: Db, me: Place) => listFamilies(db, me.scope),
    addFamily: (db: Db, me: Place, target: Place) =>
      addFamily(db, me.scope, { words: [me === target ? target.spaceMark : 'mine'], tools: [] }),
    recordTurn: (db: Db, me: Place, target: Place) =>
      recordTurn(db, me.scope, { ...recordOf(target, target.evidence.family), outcome: 'failed' }),
    usedBefore: (db: Db, me: Place, target: Place) =>
      usedBefore(db, me.scope, { session: target.idle, family: target.evidence.family, turn: target.runningTurn }),
    // An id tells nothing of where it comes from: it stands for the row itself.
    lastRecorded: async (db: Db, me: Place, target: Place) =>
      (await lastRecorded(db, me.scope, { session: target.idle, except: target.runningTurn })) ? target.spaceMark : '',
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
    endReplay: (db: Db, me: Place, target: Place) =>
      endReplay(db, me.scope, {
        revision: `${target.spaceMark} open`,
        turn: target.idleTurn,
        withSkill: run,
        without: run,
      }),
    dropReplay: (db: Db, me: Place, target: Place) =>
      dropReplay(db, me.scope, { revision: `${target.spaceMark} open`, turn: target.idleTurn }),
    listTriedTurns: async (db: Db, me: Place, target: Place) =>
      (await listTriedTurns(db, me.scope, `${target.spaceMark} open`)).length > 0 ? target.spaceMark : '',
    beginReplay: (db: Db, me: Place, target: Place) =>
      beginReplay(db, me.scope, {
        skill: me === target ? target.spaceMark : 'mine',
        revision: `${me.spaceMark} new`,
        turn: target.idleTurn,
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
