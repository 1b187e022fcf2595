// The other side of the chat: what people do in their apps, as updates for the bot. Everything is injected at once and returns the
// message as Telegram keeps it.
import { randomInt } from 'node:crypto';
import type { Chat, InlineKeyboardButton, Message, User } from 'grammy/types';
import { findEntities } from './entities.ts';
import { asReplied } from './message-parts.ts';
import { botMember } from './methods.ts';
import { mediaContent, type MediaField } from './send-methods.ts';
import type { UpdateQueue } from './updates.ts';
import {
  addEntry,
  findEntry,
  keepFile,
  makeChat,
  takeMessageId,
  unixSeconds,
  type BotStatus,
  type ChatEntry,
  type ChatState,
  type World,
} from './world.ts';

export interface SayOptions {
  /** Id of the message that it answers. */
  replyTo?: number | undefined;
  /** Part of that message which is quoted. */
  quote?: string | undefined;
  /** Puts the bot's @name before the text. */
  mention?: boolean | undefined;
  /** Whose message this forwards; a name alone stands for a hidden account. */
  forwardedFrom?: User | string | undefined;
  /** Messages of one album carry the same. */
  mediaGroup?: string | undefined;
  /** Further fields of the message, whatever they are. */
  extra?: Record<string, unknown> | undefined;
}

export interface FileOptions extends SayOptions {
  caption?: string | undefined;
  /** Fields of the file, e.g. duration, emoji. */
  fields?: Record<string, unknown> | undefined;
}

export interface SentFile {
  name: string;
  mime: string;
  bytes: Uint8Array;
  /** Announced size when it differs from the bytes. */
  size?: number | undefined;
}

/** One person in one chat, or in one topic of it. */
export interface UserChat {
  chatId: number;
  sendText(text: string, options?: SayOptions): Message;
  sendPhoto(file: SentFile, options?: FileOptions): Message;
  sendDocument(file: SentFile, options?: FileOptions): Message;
  sendVoice(file: SentFile, options?: FileOptions): Message;
  sendAudio(file: SentFile, options?: FileOptions): Message;
  sendVideo(file: SentFile, options?: FileOptions): Message;
  sendSticker(file: SentFile, options?: FileOptions): Message;
  /** An album: one message per photo, the caption with the first. */
  sendAlbum(files: readonly SentFile[], options?: FileOptions): Message[];
  /** A message of another kind: location, contact, poll … */
  sendOther(content: Record<string, unknown>, options?: SayOptions): Message;
  editText(messageId: number, text: string): Message;
  /** Telegram tells bots nothing about it. */
  deleteMessage(messageId: number): void;
  /** Presses the button with this data. Returns the id of the callback query. Throws when there is no such button. */
  press(messageId: number, data: string): string;
  /** Undefined takes the reaction back. */
  react(messageId: number, emoji: string | undefined): void;
}

export interface Person {
  user: User;
  dm: UserChat;
  in(group: Group, topic?: number): UserChat;
  /** The DM's `my_chat_member`; sends fail with 403 from then on. */
  block(): void;
  unblock(): void;
  /** The account is gone: sends fail with 403. */
  deactivate(): void;
  /** A topic of the DM. Returns its id. */
  topic(name: string): number;
}

export interface Group {
  id: number;
  /** A topic of a forum. Returns its id. */
  topic(name: string): number;
  /** Changes what the bot is there, and tells it with `my_chat_member`. */
  setBot(status: BotStatus, by: Person): void;
  /** Turns a basic group into a supergroup, as Telegram does by itself. Returns the new one. */
  migrate(by: Person): Group;
}

interface Stage {
  world: World;
  queue: UpdateQueue;
}

export interface GroupOptions {
  id?: number;
  title?: string;
  /** Default supergroup. */
  type?: 'group' | 'supergroup';
  forum?: boolean;
  username?: string;
  /** Default member. */
  bot?: BotStatus;
}

