// Evidence of skills put together: turns are written down as they end, revisions are decided when there is news, recorded turns are gone
// through again when that is due. Loaded when the first turn has ended.
import type { Db } from '../../data/db.ts';
import { evidenceSeries } from '../../data/evidence/series.ts';
import { skillsAround } from '../../data/evidence/turns.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import type { TurnId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { makeCurator, type CuratorInput } from '../../skills/curate/curate.ts';
import { makeJudge, type Decided, type JudgeInput } from '../../skills/evidence/judge.ts';
import type { SkillLibrary } from '../../skills/types.ts';
import type { KnowledgeSource } from '../knowledge.ts';
import type { EvidencePort } from './port.ts';
import { makeReplayer, type ReplayerInput } from './replays.ts';
import { makeEvidenceSource } from './watch.ts';

export interface EvidenceInput {
  db: Db;
  clock: Clock;
  log: Logger;
  library: SkillLibrary;
  tell: JudgeInput['tell'];
  isScheduled: CuratorInput['isScheduled'];
  /** Of the agent, which is built after this. */
  agent: Pick<ReplayerInput, 'meter' | 'settings' | 'tools'>;
}

export interface OpenedEvidence extends EvidencePort {
  source: KnowledgeSource;
  /** Decides what only time decides, and curates. Rejects with AppError. */
  upkeep(scope: Scope): Promise<void>;
}

export function openEvidence(input: EvidenceInput): OpenedEvidence {
  const { db, clock, log, library } = input;
  const judge = makeJudge(input);
  const curator = makeCurator(input);
  const replayer = makeReplayer({ ...input, ...input.agent });

  async function learned(scope: Scope, turns: readonly TurnId[]): Promise<void> {
    const skills = await skillsAround(db, scope, turns);
    if (skills.length === 0) return;
    note(await judge.judge(scope, skills));
    const trials = (await library.revisions(scope)).filter(
      ({ state, skill }) => state === 'trial' && skills.includes(skill),
    );
    for (const trial of trials)
      if (await replayer.replayNext(scope, trial)) note(await judge.judge(scope, [trial.skill]));
  }

  function note(decided: readonly Decided[]): void {
    for (const { skill, revision, decision, why } of decided)
      log.info({ skill, revision, decision, why }, 'a revision of a skill was decided by evidence');
  }

  return {
    source: { ...makeEvidenceSource({ db, clock, library, learned }), close: async () => replayer.close() },
    async upkeep(scope) {
      note(await judge.judge(scope));
      const steps = await curator.run(scope);
      if (steps.length > 0) log.info({ count: steps.length }, 'skills were curated');
    },
    report: async (scope) => ({ skills: await judge.report(scope), curation: await curator.steps(scope) }),
    series: (scope, filter) => evidenceSeries(db, scope, filter),
    condemn: (scope, revision, findings) => judge.condemn(scope, revision, findings),
    undoCuration: (scope, id) => curator.undo(scope, id),
  };
}
