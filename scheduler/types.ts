// What a job is, what becomes of it, and what may be asked of the scheduler. Surfaces (commands, tools, pages) know these types alone.
import type { Scope } from '../data/scope.ts';
import type { PersonId, SpaceId } from '../shared/ids.ts';
import type { Address, Origin, Role, StoredFile } from '../shared/messages.ts';

/** When something happens. All instants in ms since the epoch. */
export type Rule =
  /** Wall-clock times: cron expressions of 5 or 6 fields in the schedule's zone; it runs when any of them does. */
  | { kind: 'cron'; expressions: readonly string[] }
  /** Real time that passes, whatever clocks do: `anchor`, `anchor` + n · `everyMs`. */
  | { kind: 'interval'; everyMs: number; anchor: number }
  | { kind: 'once'; at: number }
  /** Never by itself: something triggers it. */
  | { kind: 'trigger' };

export interface Schedule {
  rule: Rule;
  /** As the person said it. */
  text: string;
  /** IANA name. */
  timezone: string;
  /** Each run is this much later at most: the same for the same run. Default 0. */
  jitterMs?: number | undefined;
  /** Wall-clock times such as 22:00 and 07:00: what is due within runs once, at `to`. */
  quiet?: { from: string; to: string } | undefined;
  /** Nothing is due before `startsAt`, nor from `endsAt` on. */
  window?: { startsAt?: number | undefined; endsAt?: number | undefined } | undefined;
}

/** One run of a schedule: `scheduledAt` names it, `dueAt` is when it runs after quiet hours and jitter. */
export interface PlannedRun {
  scheduledAt: number;
  dueAt: number;
}

/** A command for the person's own shell, in their workspace. */
export interface Script {
  command: string;
  /** Default 10 minutes. */
  timeoutMs?: number | undefined;
  /** Where commands are kept apart from the network. Default false. */
  network?: boolean | undefined;
}

/** Asked before anything is paid for; a run whose condition does not hold is `skipped`. */
export type Condition =
  /** Holds when it exits with 0. */
  | { kind: 'script'; script: Script }
  /** A path within the workspace. */
  | { kind: 'file'; path: string; is: 'present' | 'missing' };

export interface Goal {
  /** Millionths of a US dollar that all runs of a day may cost; undefined: as all jobs may. */
  dayCapMicroUsd?: number | undefined;
}

/** What a job does. */
export type Work =
  | {
      kind: 'prompt';
      prompt: string;
      /** Names of skills that it works by. */
      skills?: readonly string[] | undefined;
      /** Runs first: its output stands before the prompt. A last line {"wakeAgent": false} ends the run without a model. */
      script?: Script | undefined;
      /** False: it knows nothing of the person, neither memory nor model of them. Default true. */
      memory?: boolean | undefined;
      /** Names of jobs whose last results it is given. */
      contextFrom?: readonly string[] | undefined;
      /** It works towards a goal in steps: each run is given the last result, and the job ends with the one that reaches the goal. */
      goal?: Goal | undefined;
    }
  /** A text that is sent as it is. */
  | { kind: 'reminder'; text: string }
  /** Its output is the result; none is silent, an exit status other than 0 is a failure. */
  | { kind: 'script'; script: Script }
  /** Something of Herald's own, by the name that it is registered under (`JobHandler`). */
  | { kind: 'builtin'; name: string; input?: string | undefined };

/** Where results go. Chats are the person's own, or groups in which they have spoken. */
export type DeliveryTarget =
  /** The chat in which the job was made. */
  | { kind: 'origin' }
  /** The person's chat on a platform. */
  | { kind: 'platform'; platform: string }
  | { kind: 'chat'; address: Address }
  /** A group by its title. */
  | { kind: 'name'; name: string }
  /** Every chat of the person. */
  | { kind: 'all' }
  /** Where the person wrote last. */
  | { kind: 'last-active' };

export interface Delivery {
  /** None: the result is kept in the history alone. */
  targets: readonly DeliveryTarget[];
  /** Where a result goes that reached none of them. Default: as any undeliverable message. */
  fallback?: DeliveryTarget | undefined;
}

/** What a job may do: as much as whoever made it, at the time; never more than they may by now. */
export interface JobPermissions {
  role: Role;
  /** Names of tools that it gets. */
  tools: readonly string[];
  /** As "provider/model" or "model"; undefined: the configured one. */
  model?: string | undefined;
  /** Millionths of a US dollar that one run may cost; undefined: as one answer may. */
  capMicroUsd?: number | undefined;
}

