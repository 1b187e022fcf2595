// What a space of the world of the scope tests holds of skills.
import { noteSkillLoad, setSkillMarks } from '../../data/learning/skill-marks.ts';
import { addRevision, listRevisions, seenStates, type NewRevision } from '../../data/learning/skill-revisions.ts';
import type { Db } from '../../data/db.ts';
import type { Speaker } from './conversation.ts';

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
export async function fillSkills(
  db: Db,
  place: Pick<Speaker, 'scope' | 'session'> & { spaceMark: string },
): Promise<string> {
  const { scope, session, spaceMark } = place;
  const seen = seenStates(await listRevisions(db, scope, spaceMark));
  const revision = await addRevision(db, scope, { ...revisionFor(spaceMark), seen });
  await setSkillMarks(db, scope, spaceMark, { frozen: true, pinned: true, archived: false });
  await noteSkillLoad(db, scope, { session: session.id, skill: spaceMark, revision: revision.id, turn: undefined });
  return revision.id;
}
