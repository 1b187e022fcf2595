// What the gateway knows of the agent: these types, nothing else.
import type { Scope } from '../data/scope.ts';
import type { Task } from '../data/work/tasks.ts';
import type { InboxId, PersonId, SessionId, TurnId } from '../shared/ids.ts';
import type { Address, Button, Origin, Role, StoredFile } from '../shared/messages.ts';
import type { AgentEvent } from './events.ts';
import type { EndedTurn } from './knowledge.ts';
import type { ChatSkills, SkillsPort } from './skills/port.ts';
import type { MemoryPort } from './memory/port.ts';

/** One message of a person, as it enters a turn. */
export interface TurnInput {
  inbox: InboxId;
  /** Cleaned text, transcript included; attachments are described in `files`. */
  text: string;
  files: readonly StoredFile[];
  /** Who speaks, shown to the model in groups. */
  author: string;
  origin: Origin;
  replyTo?: { text: string; author: string } | undefined;
  sentAt: number;
}

export interface AgentTurn {
  id: TurnId;
  session: SessionId;
  scope: Scope;
  person: PersonId;
  role: Role;
  /** Where the answer goes. */
  address: Address;
  /** From the platform's capabilities. */
  promptHint: string;
  /** What the chat's own settings tell the agent there. */
  chatPrompt?: string | undefined;
  /** Tools and toolsets that are switched off in this chat, beside those of the configuration. */
  disabledTools?: readonly string[] | undefined;
  /** What the chat settled about skills. */
  chatSkills?: ChatSkills | undefined;
  inputs: readonly TurnInput[];
  /** Model chosen for the session, as "provider/model" or "model"; undefined = the configured one. */
  model: string | undefined;
  personality: string | undefined;
  /** Set for a worker: its place in the tree of tasks. */
  worker?: WorkerPlace | undefined;
  /** True when this turn was started before and its journal must be replayed first. */
  resumed: boolean;
  /**
   * Claims messages that arrived since (mode steer). Called between steps; a claimed message belongs to this turn from
   * then on, durably, and is given again after a crash by the journal, not by this function.
   */
  steer(stepKey: string): Promise<readonly TurnInput[]>;
  emit(event: AgentEvent): void;
}

export interface WorkerPlace {
  task: string;
  name: string;
  /** Turn that the tree began in; what its workers spend counts there. */
  root: TurnId;
  /** 1 for a worker of a person's turn. */
  depth: number;
  /** Names of tools and toolsets that it gets; undefined: all that the person has. */
  tools: readonly string[] | undefined;
  /** What it was told holds words of others. */
  tainted: boolean;
  /** It works for a person and not for another turn: it has their tools as far as `tools` goes. */
  isJob?: boolean | undefined;
  /** It works for a job, or for a worker of one: names of all tools that it may have at most. */
  within?: readonly string[] | undefined;
  /** What is remembered of the person is told to it. Default false. */
  knowsPerson?: boolean | undefined;
}

/** Work that no turn asked for, such as a scheduled prompt. */
export interface AgentJob {
  /** The same key goes on where an earlier run was, and gives its result when it has ended. At most 60 characters. */
  key: string;
  /** For people. */
  name: string;
  scope: Scope;
  role: Role;
  /** Where its person is asked, when a call needs to be allowed. */
  address: Address;
  /** Made once per key. Undefined: there is nothing to do. May reject with AppError: then nothing was done. */
  prompt(signal: AbortSignal): Promise<{ text: string; origin: Origin } | undefined>;
  /** Names of tools; others it does not get. */
  tools: readonly string[];
  model: string | undefined;
  skills: readonly string[];
  /** False: it is told nothing of what is remembered. Default true. */
  memory?: boolean | undefined;
  capMicroUsd: number | undefined;
}

export interface AgentJobEnd {
  /** skipped: there was nothing to do · cut: `signal` aborted with a retryable error, and the same key goes on. */
  state: 'done' | 'failed' | 'skipped' | 'cut';
  text: string;
  files: readonly StoredFile[];
  /** Whose words the text may hold. */
  origin: Origin;
  costMicroUsd: number;
  tokens: number;
  /** Of the AppError, when failed. */
  errorCode?: string | undefined;
  /** Something was done that would be done twice if it were tried anew. */
  hadEffects?: boolean | undefined;
}

export interface AgentJobs {
  /** Never rejects. */
  run(job: AgentJob, signal: AbortSignal): Promise<AgentJobEnd>;
}

export type TurnEnd = 'done' | 'stopped' | 'failed';

export interface TurnResult {
  end: TurnEnd;
  /** Markdown for the person. For 'failed': what happened, what was kept, what to do. '' = nothing to send. */
  text: string;
  files: readonly StoredFile[];
  /** Messages to append to the session's history, in order: the assistant's replies and tool results of this turn. */
  transcript: readonly TranscriptEntry[];
  /** Under the answer. */
  buttons?: readonly Button[] | undefined;
  /** Code of the AppError, when failed. */
  errorCode?: string | undefined;
}

/** A row of the conversation as the model saw it; stored by the finish transaction, read back by the next turn. */
export type TranscriptEntry =
  | {
      role: 'user';
      input: InboxId;
      author: string;
      text: string;
      origin: Origin;
      steered: boolean;
      files: readonly StoredFile[];
    }
  | {
      role: 'assistant';
      text: string;
      /** JSON of ToolCall[]. */
      toolCalls: string;
      /** JSON of ReasoningItem[]. */
      reasoning: string;
    }
  | { role: 'tool'; callId: string; name: string; text: string; isError: boolean; origin: Origin };