export interface Policy {
  /** What was due while nothing ran: nothing of it, the latest, or each of it in order. */
  catchUp: 'skip' | 'latest' | 'all';
  /** What is later than this is missed. */
  maxLateMs: number;
  /** A run that a crash cut off: goes on where it was, or stays as it is. */
  rerun: 'resume' | 'never';
  /** Of a run that failed for a reason that may pass, after 5, 15 and 30 minutes. 0 to 3. */
  retries: number;
  /** A run that is due while the one before still goes on: left out, or it waits. */
  overlap: 'skip' | 'wait';
  /** For all of one run, in ms. */
  timeoutMs: number;
}

export type JobState = 'active' | 'paused' | 'done' | 'removed';

export interface Job {
  id: string;
  /** Unique among the person's jobs of the space. */
  name: string;
  person: PersonId;
  space: SpaceId;
  state: JobState;
  /** Why it is paused, when Herald did it. */
  stateReason: string | undefined;
  schedule: Schedule;
  work: Work;
  condition: Condition | undefined;
  delivery: Delivery;
  permissions: JobPermissions;
  policy: Policy;
  /** Where it was made. */
  origin: Address;
  createdBy: 'person' | 'agent' | 'herald';
  /** Failures in a row. */
  failures: number;
  /** When the person was last told that it fails. */
  alertedAt: number | undefined;
  createdAt: number;
  updatedAt: number;
}

/**
 * planned → claimed → running → done, failed, interrupted, skipped or missed. `planned` with attempts behind it waits for its next one;
 * `interrupted` with a `nextAt` goes on by itself.
 */
export type RunState = 'planned' | 'claimed' | 'running' | 'done' | 'failed' | 'interrupted' | 'skipped' | 'missed';

/** none: there was nothing to deliver, yet or at all · silent: the result asked for silence. */
export type DeliveryState = 'none' | 'pending' | 'sent' | 'uncertain' | 'failed' | 'silent';

/** transient: may pass by itself · blocked: something it needs is not there, nothing was spent · lost: nobody knows how it ended. */
export type FailureClass = 'transient' | 'blocked' | 'budget' | 'permanent' | 'lost';

/** One run of a job; unique by job and scheduled instant. */
export interface Occurrence {
  id: string;
  job: string;
  scheduledAt: number;
  dueAt: number;
  /** When it is looked at next; undefined: it has ended, or runs. */
  nextAt: number | undefined;
  cause: 'schedule' | 'manual' | 'trigger';
  state: RunState;
  /** Why it was skipped, missed, or failed; for people. */
  reason: string | undefined;
  failure: FailureClass | undefined;
  errorCode: string | undefined;
  delivery: DeliveryState;
  /** How often it was begun. */
  attempts: number;
  /** How many of these failed. */
  failures: number;
  /** How often a crash cut it off. */
  interruptions: number;
  /** What a trigger brought along. */
  input: { text: string; origin: Origin } | undefined;
  result: string | undefined;
  /** Whose words the result holds. */
  resultOrigin?: Origin | undefined;
  files: readonly StoredFile[];
  costMicroUsd: number;
  tokens: number;
  startedAt: number | undefined;
  endedAt: number | undefined;
}

/** Who asks for something: their role now, and what they may at most hand on. */
export interface Actor {
  role: Role;
  by: 'person' | 'agent' | 'herald';
  /** Names of tools that the asker has, where it has not all of its person's: a worker, another job. */
  tools?: readonly string[] | undefined;
}

export interface JobDraft {
  /** At most 26 letters and digits; the same id makes one job. Default: a new one. */
  id?: string | undefined;
  /** Default: made of the work; made unique in its space. */
  name?: string | undefined;
  /** As people say it ("every weekday at 9", "in 20 minutes", "0 9 * * 1-5"), or undefined for a job that only a trigger begins. */
  when?: string | undefined;
  /** IANA name. Default: the zone of the person. */
  timezone?: string | undefined;
  jitterMs?: number | undefined;
  quiet?: { from: string; to: string } | undefined;
  window?: Schedule['window'];
  work: Work;
  condition?: Condition | undefined;
  /**
   * `origin`, `<platform>`, `<platform>:<chat>[:<thread>]`, `#name`, `all`, `last-active`, `none`; several with commas. Default: `origin`.
   */
  deliver?: string | undefined;
  /** One of the same. */
  fallback?: string | undefined;
  /** Names of tools and toolsets. Default: all that the asker has. */
  tools?: readonly string[] | undefined;
  model?: string | undefined;
  capMicroUsd?: number | undefined;
  policy?: Partial<Policy> | undefined;
  /** Made, but not begun. */
  paused?: boolean | undefined;
  /** Made, but begun only when its person resumes it, who is told once when a run is due before (scheduler/waiting.ts). */
  awaits?: boolean | undefined;
  /** Where it is made. */
  origin: Address;
}

/** What is not named stays as it is. */
export type JobChange = Partial<Omit<JobDraft, 'id' | 'origin'>>;

