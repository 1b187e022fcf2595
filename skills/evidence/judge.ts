// Acts on evidence: promotes, rolls back and ends trials through the library, and tells the person in one line. Nothing else does: what is
// believed of a skill changes nothing.
import type { Db } from '../../data/db.ts';
import { listUsedSkills, markTakenBack } from '../../data/evidence/turns.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import { READ_ONLY, type SkillInfo, type SkillLibrary, type SkillRevision } from '../types.ts';
import type { Decision } from './rules.ts';
import { weighSkill, type SkillEvidence } from './weigh.ts';

export interface JudgeInput {
  db: Db;
  clock: Clock;
  library: SkillLibrary;
  /** One line for the person. Idempotent by key. */
  tell(scope: Scope, news: { text: string; key: string }): Promise<void>;
}

export interface Decided {
  skill: string;
  /** READ_ONLY for a skill of others, as it came. */
  revision: string;
  decision: Exclude<Decision, 'keep trying'>;
  why: string;
}

export interface Judge {
  /** Decides what can be decided now: about the named skills, or all. Rejects with AppError. */
  judge(scope: Scope, skills?: readonly string[]): Promise<readonly Decided[]>;
  /** A revision turned out to be dangerous: it is rolled back at once, whatever else speaks for it. */
  condemn(scope: Scope, revision: string, findings: string): Promise<boolean>;
  /** All skills that were used or are in force by a revision. */
  report(scope: Scope): Promise<readonly SkillEvidence[]>;
}

export function makeJudge({ db, clock, library, tell }: JudgeInput): Judge {
  /** One at a time: two that look at the same evidence would both decide. */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  }

  async function weigh(scope: Scope, skills: readonly string[] | undefined): Promise<readonly SkillEvidence[]> {
    await markTakenBack(db, scope);
    const revisions = await library.revisions(scope);
    const used = (await listUsedSkills(db, scope)).map(({ skill }) => skill);
    const names = skills ?? [...new Set([...used, ...revisions.map(({ skill }) => skill)])].toSorted();
    const found: SkillEvidence[] = [];
    for (const skill of names) found.push(...(await weighSkill(db, scope, { skill, revisions, now: clock.now() })));
    return found;
  }

  async function decideAll(scope: Scope, skills: readonly string[] | undefined): Promise<readonly Decided[]> {
    const live = new Map((await library.list(scope)).map((info) => [info.name, info]));
    const decided: Decided[] = [];
    for (const { skill, revision, number, verdict } of await weigh(scope, skills)) {
      if (!verdict || verdict.decision === 'keep trying' || live.get(skill)?.frozen) continue;
      const { decision, why } = verdict;
      if (revision === undefined) {
        if (await putAway(scope, live.get(skill), why)) decided.push({ skill, revision: READ_ONLY, decision, why });
        continue;
      }
      await apply(scope, { skill, id: revision, number }, { decision, why });
      decided.push({ skill, revision, decision, why });
    }
    return decided;
  }

  /** What others wrote is not changed, only left out from now on. What a person has pinned, they want in spite of it. */
  async function putAway(scope: Scope, info: SkillInfo | undefined, why: string): Promise<boolean> {
    if (!info || info.revision !== undefined || info.archived || info.pinned) return false;
    if (info.source !== 'installed' && info.source !== 'shared') return false;
    const { name } = info;
    await library.mark(scope, name, { archived: true });
    const back = `\`/skills unarchive ${name}\` brings it back; pin it to keep it.`;
    await tell(scope, {
      text: `Skill ${name} was put away. ${why} ${back}`,
      key: `skill ${name} put away ${clock.now()}`,
    });
    return true;
  }

  async function apply(
    scope: Scope,
    { skill, id, number }: Pick<SkillRevision, 'skill' | 'id' | 'number'>,
    { decision, why }: Pick<Decided, 'decision' | 'why'>,
  ): Promise<void> {
    await library.decide(scope, id, decision === 'promote' ? 'active' : 'rolled_back', why);
    const what = {
      promote: 'has proven itself and is used from now on',
      'roll back': 'was rolled back',
      retire: 'was taken out of its trial',
    }[decision];
    await tell(scope, { text: `Skill ${skill}, version ${number}, ${what}. ${why}`, key: `skill ${id} ${decision}` });
  }

  return {
    judge: (scope, skills) => inTurn(() => decideAll(scope, skills)),
    condemn: (scope, revision, findings) =>
      inTurn(async () => {
        const found = (await library.revisions(scope)).find(({ id }) => id === revision);
        if (!found || (found.state !== 'trial' && found.state !== 'active')) return false;
        await apply(scope, found, { decision: 'roll back', why: `The guard found in it: ${findings}` });
        return true;
      }),
    report: (scope) => inTurn(() => weigh(scope, undefined)),
  };
}