export interface ModelInfo {
  /** What `/model <name>` takes. */
  name: string;
  provider: string;
  current: boolean;
}

export interface RestoredFiles {
  restored: readonly string[];
  /** Left alone, and why. */
  conflicts: readonly string[];
}

export interface FileCheckpoint {
  turn: TurnId;
  /** ms since the epoch. */
  at: number;
  paths: readonly string[];
}

export interface ContextQuestion {
  scope: Scope;
  session: SessionId;
  role: Role;
  address: Address;
  /** As in a turn. */
  model: string | undefined;
  personality: string | undefined;
  chatPrompt?: string | undefined;
  disabledTools?: readonly string[] | undefined;
}

export interface ContextBill {
  /** Estimated tokens, in the order of the request. */
  parts: readonly {
    part: 'system' | 'workspace files' | 'memory' | 'tools' | 'summary' | 'history' | 'state';
    tokens: number;
  }[];
  /** Stored messages that do not fit any more. */
  dropped: number;
  /** Tokens of summary and history at which older ones are compressed. */
  compressAtTokens: number;
  /** The chain, in order of preference. */
  models: readonly {
    name: string;
    windowTokens: number;
    /** Left for the answer. */
    answerTokens: number;
    /** What the whole takes of this model: estimates, corrected by what it counted lately. */
    usedTokens: number;
    /** Whether it was corrected. */
    isMeasured: boolean;
  }[];
}

/** What becomes of a tool in turns of one chat. */
export interface ToolState {
  name: string;
  toolset: string;
  /** Its first sentence; of tools of others, foreign text. */
  description: string;
  /** `prompt`: the model always sees it. `searched`: the model finds it when it looks for it. */
  state: 'prompt' | 'searched' | 'off' | 'unavailable';
  /** Why it is off or not available. */
  why?: string | undefined;
}

export interface ToolQuestion {
  role: Role;
  address: Address;
  /** As in a turn. */
  disabledTools?: readonly string[] | undefined;
}

export interface ToolOverview {
  /** In the order of the prompt. */
  tools: readonly ToolState[];
  /** Where tools come from that are not Herald's own, and what is wrong there; one line each, foreign text cleaned. */
  notes: readonly string[];
}

export interface AgentPort {
  /** Not there in gateways without a scheduler. */
  jobs?: AgentJobs | undefined;
  /** Never rejects: failures are results. Resolves within a second of `signal` aborting. */
  run(turn: AgentTurn, signal: AbortSignal): Promise<TurnResult>;
  /** Undefined: there are no skills. */
  skills?: SkillsPort | undefined;
  /** A person's turn is on disk with its end: what can be learnt from it is, while nobody waits. */
  turnEnded?(turn: EndedTurn): void;
  /** The person has turned to another conversation than this one. */
  sessionLeft?(at: Omit<EndedTurn, 'turn' | 'state'>): void;
  /** What is remembered of people and groups. */
  memory?: MemoryPort;
  /**
   * Makes an enforced rule of a person's words; `spec` is what data/policy/rules.ts stores, `about` says it for people. Rejects with AppError
   * `bad_input` for words that hold on to nothing.
   */
  compileRule(
    at: { scope: Scope; session: SessionId },
    words: string,
    signal: AbortSignal,
  ): Promise<{ words: string; verdict: 'ask' | 'deny'; spec: string; about: string }>;
  /** Puts back the files that a turn and its workers changed; undefined when nothing of it is kept. Rejects with AppError. */
  restoreFiles(scope: Scope, turn: TurnId): Promise<RestoredFiles | undefined>;
  /** Turns of this space whose changes of files can be put back, newest first. */
  listCheckpoints(scope: Scope): Promise<readonly FileCheckpoint[]>;
  /** Adds to a cap for today; what was added, for people. Rejects with AppError `bad_input`. */
  extendBudget(scope: Scope, cap: string): Promise<string>;
  /** Takes up a worker that nobody waits for; its result becomes an event of its conversation. */
  resumeWorker(task: Task, place: { scope: Scope; role: Role; address: Address }): void;
  /** Ends a worker and those below it. False when it had ended or is not of this scope. */
  stopWorker(scope: Scope, id: string): Promise<boolean>;
  /** Resolves when no worker runs any more; those that did go on at the next start. */
  close(): Promise<void>;
  /**
   * Replaces older history by a summary, keeping the last exchanges; `focus` is kept in most detail. Returns how many messages were
   * summarized. Rejects with AppError.
   */
  compress(
    scope: Scope,
    session: SessionId,
    how: { focus?: string | undefined },
    signal: AbortSignal,
  ): Promise<{ summarized: number }>;
  /** What the next request takes of each model, by part. Asks no model. Rejects with AppError. */
  describeContext(question: ContextQuestion): Promise<ContextBill>;
  /** All tools, with what becomes of them in turns there. Asks no model and starts nothing. */
  describeTools(question: ToolQuestion): Promise<ToolOverview>;
  /** Known models, the configured one first. */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** Checks a `/model` argument; the normalized name, or AppError `not_found` with suggestions. */
  resolveModel(name: string): string;
  /** Names of personalities that `/personality` takes. */
  personalities(): readonly { name: string; description: string }[];
  /** Model in use and whether it is the demo, for `/status` and the banner. */
  describeModel(): { name: string; provider: string; demo: boolean };
}