/** How a plan is read back to whoever made it. */
export interface JobPlan {
  name: string;
  /** "every weekday at 09:00 (Europe/Vienna)". */
  when: string;
  /** The next three, in ms since the epoch. */
  nextRuns: readonly number[];
  /** The same as the person reads them: "Mon 23 Nov 2026, 09:00". */
  nextRunTexts: readonly string[];
  /** "here", "your Telegram chat", "the group Team". */
  targets: readonly string[];
  /** What it does and may do, one line each. */
  may: readonly string[];
  capMicroUsd: number | undefined;
  /** What is odd about it, one line each. */
  warnings: readonly string[];
}

export interface JobWithNext extends Job {
  /** Undefined: it has no run before it. */
  nextRunAt: number | undefined;
  lastRun: Occurrence | undefined;
}

/** A job whose row cannot be read: it does not run, and can only be removed. */
export interface BrokenJob {
  id: string;
  name: string;
  state: 'broken';
  /** What it is and what to do. */
  stateReason: string;
  createdAt: number;
}

export interface CalendarEntry {
  job: string;
  name: string;
  at: number;
  /** True for one that is a row already; others are foreseen. */
  isPlanned: boolean;
}

export interface TriggerInput {
  /** The same key of a job runs once. At most 100 characters. */
  key: string;
  text: string;
  origin: Origin;
}

/**
 * Jobs of one person in one space. Jobs are named by id or name. Rejects with AppError: `bad_input` (with what would be understood),
 * `not_found`, `not_allowed`.
 */
export interface JobService {
  /** IANA name: of the person, else that of the configuration. */
  timezone(scope: Scope): Promise<string>;
  /** What `create` would make; changes nothing. */
  preview(scope: Scope, actor: Actor, draft: JobDraft): Promise<JobPlan>;
  create(scope: Scope, actor: Actor, draft: JobDraft): Promise<{ job: Job; plan: JobPlan }>;
  /** Runs that were planned by the former schedule are replaced; one that goes on ends as it began. */
  update(scope: Scope, actor: Actor, job: string, change: JobChange): Promise<{ job: Job; plan: JobPlan }>;
  plan(scope: Scope, job: string): Promise<JobPlan>;
  pause(scope: Scope, job: string, reason?: string): Promise<Job>;
  /**
   * Goes on with the next run from now: nothing is caught up. Only what was to run once and waited for its person meanwhile runs at once, up
   * to its maximum lateness; its state is then `done`.
   */
  resume(scope: Scope, actor: Actor, job: string): Promise<Job>;
  /** Begins a run at once, beside the schedule; resolves when it is on disk. */
  runNow(scope: Scope, actor: Actor, job: string): Promise<Occurrence>;
  /** Begins a run with what has happened; undefined when this key has begun one before. */
  trigger(scope: Scope, job: string, input: TriggerInput): Promise<Occurrence | undefined>;
  /** Its history stays. A run that goes on is stopped. */
  remove(scope: Scope, job: string): Promise<Job | BrokenJob>;
  get(scope: Scope, job: string): Promise<JobWithNext>;
  /** Not the removed ones, nor the broken ones; by name. */
  list(scope: Scope): Promise<readonly JobWithNext[]>;
  /** Those that cannot be read, by name: other methods but `remove` reject with AppError `internal` for them. */
  broken(scope: Scope): Promise<readonly BrokenJob[]>;
  /** Latest first; of one job, or of all. */
  runs(scope: Scope, filter: { job?: string | undefined; limit: number }): Promise<readonly Occurrence[]>;
  /** What is to run between two instants, by time; at most 500. */
  calendar(scope: Scope, from: number, to: number): Promise<readonly CalendarEntry[]>;
}

/** What one attempt came to. */
export type RunOutcome =
  | {
      end: 'done';
      text: string;
      files: readonly StoredFile[];
      origin: Origin;
      costMicroUsd: number;
      tokens: number;
      /** Nothing is left to do: the job ends with this run. */
      isFinal?: boolean | undefined;
    }
  /** It was not worth running. */
  | { end: 'skipped'; reason: string; costMicroUsd: number; tokens: number }
  | {
      end: 'failed';
      failure: FailureClass;
      errorCode: string;
      /** For the person. */
      reason: string;
      /** Earliest sensible retry, in ms from now. */
      retryAfterMs?: number | undefined;
      costMicroUsd: number;
      tokens: number;
    }
  /** The process ends: it goes on at the next start. */
  | { end: 'cut' };

/** Work of Herald's own that runs as a job. */
export type JobHandler = (
  run: { job: Job; occurrence: Occurrence; scope: Scope },
  signal: AbortSignal,
) => Promise<{ text: string; files?: readonly StoredFile[]; origin?: Origin }>;
