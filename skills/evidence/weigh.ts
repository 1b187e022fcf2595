// What the turns of a space say about each revision of a skill: numbers with intervals, with it and without, and what the rules make of them.
import type { Db } from '../../data/db.ts';
import { listReplays, type Replay, type ReplayRun } from '../../data/evidence/replays.ts';
import { listTurnsAround, type RecordedTurn } from '../../data/evidence/turns.ts';
import type { Scope } from '../../data/scope.ts';
import type { RevisionState, SkillRevision } from '../types.ts';
import { decideRevision, makePairs, weighPairs, type Pair, type Sample, type Verdict } from './rules.ts';
import { differenceOf, medianOf, shareOf, type Interval } from './statistics.ts';

/** What is older says little about today's models. */
const KEEP_MS = 180 * 24 * 3_600_000;
/** A turn about which nothing was said for so long was fine. */
const SETTLED_MS = 30 * 60_000;

export interface SkillEvidence {
  skill: string;
  /** Undefined: the read-only skill as it came. */
  revision: string | undefined;
  /** 0 for the read-only skill. */
  number: number;
  state: RevisionState;
  uses: number;
  /** Uses whose result was checked, or confirmed by the person. */
  verified: number;
  /** Turns of the same kinds of task without it. */
  without: number;
  success: { withSkill: Interval | undefined; without: Interval | undefined; difference: Interval | undefined };
  /** Medians, in the unit. */
  cost: { unit: 'microUsd' | 'tokens'; withSkill: Interval | undefined; without: Interval | undefined };
  steps: { withSkill: Interval | undefined; without: Interval | undefined };
  /** Comparisons, those of replays among them. */
  pairs: number;
  replays: number;
  /** The wealth that has been won by betting that it helps, and that it hurts: 20 promotes, 10 rolls back. */
  helps: number;
  hurts: number;
  lastUsedAt: number | undefined;
  /** Undefined where there is nothing to decide any more; of a read-only skill, unless it hurts. */
  verdict: Verdict | undefined;
}

/** In the order of revisions; those that were never used and are not in force are left out. */
export async function weighSkill(
  db: Db,
  scope: Scope,
  { skill, revisions, now }: { skill: string; revisions: readonly SkillRevision[]; now: number },
): Promise<readonly SkillEvidence[]> {
  const turns = (await listTurnsAround(db, scope, { skill, since: now - KEEP_MS })).filter((turn) =>
    isCounted(turn, now),
  );
  const replays = await listReplays(db, scope, skill);
  const own = revisions.filter((revision) => revision.skill === skill && !revision.isDeletion);
  const known = turns.some((turn) => usesRevision(turn, skill, undefined))
    ? [undefined, ...own.toSorted((a, b) => a.number - b.number)]
    : own.toSorted((a, b) => a.number - b.number);
  return known.flatMap((revision) => {
    const found = weighRevision({ skill, revision, turns, replays, now });
    const isLive = revision?.state === 'trial' || revision?.state === 'active';
    return found.uses > 0 || isLive ? [found] : [];
  });
}

/** What may still be complained about is no success yet; what went wrong, or had to be refused, counts at once. */
function isCounted(turn: RecordedTurn, now: number): boolean {
  return (
    turn.settled ||
    turn.denials > 0 ||
    (turn.outcome !== 'done' && turn.outcome !== 'verified') ||
    now - turn.at >= SETTLED_MS
  );
}

function usesRevision(turn: RecordedTurn, skill: string, revision: string | undefined): boolean {
  return turn.uses.some((use) => use.skill === skill && use.revision === revision);
}

interface Material {
  skill: string;
  revision: SkillRevision | undefined;
  turns: readonly RecordedTurn[];
  replays: readonly Replay[];
  now: number;
}

