// Methods that change what is there: edits, deletions, reactions, answers to button presses.
import type { InlineKeyboardMarkup, Message } from 'grammy/types';
import { CAPTION, MESSAGE_TEXT, readFormatted } from './entities.ts';
import { badRequest, isRecord, type ApiRequest } from './http.ts';
import type { ParsedText } from './html.ts';
import { readInlineKeyboard } from './message-parts.ts';
import { readFlag, readInteger, readList, readRecord, readText } from './params.ts';
import { findEntry, needChat, unixSeconds, type ChatEntry, type World } from './world.ts';

/** What non-premium accounts may react with. https://core.telegram.org/bots/api#reactiontypeemoji (read 2026-11-21) */
const REACTIONS: ReadonlySet<string> = new Set(
  (
    '❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 ' +
    '👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡'
  ).split(' '),
);

function needOwnEntry(world: World, request: ApiRequest): ChatEntry {
  const state = needChat(world, readText(request, 'chat_id'));
  const messageId = readInteger(request, 'message_id');
  if (messageId === undefined) throw badRequest('message identifier is not specified');
  const entry = findEntry(state, messageId);
  if (entry === undefined) throw badRequest('message to edit not found');
  if (!entry.byBot) throw badRequest("message can't be edited");
  return entry;
}

function needInlineKeyboard(request: ApiRequest): InlineKeyboardMarkup | undefined {
  const markup = readRecord(request, 'reply_markup');
  if (markup !== undefined && Object.keys(markup).length > 0 && markup['inline_keyboard'] === undefined)
    throw badRequest('inline keyboard expected');
  return readInlineKeyboard(request);
}

export function editMessageText(world: World, request: ApiRequest): Message {
  const formatted = readFormatted(request, MESSAGE_TEXT);
  const keyboard = needInlineKeyboard(request);
  const entry = needOwnEntry(world, request);
  if (entry.message.text === undefined) throw badRequest('there is no text in the message to edit');
  return applyEdit(world, entry, { names: ['text', 'entities'], formatted, keyboard, request });
}

export function editMessageCaption(world: World, request: ApiRequest): Message {
  const formatted = readFormatted(request, CAPTION);
  const keyboard = needInlineKeyboard(request);
  const entry = needOwnEntry(world, request);
  if (entry.message.text !== undefined) throw badRequest('there is no caption in the message to edit');
  return applyEdit(world, entry, { names: ['caption', 'caption_entities'], formatted, keyboard, request });
}

interface Edit {
  /** The fields that change: words and their entities. */
  names: readonly [keyof Message, keyof Message];
  formatted: ParsedText;
  keyboard: InlineKeyboardMarkup | undefined;
  request: ApiRequest;
}

function applyEdit(world: World, entry: ChatEntry, edit: Edit): Message {
  const { text, entities } = edit.formatted;
  const edited: Message = { ...entry.message };
  for (const name of [...edit.names, 'reply_markup'] as const) delete edited[name];
  const content = {
    ...(text === '' ? {} : { [edit.names[0]]: text }),
    ...(entities.length > 0 ? { [edit.names[1]]: entities } : {}),
    ...(edit.keyboard ? { reply_markup: edit.keyboard } : {}),
  };
  return storeEdit(world, entry, { ...edited, ...content }, readText(edit.request, 'parse_mode'));
}

/** Without reply_markup the keyboard goes. */
export function editMessageReplyMarkup(world: World, request: ApiRequest): Message {
  const keyboard = needInlineKeyboard(request);
  const entry = needOwnEntry(world, request);
  const { reply_markup: _, ...rest } = entry.message;
  const edited: Message = { ...rest, ...(keyboard ? { reply_markup: keyboard } : {}) };
  return storeEdit(world, entry, edited, entry.parseMode);
}

function storeEdit(world: World, entry: ChatEntry, edited: Message, parseMode: string): Message {
  const before = entry.message;
  const withoutDate = (message: Message) => JSON.stringify(sortKeys({ ...message, edit_date: undefined }));
  if (withoutDate(before) === withoutDate(edited))
    throw badRequest(
      'message is not modified: specified new message content and reply markup are exactly the same as a current ' +
        'content and reply markup of the message',
    );
  entry.earlier.push(before.text ?? before.caption ?? '');
  entry.message = { ...edited, edit_date: unixSeconds(world) };
  entry.parseMode = parseMode;
  world.changed();
  return entry.message;
}

function sortKeys(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function deleteMessage(world: World, request: ApiRequest): true {
  const state = needChat(world, readText(request, 'chat_id'));
  const entry = findEntry(state, readInteger(request, 'message_id'));
  if (entry === undefined) throw badRequest('message to delete not found');
  if (!entry.byBot && state.chat.type !== 'private' && state.bot !== 'administrator')
    throw badRequest("message can't be deleted for everyone");
  entry.deleted = true;
  world.changed();
  return true;
}

/** Ids that are not there are skipped. https://core.telegram.org/bots/api#deletemessages (read 2026-11-21) */
export function deleteMessages(world: World, request: ApiRequest): true {
  const state = needChat(world, readText(request, 'chat_id'));
  const ids = readList(request, 'message_ids') ?? [];
  if (ids.length === 0) throw badRequest('message identifiers are not specified');
  if (ids.length > 100) throw badRequest('too many messages specified');
  for (const id of ids) {
    const entry = findEntry(state, typeof id === 'number' ? id : undefined);
    if (entry) entry.deleted = true;
  }
  world.changed();
  return true;
}

export function answerCallbackQuery(world: World, request: ApiRequest): true {
  const callback = world.callbacks.get(readText(request, 'callback_query_id'));
  if (callback === undefined) throw badRequest('query is too old and response timeout expired or query ID is invalid');
  const text = readText(request, 'text');
  if (text.length > 200) throw badRequest('MESSAGE_TOO_LONG');
  callback.answered = true;
  callback.text = text === '' ? undefined : text;
  callback.alert = readFlag(request, 'show_alert');
  world.changed();
  return true;
}

export function setMessageReaction(world: World, request: ApiRequest): true {
  const state = needChat(world, readText(request, 'chat_id'));
  const entry = findEntry(state, readInteger(request, 'message_id'));
  if (entry === undefined) throw badRequest('message to react not found');
  const reactions = (readList(request, 'reaction') ?? []).map((reaction) => {
    if (!isRecord(reaction)) throw badRequest("can't parse reaction type: expected an Object");
    const { type, emoji } = reaction;
    if (type !== 'emoji' || typeof emoji !== 'string' || !REACTIONS.has(emoji)) throw badRequest('REACTION_INVALID');
    return emoji;
  });
  // Bots are no premium users: one reaction per message.
  if (reactions.length > 1) throw badRequest('REACTIONS_TOO_MANY');
  entry.reactions = reactions;
  world.changed();
  return true;
}
