// What the tool `schedule` needs of whoever runs jobs. Answers are texts for the model; failures are AppErrors whose text says what to do.
import type { Scope } from '../../data/scope.ts';
import type { Address, Origin, Role } from '../../shared/messages.ts';

/** Who asks, and with what rights. */
export interface ScheduleCall {
  scope: Scope;
  role: Role;
  address: Address;
  /** Names of the tools of the turn that asks: a job gets no others. */
  tools: readonly string[];
  /** A job asks, or a worker of one: what it does must come to an end. */
  isJob: boolean;
  /** The same in a replay: what is made under it is made once. 40 ASCII characters. */
  key: string;
}

/** prompt: asks the model each time · reminder: a text, sent as it is · script: a command for the person's shell. */
export type ScheduledKind = 'prompt' | 'reminder' | 'script';

export interface ScheduleRequest {
  name?: string | undefined;
  /** As people say it. */
  when?: string | undefined;
  kind?: ScheduledKind | undefined;
  /** The prompt, the text or the command. */
  what?: string | undefined;
  /** As people name chats; default: the chat of the call. */
  deliver?: string | undefined;
  /** IANA name. Default: the person's. */
  timezone?: string | undefined;
  tools?: readonly string[] | undefined;
  skills?: readonly string[] | undefined;
  /** Most that one run may cost, in US dollars. */
  capUsd?: number | undefined;
}

export type JobAction = 'pause' | 'resume' | 'run' | 'remove';

export interface SchedulePort {
  /** Shows the plan to the person, in the chat of the call. What costs money or runs commands begins only when the person confirms it. */
  create(call: ScheduleCall, request: ScheduleRequest): Promise<string>;
  /** What is not named stays. What then costs more or does something else waits for the person again. */
  update(call: ScheduleCall, job: string, change: ScheduleRequest): Promise<string>;
  /** Rejects for a job that waits for its person, unless it is removed. */
  act(call: ScheduleCall, job: string, action: JobAction): Promise<string>;
  list(call: ScheduleCall): Promise<string>;
  /** Latest first; of one job, or of all. */
  runs(call: ScheduleCall, job: string | undefined): Promise<{ text: string; origin: Origin }>;
}
