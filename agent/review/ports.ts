// What looking back needs of others, and what it may cost.
import type { DueReview, UntoldPlace } from '../../data/review/due.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import type { SessionId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Address, Button } from '../../shared/messages.ts';
import type { SkillLibrary } from '../../skills/types.ts';
import type { Meter } from '../budget/meter.ts';
import type { Memory } from '../memory/memory.ts';
import type { AgentSettings } from '../settings.ts';

export interface ReviewSettings {
  enabled: boolean;
  /** Turns of a session after which it is looked back at. */
  everyTurns: number;
  /** A session is looked back at when nothing was said for so long. */
  idleMs: number;
  /** Most that looking back may take of one person's day. */
  dailyMicroUsd: number;
  dailyTokens: number;
  /** Of the conversation, in one review. */
  maxInputTokens: number;
  /** propose: drafts wait for the person · auto: they are tried out, unless words of others were read · off: there are none. */
  skills: 'propose' | 'auto' | 'off';
  /** off: nothing is told · on: drafts · verbose: what was kept, too. */
  notify: 'off' | 'on' | 'verbose';
}

/** A message to the person that no message of theirs asked for. */
export interface ReviewMessage {
  to: Address;
  scope: Scope;
  text: string;
  /** Sent once per key; at most 48 ASCII characters. */
  key: string;
  buttons: readonly (readonly Button[])[];
}

/** What is due over all people; the agent itself never reads beyond one scope. */
export interface ReviewQueue {
  nextAt(): Promise<number | undefined>;
  listDue(limit: number): Promise<readonly DueReview[]>;
  /** After a start: what an earlier process left. */
  recover(since: number): Promise<void>;
  untold(): Promise<readonly UntoldPlace[]>;
  /** Where the last turn of the session was answered. */
  lastAddress(session: SessionId): Promise<Address | undefined>;
}

export interface ReviewInput {
  db: Db;
  clock: Clock;
  log: Logger;
  meter(): Meter;
  agentSettings(): AgentSettings;
  settings(): ReviewSettings;
  memory(): Memory;
  /** Default, and undefined: no skills are drafted. */
  skills?(): SkillLibrary | undefined;
  /** Revises what is known of the person, with a budget of its own. */
  revise?(at: { scope: Scope; session: SessionId }, signal: AbortSignal): Promise<void>;
  queue: ReviewQueue;
  /** Resolves when it is on disk. */
  post(message: ReviewMessage): Promise<void>;
  /** IANA name: of the person, whose night is quiet. */
  timezoneOf(scope: Scope): Promise<string>;
  redact(text: string): string;
}
