// What the loopback Bot API server knows: chats, messages, files, and the queue of updates with its offset rules.
import { randomBytes } from 'node:crypto';
import type { FakeEntity } from './bot-api-html.ts';

export interface FakeUser {
  id: number;
  is_bot: boolean;
  first_name: string;
  username?: string;
}

export interface FakeChat {
  id: number;
  type: 'private' | 'group' | 'supergroup' | 'channel';
  title?: string;
  first_name?: string;
  username?: string;
  is_forum?: true;
}

export interface InlineKeyboard {
  inline_keyboard: { text: string; callback_data?: string; url?: string }[][];
}

export interface FakeMessage {
  message_id: number;
  date: number;
  chat: FakeChat;
  from: FakeUser;
  edit_date?: number;
  message_thread_id?: number;
  is_topic_message?: true;
  reply_to_message?: FakeMessage;
  text?: string;
  entities?: FakeEntity[];
  caption?: string;
  caption_entities?: FakeEntity[];
  reply_markup?: InlineKeyboard;
  /** photo, document, voice … as the Bot API has them. */
  [media: string]: unknown;
}

export interface FakeFile {
  file_id: string;
  file_unique_id: string;
  path: string;
  name: string;
  mime: string;
  bytes: Uint8Array;
}

export interface QueuedUpdate {
  update_id: number;
  /** The update as delivered; a broken one may be anything. */
  body: unknown;
  /** Made by a test to be wrong: its delivery is not held against the specification. */
  isGarbage: boolean;
}

export interface BotApiState {
  readonly token: string;
  readonly bot: FakeUser & { username: string };
  readonly chats: Map<number, FakeChat>;
  /** By chat, then by id. */
  readonly messages: Map<number, Map<number, FakeMessage>>;
  readonly files: Map<string, FakeFile>;
  /** Topics of forums: `chat/thread`. */
  readonly topics: Set<string>;
  readonly drafts: Map<number, { draft_id: number; text: string; updates: number }>;
  /** Chat actions, latest by chat. */
  readonly actions: Map<number, string>;
  readonly reactions: Map<string, string[]>;
  readonly callbacks: Map<string, { answered: boolean }>;
  readonly blocked: Set<number>;
  commands: unknown;
  allowedUpdates: readonly string[];
  webhook: { url: string; secret: string } | undefined;
  queue: QueuedUpdate[];
  nextMessageId(): number;
  /** Puts an update in the queue (unless its kind is not asked for) and wakes whoever waits. */
  enqueue(kind: string, body: Record<string, unknown>): number;
  enqueueGarbage(body: Record<string, unknown> | string): number;
  /** Called after every enqueue. */
  onUpdate: Set<() => void>;
  addFile(input: { name: string; mime: string; bytes: Uint8Array; folder: string }): FakeFile;
  addMessage(message: FakeMessage): FakeMessage;
}

export const DEFAULT_TOKEN = '7000001:loopback_test_token_AAAAAAAAAAAAAAAAA';
/** Kinds that are not delivered unless asked for (getUpdates, allowed_updates). */
const NOT_BY_DEFAULT = ['chat_member', 'message_reaction', 'message_reaction_count'];

export const ADA: FakeUser = { id: 5001, is_bot: false, first_name: 'Ada', username: 'ada_l' };
export const BOB: FakeUser = { id: 5002, is_bot: false, first_name: 'Bob' };
export const OTHER_BOT: FakeUser = { id: 8001, is_bot: true, first_name: 'Other', username: 'other_bot' };
export const GROUP: FakeChat = { id: -1009000001, type: 'supergroup', title: 'The group' };
export const FORUM: FakeChat = { id: -1009000002, type: 'supergroup', title: 'The forum', is_forum: true };
export const TOPIC_ID = 77;

export function makeBotApiState(token: string): BotApiState {
  let lastMessageId = 100;
  let lastUpdateId = 700_000_000;
  const state: BotApiState = {
    token,
    bot: { id: Number(token.split(':')[0]), is_bot: true, first_name: 'Herald', username: 'herald_test_bot' },
    chats: new Map(),
    messages: new Map(),
    files: new Map(),
    topics: new Set([`${FORUM.id}/${TOPIC_ID}`]),
    drafts: new Map(),
    actions: new Map(),
    reactions: new Map(),
    callbacks: new Map(),
    blocked: new Set(),
    commands: [],
    allowedUpdates: [],
    webhook: undefined,
    queue: [],
    onUpdate: new Set(),
    nextMessageId: () => ++lastMessageId,
    enqueue(kind, body) {
      const update_id = ++lastUpdateId;
      const isWanted =
        state.allowedUpdates.length > 0 ? state.allowedUpdates.includes(kind) : !NOT_BY_DEFAULT.includes(kind);
      if (isWanted) push({ update_id, body: { update_id, [kind]: body }, isGarbage: false });
      return update_id;
    },
    enqueueGarbage(body) {
      const update_id = ++lastUpdateId;
      push({ update_id, body: typeof body === 'string' ? body : { update_id, ...body }, isGarbage: true });
      return update_id;
    },
    addFile({ name, mime, bytes, folder }) {
      const file_id = `file-${randomBytes(9).toString('base64url')}`;
      const file = {
        file_id,
        file_unique_id: file_id.slice(5, 13),
        path: `${folder}/file_${state.files.size}_${name}`,
        name,
        mime,
        bytes,
      };
      state.files.set(file_id, file);
      return file;
    },
    addMessage(message) {
      const chat = state.messages.get(message.chat.id) ?? new Map<number, FakeMessage>();
      state.messages.set(message.chat.id, chat.set(message.message_id, message));
      return message;
    },
  };
  for (const user of [ADA, BOB]) addPrivateChat(state, user);
  for (const chat of [GROUP, FORUM]) state.chats.set(chat.id, chat);
  return state;

  function push(update: QueuedUpdate): void {
    state.queue.push(update);
    for (const wake of state.onUpdate) wake();
  }
}

export function addPrivateChat(state: BotApiState, user: FakeUser): FakeChat {
  const chat: FakeChat = {
    id: user.id,
    type: 'private',
    first_name: user.first_name,
    ...(user.username && { username: user.username }),
  };
  state.chats.set(chat.id, chat);
  return chat;
}
