// What the fake Telegram knows: the bot, people, chats, messages, files. Ids run as in the real one: private chats and basic groups
// share one count of messages, every supergroup has its own; groups have negative ids.
import { createHash } from 'node:crypto';
import type { Chat, Message, User, UserFromGetMe } from 'grammy/types';
import type { Clock } from '../../../shared/clock.ts';
import { ApiError, badRequest } from './http.ts';

/** Keeps long runs flat: the oldest messages of a chat are forgotten beyond this. */
const MAX_ENTRIES = 20_000;
const MAX_FILES = 2_000;

export interface BotFile {
  id: string;
  uniqueId: string;
  /** As getFile gives it. */
  path: string;
  name: string;
  mime: string;
  /** As announced; what a download gives may be said apart by a test. */
  size: number;
  bytes: Uint8Array;
}

export interface ChatEntry {
  message: Message;
  byBot: boolean;
  deleted: boolean;
  /** Texts or captions before each edit, oldest first. */
  earlier: string[];
  /** Emoji that the bot put on it. */
  reactions: readonly string[];
  /** What the bot uploaded with it. */
  file: BotFile | undefined;
  /** Formatting that the bot asked for and got; empty for plain text. */
  parseMode: string;
}

/** A draft vanishes by itself. https://core.telegram.org/bots/api#sendmessagedraft (read 2026-11-21) */
export const DRAFT_SHOWN_MS = 30_000;

export interface Draft {
  id: number;
  thread: number | undefined;
  text: string;
  /** All texts shown under this id, oldest first. */
  shown: string[];
  atMs: number;
}

export type BotStatus = 'member' | 'administrator' | 'left' | 'kicked';

export interface ChatState {
  chat: Chat;
  entries: Map<number, ChatEntry>;
  /** Of supergroups; the others share the world's. */
  nextMessageId: number;
  /** Names by id. */
  topics: Map<number, string>;
  drafts: Map<number, Draft>;
  bot: BotStatus;
  /** Private chats: the person blocked the bot, or the account is gone. */
  closed: 'blocked' | 'deactivated' | undefined;
  migratedTo: number | undefined;
  /** Chat actions of the bot with their times. */
  actions: { action: string; thread: number | undefined; atMs: number }[];
}

export interface CallbackState {
  id: string;
  data: string;
  answered: boolean;
  text: string | undefined;
  alert: boolean;
}

export interface World {
  clock: Clock;
  bot: User;
  /** The bot as getMe gives it. */
  me: UserFromGetMe;
  users: Map<number, User>;
  chats: Map<number, ChatState>;
  files: Map<string, BotFile>;
  callbacks: Map<string, CallbackState>;
  commands: Map<string, readonly { command: string; description: string }[]>;
  nextMessageId: number;
  nextFileId: number;
  /** Called after anything happened that a test may wait for. */
  changed(): void;
}

export interface WorldOptions {
  clock: Clock;
  botId: number;
  username: string;
  /** getMe's can_read_all_group_messages. */
  readsAllGroupMessages: boolean;
  /** getMe's has_topics_enabled. */
  topicsInPrivateChats: boolean;
  changed: () => void;
}

export function makeWorld(options: WorldOptions): World {
  const bot = { id: options.botId, is_bot: true, first_name: 'Herald', username: options.username } as const;
  return {
    clock: options.clock,
    bot,
    me: {
      ...bot,
      can_join_groups: true,
      can_read_all_group_messages: options.readsAllGroupMessages,
      supports_guest_queries: false,
      supports_inline_queries: false,
      can_connect_to_business: false,
      has_main_web_app: false,
      has_topics_enabled: options.topicsInPrivateChats,
      allows_users_to_create_topics: options.topicsInPrivateChats,
      can_manage_bots: false,
      supports_join_request_queries: false,
    },
    users: new Map(),
    chats: new Map(),
    files: new Map(),
    callbacks: new Map(),
    commands: new Map(),
    nextMessageId: 1,
    nextFileId: 0,
    changed: options.changed,
  };
}

/** Unix time in seconds, as messages carry it. */
export function unixSeconds(world: World): number {
  return Math.floor(world.clock.now() / 1000);
}

