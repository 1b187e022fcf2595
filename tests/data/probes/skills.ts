// How the functions of data/learning are tried; see scope-probes.ts.
import { listSkillLoads, listSkillMarks, noteSkillLoad, setSkillMarks } from '../../../data/learning/skill-marks.ts';
import {
  addRevision,
  getRevision,
  listLiveRevisions,
  listRevisions,
  readRevisionFiles,
  rollbackSkill,
  setRevisionState,
} from '../../../data/learning/skill-revisions.ts';
import type { Db } from '../../../data/db.ts';
import { revisionFor } from '../fill-skills.ts';
import type { Place } from '../scope-world.ts';

export const skillProbes = {
  'learning/skill-revisions.ts': {
    listLiveRevisions: (db: Db, me: Place) => listLiveRevisions(db, me.scope),
    listRevisions: async (db: Db, me: Place, target: Place) => [
      await listRevisions(db, me.scope),
      await listRevisions(db, me.scope, target.spaceMark),
    ],
    getRevision: (db: Db, me: Place, target: Place) => getRevision(db, me.scope, target.skillRevision),
    readRevisionFiles: async (db: Db, me: Place, target: Place) =>
      (await readRevisionFiles(db, me.scope, target.skillRevision)).map(({ content }) => content.toString()),
    addRevision: (db: Db, me: Place, target: Place) =>
      addRevision(db, me.scope, {
        ...revisionFor('mine'),
        parent: target.skillRevision,
        replaces: me === target ? target.skillRevision : undefined,
      }),
    setRevisionState: (db: Db, me: Place, target: Place) =>
      setRevisionState(db, me.scope, target.skillRevision, { state: 'rolled_back', why: 'mine' }),
    rollbackSkill: (db: Db, me: Place, target: Place) =>
      rollbackSkill(db, me.scope, target.spaceMark, { to: undefined, why: 'mine' }),
  },
  'learning/skill-marks.ts': {
    listSkillMarks: async (db: Db, me: Place) => [...(await listSkillMarks(db, me.scope))],
    setSkillMarks: (db: Db, me: Place, target: Place) =>
      setSkillMarks(db, me.scope, me === target ? target.spaceMark : 'mine', {
        frozen: false,
        pinned: false,
        archived: true,
      }),
    noteSkillLoad: (db: Db, me: Place, target: Place) =>
      noteSkillLoad(db, me.scope, {
        session: target.session.id,
        skill: target.spaceMark,
        revision: undefined,
        turn: undefined,
      }),
    listSkillLoads: (db: Db, me: Place, target: Place) => listSkillLoads(db, me.scope, target.session.id),
  },
};
