// What people do in the chats of the loopback Bot API server.
import { randomBytes } from 'node:crypto';
import type { MediaKind } from '../../shared/messages.ts';
import { detectEntities, type FakeEntity } from './bot-api-html.ts';
import { mediaFields } from './bot-api-media.ts';
import { ADA, type BotApiState, type FakeMessage, type FakeUser } from './bot-api-state.ts';

export interface SayOptions {
  text?: string | undefined;
  /** Chat id; default: the private chat with the sender. */
  chat?: number | undefined;
  from?: FakeUser | undefined;
  replyTo?: number | undefined;
  thread?: number | undefined;
  file?: { kind: MediaKind; name: string; mime: string; bytes: Uint8Array } | undefined;
  /** More than what is found in the text by itself. */
  entities?: readonly FakeEntity[] | undefined;
  /** Further fields of the message, such as media_group_id or forward_origin. */
  extra?: Record<string, unknown> | undefined;
}

export function say(state: BotApiState, options: SayOptions): FakeMessage {
  const from = options.from ?? ADA;
  const chat = state.chats.get(options.chat ?? from.id);
  if (!chat) throw new Error(`there is no chat ${options.chat ?? from.id}`);
  const replied = options.replyTo === undefined ? undefined : state.messages.get(chat.id)?.get(options.replyTo);
  const text = options.text ?? '';
  const entities = [...detectEntities(text), ...(options.entities ?? [])];
  const { file } = options;
  const content = file
    ? {
        ...mediaFields(file.kind, state.addFile({ ...file, folder: file.kind })),
        ...(text !== '' && { caption: text, ...(entities.length > 0 && { caption_entities: entities }) }),
      }
    : { ...(text !== '' && { text }), ...(entities.length > 0 && { entities }) };
  const message = state.addMessage({
    message_id: state.nextMessageId(),
    from,
    chat,
    date: nowSeconds(),
    ...(options.thread !== undefined && { message_thread_id: options.thread, is_topic_message: true as const }),
    ...(replied && { reply_to_message: withoutReply(replied) }),
    ...content,
    ...options.extra,
  });
  state.enqueue('message', message);
  return message;
}

export function editSaid(state: BotApiState, chat: number, messageId: number, text: string): FakeMessage {
  const message = state.messages.get(chat)?.get(messageId);
  if (!message) throw new Error(`there is no message ${messageId} in chat ${chat}`);
  const { entities: _, ...rest } = message;
  const entities = detectEntities(text);
  const edited = state.addMessage({
    ...rest,
    message_id: message.message_id,
    date: message.date,
    chat: message.chat,
    from: message.from,
    text,
    ...(entities.length > 0 && { entities }),
    edit_date: nowSeconds(),
  });
  state.enqueue('edited_message', edited);
  return edited;
}

/** A press of a button of the bot's. Throws when there is no such button. */
export function press(state: BotApiState, chat: number, messageId: number, data: string, from: FakeUser = ADA): string {
  const message = state.messages.get(chat)?.get(messageId);
  const buttons = message?.reply_markup?.inline_keyboard.flat() ?? [];
  if (!message || !buttons.some((button) => button.callback_data === data))
    throw new Error(`message ${messageId} has no button ${data}`);
  const id = String(BigInt(`0x${randomBytes(7).toString('hex')}`));
  state.callbacks.set(id, { answered: false });
  state.enqueue('callback_query', { id, from, message: withoutReply(message), chat_instance: '1', data });
  return id;
}

function withoutReply(message: FakeMessage): FakeMessage {
  const { reply_to_message: _, ...flat } = message;
  return { ...flat, message_id: message.message_id, date: message.date, chat: message.chat, from: message.from };
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}
