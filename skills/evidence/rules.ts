// Whether a revision of a skill is kept, by fixed rules over turns with it and comparable turns without it. Pure: nobody's belief counts, and
// the chance of a wrong answer is bounded beforehand, however often one looks.
import { wealthOf } from './statistics.ts';

/** One turn, as far as it is compared. */
export interface Sample {
  isSuccess: boolean;
  /** Micro-dollars, or tokens where prices are not known: the same in all samples that are compared. */
  cost: number;
  /** ms since the epoch. */
  at: number;
}

/** A turn with the skill beside one of the same kind of task without it. */
export interface Pair {
  withSkill: Sample;
  without: Sample;
  /** live: two turns of people · replay: one recorded turn, gone through twice. */
  source: 'live' | 'replay';
}

/** A skill that does nothing is promoted, however long it is watched, at most so often. */
export const PROMOTE_ERROR = 0.05;
/** A skill that does no harm is rolled back at most so often: that costs less than to keep a bad one. */
export const ROLL_BACK_ERROR = 0.1;
/** What helps less than this, on the scale of scores, is not worth its place in the prompt. */
const MARGIN = 0.03;
/** Recorded results are not the world: pairs of replays count by this. */
const REPLAY_WEIGHT = 0.5;
/** Replays alone promote nothing. */
const MIN_LIVE_PAIRS = 3;
/** Without an answer until then, there is no effect worth finding. */
export const MAX_PAIRS = 80;
/** A trial that nobody uses for so long ends. */
export const MAX_IDLE_MS = 30 * 24 * 3_600_000;
/** Refused calls in turns with a revision in force; on trial, one is enough. */
const SEVERE_WHEN_ACTIVE = 2;

const MAX_FINDINGS_CHARS = 300;

export interface EvidenceOfRevision {
  state: 'trial' | 'active';
  /** In order of time; for an active revision only those since it was promoted. */
  pairs: readonly Pair[];
  /** What the guard found in it, a line each; '' for nothing. */
  findings: string;
  /** Calls refused in turns with it, in kinds of task where no call is refused without it. */
  refusals: number;
  /** Since it was made or last used. */
  idleMs: number;
}

export type Decision = 'promote' | 'keep trying' | 'roll back' | 'retire';

export interface Verdict {
  decision: Decision;
  /** For people. */
  why: string;
}

/**
 * How much better the turn with the skill went, from -1 to 1: success counts before cost. Half the cost is 1, twice the cost -1. Where the
 * skill does nothing, both ways round are equally likely, so the mean is 0.
 */
export function scorePair({ withSkill, without, source }: Pair): { success: number; both: number } {
  const weight = source === 'replay' ? REPLAY_WEIGHT : 1;
  const success = weight * (Number(withSkill.isSuccess) - Number(without.isSuccess));
  if (success !== 0 || !withSkill.isSuccess) return { success, both: success };
  const saved = Math.log2(Math.max(1, without.cost) / Math.max(1, withSkill.cost));
  return { success, both: weight * Math.min(1, Math.max(-1, saved)) };
}

/** Each turn with the skill is compared once, with the youngest turn of the same kind of task without it that is left at that moment. */
export function makePairs(
  turns: readonly (Sample & { family: string; hasSkill: boolean })[],
): readonly (Pair & { at: number })[] {
  const waiting = new Map<string, { hasSkill: boolean; samples: Sample[] }>();
  const pairs: (Pair & { at: number })[] = [];
  for (const turn of turns.toSorted((a, b) => a.at - b.at)) {
    const open = waiting.get(turn.family);
    if (!open || open.samples.length === 0) waiting.set(turn.family, { hasSkill: turn.hasSkill, samples: [turn] });
    else if (open.hasSkill === turn.hasSkill) open.samples.push(turn);
    else {
      const other = open.samples.pop();
      if (!other) continue;
      const [withSkill, without] = turn.hasSkill ? [turn, other] : [other, turn];
      pairs.push({ withSkill, without, source: 'live', at: turn.at });
    }
  }
  return pairs;
}

/** How sure it is that the revision helps, and that it hurts: the highest wealth so far, and what it must pass. */
export interface Weight {
  helps: number;
  hurts: number;
}

/** The first limit that was passed counts; what came after it is not looked at. */
export function weighPairs(pairs: readonly Pair[]): Weight & { first: 'helps' | 'hurts' | undefined } {
  const scores = pairs.map(scorePair);
  // Success alone is seen sooner where costs vary much; with cost, a skill is seen that only saves.
  const ways = [scores.map(({ success }) => success), scores.map(({ both }) => both)];
  const helps = wealthOf(ways, MARGIN);
  const hurts = wealthOf(
    ways.map((way) => way.map((score) => -score)),
    MARGIN,
  );
  let live = 0;
  let first: 'helps' | 'hurts' | undefined;
  for (const [index, pair] of pairs.entries()) {
    if (pair.source === 'live') live++;
    if ((hurts[index] ?? 0) >= 1 / ROLL_BACK_ERROR) first = 'hurts';
    // Wealth that replays alone have made waits for turns of people; by then it may be gone again.
    else if (live >= MIN_LIVE_PAIRS && (helps[index] ?? 0) >= 1 / PROMOTE_ERROR) first = 'helps';
    if (first) break;
  }
  return { helps: helps.at(-1) ?? 1, hurts: hurts.at(-1) ?? 1, first };
}

export function decideRevision(evidence: EvidenceOfRevision): Verdict {
  const { state, pairs, findings, refusals, idleMs } = evidence;
  const severe = severeFindings(findings);
  if (severe !== '') return { decision: 'roll back', why: `The guard found in it: ${severe}.` };
  if (refusals >= (state === 'trial' ? 1 : SEVERE_WHEN_ACTIVE))
    return {
      decision: 'roll back',
      why: `In turns with it ${refusals === 1 ? 'a call was' : `${refusals} calls were`} refused, which never happens in such tasks without it.`,
    };
  const { first } = weighPairs(pairs);
  const seen = `${pairs.length} ${pairs.length === 1 ? 'comparison' : 'comparisons'} with the same kind of task without it`;
  if (first === 'hurts') return { decision: 'roll back', why: `It makes such tasks worse: ${seen}.` };
  if (state === 'active') return { decision: 'keep trying', why: `In force; ${seen} since then.` };
  if (first === 'helps') return { decision: 'promote', why: `It helps: ${seen}.` };
  if (pairs.length >= MAX_PAIRS) return { decision: 'retire', why: `It makes no difference: ${seen}.` };
  if (idleMs >= MAX_IDLE_MS)
    return { decision: 'retire', why: `Nobody had a use for it in ${Math.round(MAX_IDLE_MS / 86_400_000)} days.` };
  return { decision: 'keep trying', why: `Not enough to tell: ${seen}.` };
}

/** What skills/guard.ts found, without what many good skills do too; on one line. */
function severeFindings(findings: string): string {
  const severe = findings.split('\n').filter((line) => /^(?:critical|high) /.test(line));
  return severe.join('; ').slice(0, MAX_FINDINGS_CHARS);
}
