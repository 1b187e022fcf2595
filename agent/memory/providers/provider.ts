// A memory service outside of Herald: it is told of turns and finds what fits a question. One file per service beside this one. People are
// known there by a name that says nothing (`subject`), and secrets are masked before a text gets here.

export interface RecallCall {
  /** Stands for one person, or one group: 39 characters of [a-z0-9-], the same for ever in one installation. */
  subject: string;
  /** The question, in the person's words. */
  text: string;
  /** Facts wanted; more may be given. */
  limit: number;
  signal: AbortSignal;
}

export interface NotedTurn {
  subject: string;
  /** Names of conversation and turn there; they say nothing either. */
  session: string;
  turn: string;
  /** In ms since the epoch. */
  at: number;
  messages: readonly { role: 'user' | 'assistant'; text: string }[];
}

export interface NotedMemory {
  subject: string;
  id: string;
  text: string;
}

/** What a service was told of one turn or one memory; names as there. */
export interface ToldItem {
  subject: string;
  kind: 'turn' | 'memory';
  id: string;
}

/** All methods reject with AppError alone; its `retryable` says whether the same may work later. They end soon after their signal aborts. */
export interface MemoryProvider {
  /** For people. */
  title: string;
  /** What is known there of the subject and fits, best first; nothing of anybody else. */
  recall(call: RecallCall): Promise<readonly string[]>;
  /** Tells of a turn. May be repeated with the same turn after a failure. */
  noteTurn(turn: NotedTurn, signal: AbortSignal): Promise<void>;
  /** Tells of something that Herald remembers. May be repeated. Absent: turns are enough. */
  noteMemory?(memory: NotedMemory, signal: AbortSignal): Promise<void>;
  /** The person has turned to another conversation. May be repeated. */
  endSession?(at: { subject: string; session: string }, signal: AbortSignal): Promise<void>;
  /** Deletes all that it knows of the subject. What is not there is deleted already. Absent: its API has no such thing. */
  forgetAll?(subject: string, signal: AbortSignal): Promise<void>;
  /** Deletes what it was told in a conversation, and what it made of that. As `forgetAll`. */
  forgetSession?(at: { subject: string; session: string }, signal: AbortSignal): Promise<void>;
  /** Deletes one thing that it was told, and what it made of that. As `forgetAll`. */
  forgetItem?(item: ToldItem, signal: AbortSignal): Promise<void>;
  /** Whether it answers and takes the key. Default: a recall for nobody. */
  check?(signal: AbortSignal): Promise<void>;
}
