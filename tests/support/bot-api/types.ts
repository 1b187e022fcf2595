// What a test sees of the Bot API server.
import type { Message } from 'grammy/types';
import type { ApiCall } from './dispatch.ts';
import type { Fault } from './faults.ts';
import type { Group, GroupOptions, Person } from './people.ts';
import type { ChatEntry, ChatState, Draft } from './world.ts';

export interface BotApi {
  /** What clients take as API root. */
  url: string;
  token: string;
  botId: number;
  username: string;
  /** All requests so far, oldest first, the last 20,000; without polls that brought nothing. */
  calls: readonly ApiCall[];
  /** Ids of updates that the bot has not confirmed. */
  pendingUpdates(): readonly number[];
  /** Is a poll held now? */
  isPolling(): boolean;
  user(id: number, name?: string, more?: { isBot?: boolean; username?: string; language?: string }): Person;
  group(options?: GroupOptions): Group;
  /** Delivers an update as it stands, whatever it is; an `update_id` in it wins. Returns the id. */
  inject(update: Record<string, unknown>): number;
  /** What the bot sent and did not delete, with edits applied, in order. */
  messages(chatId: number): readonly ChatEntry[];
  /** Everything in the chat that was not deleted, of both sides. */
  history(chatId: number): readonly ChatEntry[];
  /** Drafts shown now, with all their earlier texts. */
  drafts(chatId: number): readonly Draft[];
  /** Chat actions of the bot with their times. */
  actions(chatId: number): ChatState['actions'];
  /** What became of a press. */
  callback(id: string): { answered: boolean; text: string | undefined; alert: boolean } | undefined;
  /** The commands of the default scope. */
  commands(): readonly { command: string; description: string }[];
  /** Makes calls fail. Returns what takes the fault away. */
  fail(fault: Fault): () => void;
  clearFaults(): void;
  /** The last `count` confirmed updates come again: with the ids that they had, or as new ones. Default 1, same. */
  redeliver(count?: number, ids?: 'same' | 'new'): void;
  /** The next `count` answers with two or more updates come in reverse. */
  reverseNext(count?: number): void;
  /** From now on every call is answered 401. */
  revokeToken(): void;
  /** Cuts all connections, once. */
  disconnect(): void;
  /** Nothing listens until `comeBack`, then at the same port. What people say meanwhile is kept. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** Resolves with what `check` gives, looked at after every change. Rejects after `timeoutMs`, default 10 s. */
  until<T>(what: string, check: () => T | undefined | false, timeoutMs?: number): Promise<T>;
  /** Resolves with the first message of the bot whose text or caption holds this. */
  waitForText(chatId: number, part: string, timeoutMs?: number): Promise<Message>;
  /** Ends held polls and all connections. Idempotent. */
  close(): Promise<void>;
}