function weighRevision({ skill, revision, turns, replays, now }: Material): SkillEvidence {
  const used = turns.filter((turn) => usesRevision(turn, skill, revision?.id));
  const families = new Set(used.map(({ family }) => family));
  // What it was learnt from went wrong or took long: that is why it was learnt. As a comparison it would flatter the skill.
  const sources = new Set(revision?.turns);
  const others = turns.filter(
    (turn) => families.has(turn.family) && !usesRevision(turn, skill, revision?.id) && !sources.has(turn.turn),
  );
  const own = replays.filter((replay) => replay.revision === revision?.id);
  const unit = [...used, ...others].every(({ costKnown, microUsd }) => costKnown && microUsd > 0)
    ? 'microUsd'
    : 'tokens';
  const since = revision?.state === 'active' ? (revision.decidedAt ?? 0) : 0;
  const pairs = [
    ...makePairs([
      // In force nobody works without it any more: what the trial was compared with serves again.
      ...used
        .filter(({ at }) => at >= since)
        .map((turn) => ({ ...sampleOf(turn, unit), family: turn.family, hasSkill: true })),
      ...others.map((turn) => ({ ...sampleOf(turn, unit), family: turn.family, hasSkill: false })),
    ]),
    ...own.flatMap(pairOf),
  ]
    .filter(({ withSkill }) => withSkill.at >= since)
    .toSorted((a, b) => a.at - b.at);
  const lastUsedAt = used.at(-1)?.at;
  const weight = weighPairs(pairs);
  const success = { withSkill: successOf(used), without: successOf(others) };
  const costs = (list: readonly RecordedTurn[]) => medianOf(list.map((turn) => sampleOf(turn, unit).cost));
  const steps = (list: readonly RecordedTurn[]) => medianOf(list.map((turn) => turn.steps));
  return {
    skill,
    revision: revision?.id,
    number: revision?.number ?? 0,
    state: revision?.state ?? 'active',
    uses: used.length,
    verified: used.filter(({ outcome }) => outcome === 'verified').length,
    without: others.length,
    success: { ...success, difference: differenceOf(success.withSkill, success.without) },
    cost: { unit, withSkill: costs(used), without: costs(others) },
    steps: { withSkill: steps(used), without: steps(others) },
    pairs: pairs.length,
    replays: own.length,
    helps: weight.helps,
    hurts: weight.hurts,
    lastUsedAt,
    verdict:
      revision?.state === 'trial' || revision?.state === 'active'
        ? decideRevision({
            state: revision.state,
            pairs,
            // What is in force with findings was put there by a person who saw them.
            findings: revision.state === 'trial' ? revision.findings : '',
            refusals: refusalsOf(used, others, since),
            idleMs: now - Math.max(lastUsedAt ?? 0, revision.decidedAt ?? revision.createdAt),
          })
        : revision === undefined
          ? harmOf(pairs, refusalsOf(used, others, 0))
          : undefined,
  };
}

/** A read-only skill is there without a trial; only that it hurts is a reason to do something. */
function harmOf(pairs: readonly Pair[], refusals: number): Verdict | undefined {
  const verdict = decideRevision({ state: 'active', pairs, findings: '', refusals, idleMs: 0 });
  return verdict.decision === 'roll back' ? verdict : undefined;
}

function sampleOf(turn: RecordedTurn, unit: 'microUsd' | 'tokens'): Sample {
  return { isSuccess: isSuccess(turn), cost: turn[unit], at: turn.at };
}

function isSuccess({ outcome }: RecordedTurn): boolean {
  return outcome === 'verified' || outcome === 'done';
}

function successOf(turns: readonly RecordedTurn[]): Interval | undefined {
  return shareOf(turns.filter(isSuccess).length, turns.length);
}

/** A replay that left the record and found nothing says nothing; nor does one that came to nothing both ways. */
function pairOf(replay: Replay): readonly (Pair & { at: number })[] {
  const { withSkill, without, at } = replay;
  const isLost = (run: ReplayRun) => !run.reached && run.notRecorded > 0;
  if (isLost(withSkill) || isLost(without) || (!withSkill.reached && !without.reached)) return [];
  const sample = (run: ReplayRun): Sample => ({ isSuccess: run.reached, cost: run.tokens, at });
  return [{ withSkill: sample(withSkill), without: sample(without), source: 'replay', at }];
}

/** Refused calls in kinds of task where none is refused without it. */
function refusalsOf(used: readonly RecordedTurn[], others: readonly RecordedTurn[], since: number): number {
  const usual = new Set(others.filter(({ denials }) => denials > 0).map(({ family }) => family));
  return used
    .filter(({ family, at }) => at >= since && !usual.has(family))
    .reduce((sum, { denials }) => sum + denials, 0);
}
