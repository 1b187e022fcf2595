// Jobs and runs as plain data, for panels, the command line and the control API alike; and what these may set of a job.
import type { JobView, RunView } from '../../adapters/panels/port.ts';
import type { BrokenJob, Job, JobChange, JobWithNext, Occurrence, Work } from '../../scheduler/types.ts';

type Shown = Job & Partial<Pick<JobWithNext, 'nextRunAt' | 'lastRun'>>;

/** Of what a run said, `maxChars` at most. */
export function jobView(job: Shown | BrokenJob, maxChars = Infinity): JobView {
  const { id, name, createdAt } = job;
  if (job.state === 'broken') {
    const { state, stateReason } = job;
    return { id, name, state, stateReason, when: '', timezone: '', kind: 'unknown', about: '', failures: 0, createdAt };
  }
  const { state, stateReason, schedule, work, failures, nextRunAt, lastRun: last } = job;
  const { text: when, timezone } = schedule;
  const [kind, about, lastRun] = [work.kind, aboutOf(work), last && runView(last, maxChars)];
  return { id, name, state, stateReason, when, timezone, kind, about, failures, createdAt, nextRunAt, lastRun };
}

function aboutOf(work: Work): string {
  switch (work.kind) {
    case 'prompt':
      return work.prompt;
    case 'reminder':
      return work.text;
    case 'script':
      return work.script.command;
    case 'builtin':
      return work.name;
  }
}

export function runView(run: Occurrence, maxChars = Infinity): RunView {
  const { id, job, scheduledAt, cause, state, delivery, reason, attempts, startedAt, endedAt } = run;
  const { costMicroUsd, tokens } = run;
  const came = { result: run.result?.slice(0, maxChars), costMicroUsd, tokens };
  return { id, job, scheduledAt, cause, state, delivery, reason, attempts, ...came, startedAt, endedAt };
}

type Settings = Omit<JobChange, 'work' | 'capMicroUsd'>;

/** What is not given must not overwrite anything. */
export function settingsOf({ capUsd, ...given }: Settings & { capUsd?: number | undefined }): Settings {
  const all = { ...given, capMicroUsd: capUsd === undefined ? undefined : Math.round(capUsd * 1_000_000) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
