// What becomes of runs that were due while nothing ran: pure decisions, held by tests/scheduler/catch-up.test.ts.
import { nextRun } from './schedule/next.ts';
import type { Job, PlannedRun } from './types.ts';

/** A run that begins within this time is not late: a start or a busy machine takes as long. */
export const GRACE_MS = 90_000;
/** Of one job, that are noted: a job of each second has millions of them after a month. */
const MAX_LOOKED_AT = 2_000;
/** The latest of too many: enough to make up for. */
const LATEST = 100;
/** Runs of one job that are made up for. */
const MAX_MADE_UP = 24;

export interface CatchUp {
  /** In order of time. */
  run: readonly PlannedRun[];
  missed: readonly { run: PlannedRun; reason: string }[];
  /** The last that was looked at: what follows it is planned. */
  last: PlannedRun;
}

/** Whether a run that was due then is late by now. */
export function isLate(dueAt: number, now: number): boolean {
  return now - dueAt > GRACE_MS;
}

/** `first` is the earliest run that has not begun and is due. */
export function decideCatchUp(job: Pick<Job, 'schedule' | 'policy' | 'id'>, first: PlannedRun, now: number): CatchUp {
  const due = dueRuns(job, first, now);
  const last = due.at(-1) ?? first;
  const { catchUp, maxLateMs } = job.policy;
  const timely = due.filter(({ dueAt }) => now - dueAt <= maxLateMs);
  const fresh = due.filter(({ dueAt }) => !isLate(dueAt, now));
  const run =
    catchUp === 'skip' ? fresh.slice(-1) : catchUp === 'latest' ? timely.slice(-1) : timely.slice(-MAX_MADE_UP);
  const chosen = new Set(run);
  const missed = due
    .filter((one) => !chosen.has(one))
    .map((one) => ({ run: one, reason: reasonOf(one, { timely, catchUp }) }));
  return { run, missed, last };
}

function reasonOf(
  run: PlannedRun,
  { timely, catchUp }: { timely: readonly PlannedRun[]; catchUp: Job['policy']['catchUp'] },
): string {
  if (!timely.includes(run))
    return 'Herald was not running, or had no room for it, when it was due, and now it is too late';
  if (catchUp === 'skip') return 'Herald was not running, or had no room for it, when it was due';
  return 'Herald was not running, or had no room for it, when it was due; a later run stands for it';
}

function dueRuns(
  { schedule, id }: Pick<Job, 'schedule' | 'id'>,
  first: PlannedRun,
  now: number,
): readonly PlannedRun[] {
  const runs = runsFrom({ schedule, id }, first, { now, limit: MAX_LOOKED_AT });
  const last = runs.at(-1);
  if (!last || runs.length < MAX_LOOKED_AT) return runs;
  // The latest count: of those between nothing is noted.
  const latest = latestRuns({ schedule, id }, last, now);
  return [...runs.slice(0, MAX_LOOKED_AT - latest.length), ...latest];
}

type Scheduled = Pick<Job, 'schedule' | 'id'>;

function runsFrom(
  { schedule, id }: Scheduled,
  first: PlannedRun | undefined,
  { now, limit }: { now: number; limit: number },
): readonly PlannedRun[] {
  const runs: PlannedRun[] = [];
  for (let run = first; run && run.dueAt <= now && runs.length < limit; run = nextRun(schedule, run.scheduledAt, id))
    runs.push(run);
  return runs;
}

/** The runs before `now`, a few hundred at most, without going through all that lie before them: by steps that become smaller. */
function latestRuns(job: Scheduled, from: PlannedRun, now: number): readonly PlannedRun[] {
  let start = from;
  for (let stepMs = (now - start.scheduledAt) / 2; stepMs >= 1_000; stepMs /= 2) {
    const ahead = nextRun(job.schedule, start.scheduledAt + stepMs, job.id);
    const found = runsFrom(job, ahead, { now, limit: LATEST });
    if (!found[0] || found.length < LATEST) continue;
    [start] = found;
    stepMs = now - start.scheduledAt;
  }
  return runsFrom(job, start, { now, limit: MAX_LOOKED_AT });
}
