// Jobs that only note what begins them.
import type { JobService, Occurrence, TriggerInput } from '../../../scheduler/types.ts';

const OCCURRENCE: Occurrence = {
  id: 'o1',
  job: 'deploys',
  scheduledAt: 0,
  dueAt: 0,
  nextAt: 0,
  cause: 'trigger',
  state: 'planned',
  reason: undefined,
  failure: undefined,
  errorCode: undefined,
  delivery: 'none',
  attempts: 0,
  failures: 0,
  interruptions: 0,
  input: undefined,
  result: undefined,
  resultOrigin: undefined,
  files: [],
  costMicroUsd: 0,
  tokens: 0,
  startedAt: undefined,
  endedAt: undefined,
};

/** Begins a job once per key, as the scheduler does; fails with `failure` when there is one. */
export function makeNotingJobs(failure?: Error) {
  const begun: { job: string; input: TriggerInput }[] = [];
  const trigger: JobService['trigger'] = async (_scope, job, input) => {
    if (failure) throw failure;
    if (begun.some((one) => one.input.key === input.key)) return undefined;
    begun.push({ job, input });
    return OCCURRENCE;
  };
  const ran: Occurrence[] = [];
  const runs: JobService['runs'] = async () => ran;
  /** The last run of any job, as `runs` tells it. */
  const setLastRun = (change: Partial<Occurrence>) => void ran.splice(0, 1, { ...OCCURRENCE, ...change });
  return { begun, trigger, runs, setLastRun };
}
