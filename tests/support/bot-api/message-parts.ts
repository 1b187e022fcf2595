// What messages of the bot carry beside their text: keyboards, what they answer, the topic they stand in.
import type { InlineKeyboardButton, InlineKeyboardMarkup, Message, TextQuote } from 'grammy/types';
import { badRequest, isRecord, type ApiRequest } from './http.ts';
import { readInteger, readRecord } from './params.ts';
import { findEntry, type ChatState } from './world.ts';

const MAX_BUTTONS = 100;
/** https://core.telegram.org/bots/api#inlinekeyboardbutton (read 2026-11-21) */
const MAX_CALLBACK_BYTES = 64;
const BUTTON_ACTIONS: readonly string[] = [
  'url',
  'callback_data',
  'web_app',
  'login_url',
  'switch_inline_query',
  'switch_inline_query_current_chat',
  'switch_inline_query_chosen_chat',
  'copy_text',
  'callback_game',
  'pay',
];

/** The inline keyboard; undefined for none and for other kinds of reply markup, which messages do not show. */
export function readInlineKeyboard(request: ApiRequest): InlineKeyboardMarkup | undefined {
  const markup = readRecord(request, 'reply_markup');
  const rows = markup?.['inline_keyboard'];
  if (rows === undefined) return undefined;
  if (!Array.isArray(rows) || !rows.every(Array.isArray))
    throw badRequest("can't parse inline keyboard button: expected an Array of Array of InlineKeyboardButton");
  const keyboard = rows.map((row) => row.map(readButton)).filter((row) => row.length > 0);
  if (keyboard.flat().length > MAX_BUTTONS) throw badRequest('reply markup is too long');
  return keyboard.length === 0 ? undefined : { inline_keyboard: keyboard };
}

function readButton(value: unknown): InlineKeyboardButton {
  if (!isRecord(value)) throw badRequest("can't parse inline keyboard button: expected an Object");
  const { text, callback_data: data, url } = value;
  if (typeof text !== 'string') throw badRequest('can\'t parse inline keyboard button: Can\'t find field "text"');
  if (text.trim() === '') throw badRequest('inline keyboard button text must be non-empty');
  if (!BUTTON_ACTIONS.some((name) => value[name] !== undefined))
    throw badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard");
  if (data !== undefined && (typeof data !== 'string' || data === '' || Buffer.byteLength(data) > MAX_CALLBACK_BYTES))
    throw badRequest('BUTTON_DATA_INVALID');
  if (url !== undefined && (typeof url !== 'string' || !/^(https?|tg|ton):\/\/[^\s]+$/i.test(url)))
    throw badRequest(`inline keyboard button URL '${typeof url === 'string' ? url : ''}' is invalid: Wrong HTTP URL`);
  return value as unknown as InlineKeyboardButton;
}

export interface ReplyParts {
  reply_to_message?: NonNullable<Message['reply_to_message']>;
  quote?: TextQuote;
}

/** @throws ApiError 400 when what it answers is not there, unless that is allowed. */
export function readReply(request: ApiRequest, state: ChatState): ReplyParts {
  const parameters = readRecord(request, 'reply_parameters');
  const messageId = parameters?.['message_id'];
  if (parameters === undefined || typeof messageId !== 'number') return {};
  const entry = findEntry(state, messageId);
  if (entry === undefined) {
    if (parameters['allow_sending_without_reply'] === true) return {};
    throw badRequest('message to be replied not found');
  }
  const quote = parameters['quote'];
  if (typeof quote !== 'string' || quote === '') return { reply_to_message: asReplied(entry.message) };
  const position = (entry.message.text ?? entry.message.caption ?? '').indexOf(quote);
  if (position < 0) throw badRequest('QUOTE_TEXT_INVALID');
  return { reply_to_message: asReplied(entry.message), quote: { text: quote, position, is_manual: true } };
}

/** A message as another one shows it: without what it answers itself. */
export function asReplied(message: Message): NonNullable<Message['reply_to_message']> {
  const { reply_to_message: _, ...rest } = message;
  return { ...rest, reply_to_message: undefined } as NonNullable<Message['reply_to_message']>;
}

export interface ThreadParts {
  message_thread_id?: number;
  is_topic_message?: boolean;
}

/** @throws ApiError 400 for a thread that is no topic of this chat. */
export function readThread(request: ApiRequest, state: ChatState): ThreadParts {
  const thread = readInteger(request, 'message_thread_id');
  if (thread === undefined || thread === 0) return {};
  if (!state.topics.has(thread)) throw badRequest('message thread not found');
  return { message_thread_id: thread, is_topic_message: true };
}
