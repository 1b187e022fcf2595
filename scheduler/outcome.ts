// What follows from how an attempt ended: whether it is tried again, whom to tell, whether the job goes on. Pure decisions.
import type { FailureClass, Job, Occurrence, RunOutcome } from './types.ts';

const RETRY_MS = [5, 15, 30].map((minutes) => minutes * 60_000);
/** Between two notices of the same job. */
const ALERT_COOLDOWN_MS = 3_600_000;
/** So many failures in a row, and the job is paused. */
const MAX_FAILURES = 10;

/** 'alert': it failed · 'paused': it failed too often · 'recovered': it works again after an alert. */
export type NoticeKind = 'alert' | 'paused' | 'recovered';

export interface Ending {
  state: 'done' | 'skipped' | 'failed' | 'planned';
  /** Of the next attempt. */
  nextAt: number | undefined;
  /** Of this run. */
  failures: number;
  /** Of the job; undefined: nothing changes. */
  job: { failures: number; alertedAt: number | undefined; isPaused: boolean } | undefined;
  notice: NoticeKind | undefined;
}

export interface EndingAt {
  now: number;
  /** When the next run of the schedule is due. */
  followedAt: number | undefined;
}

export function decideEnding(
  job: Pick<Job, 'failures' | 'alertedAt' | 'policy' | 'schedule' | 'state'>,
  occurrence: Pick<Occurrence, 'failures' | 'cause'>,
  outcome: Exclude<RunOutcome, { end: 'cut' }>,
  at: EndingAt,
): Ending {
  switch (outcome.end) {
    case 'done': {
      const wasBad = job.failures > 0 || job.alertedAt !== undefined;
      return {
        state: 'done',
        nextAt: undefined,
        failures: occurrence.failures,
        job: wasBad ? { failures: 0, alertedAt: undefined, isPaused: false } : undefined,
        notice: job.alertedAt === undefined ? undefined : 'recovered',
      };
    }
    case 'skipped':
      return { state: 'skipped', nextAt: undefined, failures: occurrence.failures, job: undefined, notice: undefined };
    case 'failed':
      return decideFailure(job, occurrence, outcome, at);
  }
}

function decideFailure(
  job: Pick<Job, 'failures' | 'alertedAt' | 'policy' | 'schedule' | 'state'>,
  occurrence: Pick<Occurrence, 'failures' | 'cause'>,
  outcome: Extract<RunOutcome, { end: 'failed' }>,
  { now, followedAt }: EndingAt,
): Ending {
  const failures = occurrence.failures + 1;
  const nextAt = retryAt(job, occurrence, outcome, now);
  // The next run of the schedule is as good as another attempt; it knows nothing of what an event brought, or was asked for by hand.
  const isReplaced =
    occurrence.cause === 'schedule' && followedAt !== undefined && nextAt !== undefined && followedAt <= nextAt;
  if (nextAt !== undefined && !isReplaced)
    return { state: 'planned', nextAt, failures, job: undefined, notice: undefined };
  const streak = job.failures + 1;
  const isRecurring = job.schedule.rule.kind !== 'once';
  const isPaused = isRecurring && streak >= MAX_FAILURES && job.state === 'active';
  // Whoever began it by hand waits for it.
  const isAwaited = !isRecurring || occurrence.cause === 'manual';
  const isQuiet = !isAwaited && job.alertedAt !== undefined && Math.abs(now - job.alertedAt) < ALERT_COOLDOWN_MS;
  const notice = isPaused ? 'paused' : isQuiet ? undefined : 'alert';
  return {
    state: 'failed',
    nextAt: undefined,
    failures,
    job: { failures: streak, alertedAt: notice === undefined ? job.alertedAt : now, isPaused },
    notice,
  };
}

const MAY_PASS: ReadonlySet<FailureClass> = new Set(['transient']);

function retryAt(
  { policy }: Pick<Job, 'policy'>,
  { failures }: Pick<Occurrence, 'failures'>,
  outcome: Extract<RunOutcome, { end: 'failed' }>,
  now: number,
): number | undefined {
  const waitMs = RETRY_MS[failures];
  if (!MAY_PASS.has(outcome.failure) || waitMs === undefined || failures >= policy.retries) return undefined;
  return now + Math.max(waitMs, outcome.retryAfterMs ?? 0);
}
