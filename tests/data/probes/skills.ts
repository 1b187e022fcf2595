// How the functions of data/learning are tried; see scope-probes.ts.
import { listSkillLoads, listSkillMarks, noteSkillLoad, setSkillMarks } from '../../../data/learning/skill-marks.ts';
import {
  addRevision,
  getRevision,
  listLiveRevisions,
  listRevisions,
  readRevisionFiles,
  rollbackSkill,
  seenStates,
  setRevisionState,
  type NewRevision,
} from '../../../data/learning/skill-revisions.ts';
import type { Db } from '../../../data/db.ts';
import type { Place } from '../scope-world.ts';

/** A revision of a skill that is called like the mark of its space. */
export function revisionFor(mark: string): NewRevision {
  return {
    skill: mark,
    parent: undefined,
    author: 'agent',
    reason: mark,
    turns: [],
    session: undefined,
    isForeign: false,
    isDeletion: false,
    category: undefined,
    trust: 'own',
    state: 'active',
    findings: '',
    files: [{ path: 'SKILL.md', content: Buffer.from(mark) }],
    seen: '',
  };
}

/** What a space of the world holds of skills; the id of its revision. */
export async function fillSkills(db: Db, place: Pick<Place, 'scope' | 'session' | 'spaceMark'>): Promise<string> {
  const { scope, session, spaceMark } = place;
  const seen = seenStates(await listRevisions(db, scope, spaceMark));
  const revision = await addRevision(db, scope, { ...revisionFor(spaceMark), seen });
  await setSkillMarks(db, scope, spaceMark, { frozen: true, pinned: true, archived: false });
  await noteSkillLoad(db, scope, { session: session.id, skill: spaceMark, revision: revision.id, turn: undefined });
  return revision.id;
}

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