/** The same person for the same id: a name given later changes nothing. */
export function makePerson(stage: Stage, user: User): Person {
  const { world } = stage;
  const known = world.users.get(user.id) ?? user;
  world.users.set(known.id, known);
  if (!world.chats.has(known.id)) world.chats.set(known.id, makeChat(privateChat(known), 'member'));
  const state = needState(world, known.id);
  const setClosed = (closed: ChatState['closed']) => {
    const before = botMember(world, state);
    state.closed = closed;
    pushBotStatus(stage, { state, by: known, before });
  };
  return {
    user: known,
    dm: makeUserChat({ ...stage, state, user: known, topic: undefined }),
    in: (group, topic) => makeUserChat({ ...stage, state: needState(world, group.id), user: known, topic }),
    block: () => setClosed('blocked'),
    unblock: () => setClosed(undefined),
    deactivate() {
      state.closed = 'deactivated';
    },
    topic: (name) => addTopic(stage, state, { name, from: known }),
  };
}

function privateChat(user: User): Chat.PrivateChat {
  const { id, first_name, last_name, username } = user;
  return { id, type: 'private', first_name, ...(last_name ? { last_name } : {}), ...(username ? { username } : {}) };
}

function needState(world: World, chatId: number): ChatState {
  const state = world.chats.get(chatId);
  if (state === undefined) throw new Error(`there is no chat ${chatId}`);
  return state;
}

export function makeGroup(stage: Stage, options: GroupOptions = {}): Group {
  const { world } = stage;
  const type = options.type ?? 'supergroup';
  const id = options.id ?? -(type === 'group' ? 100_000 : 1_001_000_000_000) - randomInt(1, 90_000);
  const title = options.title ?? 'Test group';
  const chat: Chat =
    type === 'group'
      ? { id, type, title }
      : {
          id,
          type,
          title,
          ...(options.username ? { username: options.username } : {}),
          ...(options.forum ? { is_forum: true as const } : {}),
        };
  if (!world.chats.has(id)) world.chats.set(id, makeChat(chat, options.bot ?? 'member'));
  const state = needState(world, id);
  return {
    id,
    topic: (name) => addTopic(stage, state, { name, from: world.bot }),
    setBot(status, by) {
      const before = botMember(world, state);
      state.bot = status;
      pushBotStatus(stage, { state, by: by.user, before });
    },
    migrate: (by) => migrateGroup(stage, state, by),
  };
}

function migrateGroup(stage: Stage, old: ChatState, by: Person): Group {
  const title = old.chat.title ?? '';
  const next = makeGroup(stage, { title, bot: old.bot });
  postAs({ ...stage, state: old, user: by.user, topic: undefined }, { migrate_to_chat_id: next.id });
  old.migratedTo = next.id;
  const state = needState(stage.world, next.id);
  postAs({ ...stage, state, user: stage.world.bot, topic: undefined }, { migrate_from_chat_id: old.chat.id });
  return next;
}

function pushBotStatus(stage: Stage, change: { state: ChatState; by: User; before: object }): void {
  const { world, queue } = stage;
  queue.push({
    my_chat_member: {
      chat: change.state.chat,
      from: change.by,
      date: unixSeconds(world),
      old_chat_member: change.before,
      new_chat_member: botMember(world, change.state),
    },
  });
  world.changed();
}

/** The topic's id is that of the service message which opened it. */
function addTopic(stage: Stage, state: ChatState, { name, from }: { name: string; from: User }): number {
  const content = { forum_topic_created: { name, icon_color: 0x6fb9f0 }, is_topic_message: true };
  const seat = { ...stage, state, user: from, topic: undefined };
  const message = buildMessage(seat, content, {});
  const opened = { ...message, message_thread_id: message.message_id };
  state.topics.set(message.message_id, name);
  addEntry(state, { message: opened, byBot: false });
  if (!from.is_bot) stage.queue.push({ message: opened });
  return message.message_id;
}

/** A person in a place. */
interface Seat extends Stage {
  state: ChatState;
  user: User;
  topic: number | undefined;
}

