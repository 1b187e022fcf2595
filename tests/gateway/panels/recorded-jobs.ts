// A service of jobs that writes down what it is asked for.
import type { Scope } from '../../../data/scope.ts';
import type {
  Actor,
  Job,
  JobChange,
  JobDraft,
  JobPlan,
  JobService,
  JobWithNext,
  Occurrence,
  Work,
} from '../../../scheduler/types.ts';
import { dmAddress } from '../../data/conversation.ts';

export interface RecordedJobs {
  service: JobService;
  asked: { scope: Scope; actor: Actor; draft: JobDraft }[];
  changes: JobChange[];
  /** Of the one job that there is. */
  work: Work;
}

const plan: JobPlan = {
  name: 'tea',
  when: 'every day',
  nextRuns: [],
  nextRunTexts: [],
  targets: ['here'],
  may: [],
  capMicroUsd: undefined,
  warnings: [],
};

export function recordJobs(): RecordedJobs {
  const never = async (): Promise<Occurrence> => {
    throw new Error('not part of this test');
  };
  const jobOf = ({ person, space }: Scope): JobWithNext => ({
    id: 'JOB',
    name: 'tea',
    person,
    space,
    state: 'active',
    stateReason: undefined,
    schedule: { rule: { kind: 'trigger' }, text: 'every day', timezone: 'UTC' },
    work: recorded.work,
    condition: undefined,
    delivery: { targets: [] },
    permissions: { role: 'member', tools: [] },
    policy: { catchUp: 'skip', maxLateMs: 0, rerun: 'never', retries: 0, overlap: 'skip', timeoutMs: 1_000 },
    origin: dmAddress('ann'),
    createdBy: 'person',
    failures: 0,
    alertedAt: undefined,
    createdAt: 1,
    updatedAt: 1,
    nextRunAt: undefined,
    lastRun: undefined,
  });
  const job = async (scope: Scope): Promise<Job> => jobOf(scope);
  const recorded: RecordedJobs = {
    asked: [],
    changes: [],
    work: { kind: 'reminder', text: 'tea' },
    service: {
      timezone: async () => 'UTC',
      async preview(scope, actor, draft) {
        recorded.asked.push({ scope, actor, draft });
        return plan;
      },
      async create(scope, actor, draft) {
        recorded.asked.push({ scope, actor, draft });
        return { job: jobOf(scope), plan };
      },
      async update(scope, _actor, _job, change) {
        recorded.changes.push(change);
        return { job: jobOf(scope), plan };
      },
      plan: async () => plan,
      pause: job,
      resume: job,
      remove: job,
      runNow: never,
      trigger: never,
      get: async (scope) => jobOf(scope),
      list: async (scope) => [jobOf(scope)],
      broken: async () => [],
      runs: async () => [],
      calendar: async () => [],
    },
  };
  return recorded;
}