export function makeChat(chat: Chat, bot: BotStatus): ChatState {
  return {
    chat,
    entries: new Map(),
    nextMessageId: 1,
    topics: new Map(),
    drafts: new Map(),
    bot,
    closed: undefined,
    migratedTo: undefined,
    actions: [],
  };
}

export function takeMessageId(world: World, state: ChatState): number {
  if (state.chat.type !== 'supergroup' && state.chat.type !== 'channel') return world.nextMessageId++;
  return state.nextMessageId++;
}

export interface NewEntry {
  message: Message;
  byBot: boolean;
  file?: BotFile | undefined;
  parseMode?: string;
}

export function addEntry(state: ChatState, entry: NewEntry): ChatEntry {
  const added: ChatEntry = {
    message: entry.message,
    byBot: entry.byBot,
    deleted: false,
    earlier: [],
    reactions: [],
    file: entry.file,
    parseMode: entry.parseMode ?? '',
  };
  state.entries.set(entry.message.message_id, added);
  const oldest = state.entries.keys().next();
  if (state.entries.size > MAX_ENTRIES && !oldest.done) state.entries.delete(oldest.value);
  return added;
}

/** A message that is still there. */
export function findEntry(state: ChatState, messageId: number | undefined): ChatEntry | undefined {
  const entry = messageId === undefined ? undefined : state.entries.get(messageId);
  return entry?.deleted === false ? entry : undefined;
}

/** The chat of a call. @throws ApiError when the bot cannot see or write to it. */
export function needChat(world: World, chatId: string): ChatState {
  if (chatId === '') throw badRequest('chat_id is empty');
  const state = /^-?\d+$/.test(chatId) ? world.chats.get(Number(chatId)) : findByUsername(world, chatId);
  if (state === undefined) throw badRequest('chat not found');
  if (state.migratedTo !== undefined)
    throw new ApiError(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
      migrate_to_chat_id: state.migratedTo,
    });
  if (state.closed === 'blocked') throw new ApiError(403, 'Forbidden: bot was blocked by the user');
  if (state.closed === 'deactivated') throw new ApiError(403, 'Forbidden: user is deactivated');
  const kind = state.chat.type === 'group' ? 'group' : state.chat.type;
  if (state.bot === 'kicked') throw new ApiError(403, `Forbidden: bot was kicked from the ${kind} chat`);
  if (state.bot === 'left') throw new ApiError(403, `Forbidden: bot is not a member of the ${kind} chat`);
  return state;
}

function findByUsername(world: World, name: string): ChatState | undefined {
  if (!name.startsWith('@')) return undefined;
  const wanted = name.slice(1).toLowerCase();
  const isIt = ({ chat }: ChatState) =>
    (chat.type === 'supergroup' || chat.type === 'channel') && chat.username?.toLowerCase() === wanted;
  return [...world.chats.values()].find(isIt);
}

export interface FileToKeep {
  /** Folder of getFile's path: photos, documents, voice, music, videos, stickers, thumbnails. */
  folder: string;
  name: string;
  mime: string;
  bytes: Uint8Array;
  size?: number | undefined;
}

/** Each keeping is a new file id; the unique id follows the content. */
export function keepFile(world: World, file: FileToKeep): BotFile {
  const number = world.nextFileId++;
  const digest = createHash('sha256').update(file.folder).update(file.bytes).digest('base64url');
  const dot = file.name.lastIndexOf('.');
  const kept: BotFile = {
    id: `BQACAgIAAxk${digest.slice(0, 30)}${number.toString(36).padStart(6, '0')}`,
    uniqueId: `AgAD${digest.slice(0, 11)}`,
    path: `${file.folder}/file_${number}${dot > 0 ? file.name.slice(dot) : ''}`,
    name: file.name,
    mime: file.mime,
    size: file.size ?? file.bytes.length,
    bytes: file.bytes,
  };
  world.files.set(kept.id, kept);
  const oldest = world.files.keys().next();
  if (world.files.size > MAX_FILES && !oldest.done) world.files.delete(oldest.value);
  return kept;
}