function makeUserChat(seat: Seat): UserChat {
  const { world, state } = seat;
  const sendFile = (field: MediaField, folder: string) => (file: SentFile, options?: FileOptions) =>
    postFile(seat, { field, folder, file }, options ?? {});
  const sendPhoto = sendFile('photo', 'photos');
  return {
    chatId: state.chat.id,
    sendText: (text, options = {}) => postAs(seat, textContent(world, text, options), options),
    sendPhoto,
    sendDocument: sendFile('document', 'documents'),
    sendVoice: sendFile('voice', 'voice'),
    sendAudio: sendFile('audio', 'music'),
    sendVideo: sendFile('video', 'videos'),
    sendSticker: sendFile('sticker', 'stickers'),
    sendAlbum(files, options = {}) {
      const mediaGroup = options.mediaGroup ?? String(randomInt(1e12, 1e14));
      return files.map((file, index) =>
        sendPhoto(file, { ...options, mediaGroup, caption: index === 0 ? options.caption : undefined }),
      );
    },
    sendOther: (content, options = {}) => postAs(seat, content, options),
    editText: (messageId, text) => editOwnText(seat, messageId, text),
    deleteMessage(messageId) {
      needEntry(state, messageId).deleted = true;
    },
    press: (messageId, data) => pressButton(seat, messageId, data),
    react: (messageId, emoji) => reactTo(seat, messageId, emoji),
  };
}

function needEntry(state: ChatState, messageId: number): ChatEntry {
  const entry = findEntry(state, messageId);
  if (entry === undefined) throw new Error(`there is no message ${messageId} in chat ${state.chat.id}`);
  return entry;
}

function textContent(world: World, text: string, options: SayOptions): Partial<Message> {
  const whole = options.mention ? `@${world.bot.username} ${text}` : text;
  const entities = findEntities({ text: whole, entities: [] }).toSorted((a, b) => a.offset - b.offset);
  return entities.length > 0 ? { text: whole, entities } : { text: whole };
}

interface FileToPost {
  field: MediaField;
  folder: string;
  file: SentFile;
}

function postFile(seat: Seat, { field, folder, file }: FileToPost, options: FileOptions): Message {
  const kept = keepFile(seat.world, { folder, ...file });
  const { text: caption, entities } = textContent(seat.world, options.caption ?? '', options);
  const words = caption ? { caption, ...(entities ? { caption_entities: entities } : {}) } : {};
  return postAs(seat, { ...mediaContent(field, kept, options.fields ?? {}), ...words }, options);
}

function postAs(seat: Seat, content: Record<string, unknown>, options: SayOptions = {}): Message {
  const message = buildMessage(seat, content, options);
  addEntry(seat.state, { message, byBot: false });
  if (isSeenByBot(seat, message)) seat.queue.push({ message });
  seat.world.changed();
  return message;
}

function buildMessage(seat: Seat, content: Record<string, unknown>, options: SayOptions): Message {
  const { world, state, user } = seat;
  return {
    message_id: takeMessageId(world, state),
    from: user,
    chat: state.chat,
    date: unixSeconds(world),
    ...threadAndReply(seat, options),
    ...forwardOrigin(world, options.forwardedFrom),
    ...(options.mediaGroup ? { media_group_id: options.mediaGroup } : {}),
    ...content,
    ...options.extra,
  };
}

/**
 * In a topic, a message that answers nothing still carries the topic's first message as what it answers; outside forums, supergroups
 * give answers a thread id that is no topic.
 */
function threadAndReply(seat: Seat, options: SayOptions): Partial<Message> {
  const { state, topic } = seat;
  const replied = options.replyTo === undefined ? undefined : needEntry(state, options.replyTo).message;
  const quote = options.quote === undefined ? {} : { quote: quoteOf(replied, options.quote) };
  if (topic !== undefined) {
    const shown = replied ?? (state.chat.type === 'private' ? undefined : state.entries.get(topic)?.message);
    const answers = shown ? { reply_to_message: asReplied(shown) } : {};
    return { message_thread_id: topic, is_topic_message: true, ...answers, ...quote };
  }
  if (replied === undefined) return {};
  const inThread = state.chat.type === 'supergroup' && !state.chat.is_forum;
  const thread = inThread ? { message_thread_id: replied.message_thread_id ?? replied.message_id } : {};
  return { ...thread, reply_to_message: asReplied(replied), ...quote };
}

