// What in a conversation is worth a skill. Computed from rows alone, so that the same conversation gives the same answer.
import type { SessionId } from '../../shared/ids.ts';
import { saysWrong } from '../evidence/signals.ts';
import type { ReviewedCall, ReviewedTurn } from './material.ts';

const COMPLEX_CALLS = 5;
const REPEATED_SESSIONS = 3;
/** A pattern of one call says nothing. */
const MIN_STEPS = 2;
const MAX_STEPS = 30;

export interface Trigger {
  kind: 'complex' | 'recovered' | 'corrected' | 'repeated';
  turns: readonly ReviewedTurn[];
  /** For the model of the review. */
  why: string;
}

/** What keeps order rather than does something: not part of how a thing is done. */
const BOOKKEEPING: ReadonlySet<string> = new Set([
  'todo',
  'note',
  'recall',
  'memory',
  'session_search',
  'tool_search',
  'skill_view',
  'skill_manage',
  'skills_list',
  'clarify',
  'clock',
]);

/** Names of the tools of a turn in order, repetitions in a row as one; undefined for a turn without a pattern. */
export function patternOf(turn: ReviewedTurn): string | undefined {
  if (turn.isUndone || !turn.endedWell) return undefined;
  const names = turn.calls.filter(({ isError, name }) => !isError && !BOOKKEEPING.has(name)).map(({ name }) => name);
  const steps = names.filter((name, index) => name !== names[index - 1]);
  return steps.length < MIN_STEPS ? undefined : steps.slice(0, MAX_STEPS).join(' > ');
}

/** `seen`: the sessions in which each pattern was met, this one included. */
export function findTriggers(
  turns: readonly ReviewedTurn[],
  seen: ReadonlyMap<string, ReadonlySet<SessionId>>,
): readonly Trigger[] {
  return turns.flatMap((turn, index) => {
    if (turn.isUndone) return [];
    const found: Trigger[] = [];
    if (turn.endedWell && turn.calls.length >= COMPLEX_CALLS)
      found.push({ kind: 'complex', turns: [turn], why: `${turn.label} took ${turn.calls.length} tool calls` });
    const recovered = turn.endedWell ? recoveredTool(turn.calls) : undefined;
    if (recovered !== undefined)
      found.push({ kind: 'recovered', turns: [turn], why: `${recovered} failed in ${turn.label} and worked later` });
    const before = turns[index - 1];
    if (before && isCorrection(before, turn))
      found.push({
        kind: 'corrected',
        turns: [before, turn],
        why: `the person corrected ${before.label} in ${turn.label}`,
      });
    const pattern = patternOf(turn);
    const sessions = pattern === undefined ? 0 : (seen.get(pattern)?.size ?? 0);
    if (pattern !== undefined && sessions >= REPEATED_SESSIONS)
      found.push({
        kind: 'repeated',
        turns: [turn],
        why: `${turn.label} did what ${sessions} conversations did: ${pattern}`,
      });
    return found;
  });
}

function recoveredTool(calls: readonly ReviewedCall[]): string | undefined {
  return calls.find(
    ({ name, isError, hasEnded }, index) =>
      isError &&
      hasEnded &&
      calls.slice(index + 1).some((later) => later.name === name && later.hasEnded && !later.isError),
  )?.name;
}

/** Taking back and asking anew says it in every language; else the first words do. */
function isCorrection(before: ReviewedTurn, turn: ReviewedTurn): boolean {
  if (before.isUndone) return true;
  return before.rows.some(({ role }) => role === 'assistant') && saysWrong(turn.said);
}
