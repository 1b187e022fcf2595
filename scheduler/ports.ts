// What the runner needs of the gateway.
import type { ProcessDb } from '../data/db.ts';
import type { NewOutboxRow } from '../data/process/outbox.ts';
import type { ResultMessage } from '../data/process/schedule/finish.ts';
import type { Scope } from '../data/scope.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import type { Origin, StoredFile } from '../shared/messages.ts';
import type { DeliveryState, Job, Occurrence, RunOutcome } from './types.ts';

export interface JobRun {
  job: Job;
  occurrence: Occurrence;
  scope: Scope;
  /** Names the attempt: the same after a crash, another one after a failure. At most 48 ASCII characters. */
  key: string;
}

/** Rows that go into the transaction of the caller, who then calls `wake`. */
export interface Dispatch {
  delivery: DeliveryState;
  messages: readonly ResultMessage[];
  outbox: readonly NewOutboxRow[];
  wake(): void;
}

/** Whom to tell of a job; less of it is known where it cannot be read. */
export type NoticeOwner = Pick<Job, 'person'> & Partial<Pick<Job, 'origin' | 'delivery'>>;

/** `key`: as of `JobRun`. */
export type Letter = (said: { key: string; text: string }) => Dispatch;

export interface RunnerPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  /** Names this runner in leases; no other has the same. */
  owner: string;
  /** True when no other runner can be alive: what others hold was left by a process that has ended. */
  isAlone: boolean;
  limits: { parallel: number; perPerson: number };
  /** The longest time without a look at the clock, which may have been set, or the machine have slept. Default 5 minutes. */
  maxSleepMs?: number | undefined;
  /** One attempt, to its end: nothing of it goes on when this resolves. Never rejects. `cut` when `signal` aborts. */
  run(run: JobRun, signal: AbortSignal): Promise<RunOutcome>;
  /** Where a result goes. Rejects with AppError when that cannot be stored. */
  result(run: JobRun, result: { text: string; files: readonly StoredFile[]; origin: Origin }): Promise<Dispatch>;
  /** Something that the person must know of a job, whatever it delivers: where it goes is found before the transaction that it is told in. */
  notice(owner: NoticeOwner): Promise<Letter>;
}

export interface Runner {
  /** Takes up what an earlier process left, and begins to wait for what is due. */
  start(): Promise<void>;
  /** Something was planned or changed. */
  wake(): void;
  /** Ends the runs of a job that go on. */
  stopJob(job: string): void;
  /** Parks what runs; resolves when nothing runs any more. */
  stop(): Promise<void>;
}
