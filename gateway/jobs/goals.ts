// Standing goals: jobs that come nearer to something with each run, by what the run before it left, until one of them reaches it.
import type { ProcessDb } from '../../data/db.ts';
import { listOccurrences } from '../../data/schedule/occurrences.ts';
import type { Scope } from '../../data/scope.ts';
import type { Job, Work } from '../../scheduler/types.ts';
import { dayOf } from '../../shared/day.ts';

const MAX_RUNS_A_DAY = 500;
const REACHED = /^\s*\[DONE\]\s*/i;

/** Stands before the goal in each run. */
export const GOAL_PROMPT =
  'You work towards a goal in steps; this is one of them. Go on from your last result above: do the next sensible piece, do nothing twice. ' +
  'Your answer is all that your next step will know, so end it with a short note of what is done and what comes next. ' +
  'When the person need not hear of it, begin the answer with a line [SILENT]. When you need something that only they can give, ask them; ' +
  'they may have answered in a conversation, where session_search finds it. ' +
  'When the goal is reached, begin with [DONE] and say what was reached.';

/** What a step came to. */
export function readStep(text: string): { text: string; isFinal: boolean } {
  const isFinal = REACHED.test(text);
  const rest = isFinal ? text.replace(REACHED, '') : text;
  return { text: isFinal && rest.trim() === '' ? 'The goal is reached.' : rest, isFinal };
}

/** What a run of the job may cost, in millionths of a US dollar; undefined: as one answer may. */
export async function capOf(
  db: ProcessDb,
  { job, scope }: { job: Job; scope: Scope },
  { goal }: Pick<Extract<Work, { kind: 'prompt' }>, 'goal'>,
): Promise<number | 'used up' | undefined> {
  const { capMicroUsd } = job.permissions;
  if (goal?.dayCapMicroUsd === undefined) return capMicroUsd;
  const { start } = dayOf(db.clock.now(), job.schedule.timezone);
  const runs = await listOccurrences(db, scope, { job: job.id, limit: MAX_RUNS_A_DAY });
  const spent = runs.filter((run) => run.updated_at >= start).reduce((sum, { cost_micro_usd: cost }) => sum + cost, 0);
  const left = goal.dayCapMicroUsd - spent;
  if (left <= 0) return 'used up';
  return Math.min(left, capMicroUsd ?? left);
}