function quoteOf(replied: Message | undefined, text: string) {
  return {
    text,
    position: Math.max((replied?.text ?? replied?.caption ?? '').indexOf(text), 0),
    is_manual: true,
  } as const;
}

function forwardOrigin(world: World, from: User | string | undefined): Record<string, unknown> {
  if (from === undefined) return {};
  const date = unixSeconds(world) - 3_600;
  const origin =
    typeof from === 'string'
      ? { type: 'hidden_user', date, sender_user_name: from }
      : { type: 'user', date, sender_user: from };
  return { forward_origin: origin };
}

/** Privacy mode: https://core.telegram.org/bots/features#privacy-mode (read 2026-11-21) */
function isSeenByBot({ world, state, user }: Seat, message: Message): boolean {
  if (user.id === world.bot.id || state.bot === 'left' || state.bot === 'kicked') return false;
  if (state.closed !== undefined) return false;
  if (state.chat.type === 'private' || world.me.can_read_all_group_messages || state.bot === 'administrator')
    return true;
  // Bots never see what other bots say there.
  if (user.is_bot) return false;
  if (message.reply_to_message?.from?.id === world.bot.id) return true;
  const text = message.text ?? message.caption ?? '';
  const named = text.toLowerCase().includes(`@${(world.bot.username ?? '').toLowerCase()}`);
  const entities = message.entities ?? message.caption_entities ?? [];
  return named || message.text === undefined || entities.some((entity) => entity.type === 'bot_command');
}

function editOwnText(seat: Seat, messageId: number, text: string): Message {
  const entry = needEntry(seat.state, messageId);
  if (entry.message.from?.id !== seat.user.id) throw new Error('people edit only their own messages');
  const { text: before, entities: _, ...rest } = entry.message;
  entry.earlier.push(before ?? '');
  const edited = { ...rest, edit_date: unixSeconds(seat.world), ...textContent(seat.world, text, {}) } as Message;
  entry.message = edited;
  if (isSeenByBot(seat, edited)) seat.queue.push({ edited_message: edited });
  seat.world.changed();
  return edited;
}

function pressButton(seat: Seat, messageId: number, data: string): string {
  const { message, byBot } = needEntry(seat.state, messageId);
  const buttons: InlineKeyboardButton[] = message.reply_markup?.inline_keyboard.flat() ?? [];
  const isIt = (button: InlineKeyboardButton) => 'callback_data' in button && button.callback_data === data;
  if (!byBot || !buttons.some(isIt)) throw new Error(`message ${messageId} has no button with the data ${data}`);
  const id = `${randomInt(1e12, 1e14)}${randomInt(1e4, 1e5)}`;
  seat.world.callbacks.set(id, { id, data, answered: false, text: undefined, alert: false });
  seat.queue.push({
    callback_query: { id, from: seat.user, message, chat_instance: String(seat.state.chat.id), data },
  });
  seat.world.changed();
  return id;
}

const reactionsOf = new WeakMap<ChatEntry, Map<number, string>>();

function reactTo(seat: Seat, messageId: number, emoji: string | undefined): void {
  const entry = needEntry(seat.state, messageId);
  const given = reactionsOf.get(entry) ?? new Map<number, string>();
  reactionsOf.set(entry, given);
  const asList = (one: string | undefined) => (one === undefined ? [] : [{ type: 'emoji', emoji: one }]);
  const before = asList(given.get(seat.user.id));
  if (emoji === undefined) given.delete(seat.user.id);
  else given.set(seat.user.id, emoji);
  const update: Record<string, unknown> = {
    chat: seat.state.chat,
    message_id: messageId,
    user: seat.user,
    date: unixSeconds(seat.world),
    old_reaction: before,
    new_reaction: asList(emoji),
  };
  seat.queue.push({ message_reaction: update });
  seat.world.changed();
}
