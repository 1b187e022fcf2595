// Update → InboundMessage, or the reason why it is left out. Pure.
import type { InboundMessage } from '../contract.ts';
import { sha256Hex } from '../../shared/digest.ts';
import { chatId, messageId, threadId, userId, type AccountId } from '../../shared/ids.ts';
import type { AttachmentRef, ReplyRef } from '../../shared/messages.ts';
import { readText, type Bot } from './inbound-text.ts';
import { updateSchema, type TelegramCallbackQuery, type TelegramMessage, type TelegramUser } from './update-schema.ts';

/** Clients cut longer texts in several messages at 4096 characters, at a word if they find one. */
const PARTIAL_FROM_CHARS = 4_000;

export interface InboundContext {
  account: AccountId;
  /** Ourselves, from getMe. */
  bot: Bot;
  /** Time of reading, in ms since the epoch: a press of a button has none of its own. */
  now: number;
}

export type InboundResult =
  | {
      kind: 'message';
      message: InboundMessage;
      /** Of a press: what to answer once it is stored. */
      callbackId?: string | undefined;
    }
  | { kind: 'ignored'; reason: string }
  /** `reason` names the fields that are wrong, never their content. */
  | { kind: 'malformed'; reason: string };

export function readUpdate(raw: unknown, context: InboundContext): InboundResult {
  const parsed = updateSchema.safeParse(raw);
  if (!parsed.success) {
    const paths = parsed.error.issues.slice(0, 5).map((issue) => issue.path.join('.') || 'update');
    return { kind: 'malformed', reason: `unexpected ${[...new Set(paths)].join(', ')}` };
  }
  const { message, edited_message: edited, callback_query: press } = parsed.data;
  if (message) return readMessage(message, 'message', context);
  if (edited) return readMessage(edited, 'edit', context);
  if (press) return readPress(press, context);
  return { kind: 'ignored', reason: 'kind of update that is not used' };
}

function readMessage(message: TelegramMessage, kind: 'message' | 'edit', context: InboundContext): InboundResult {
  const refusal = reasonToIgnore(message, context);
  if (refusal) return { kind: 'ignored', reason: refusal };
  const { from, chat } = message;
  if (!from) return { kind: 'ignored', reason: 'no sender' };
  const attachments = readAttachments(message);
  const { text, isAddressed } = readText(message, context.bot, attachments.length > 0);
  if (text === '' && attachments.length === 0 && !message.text) return { kind: 'ignored', reason: 'service message' };
  const isDm = chat.type === 'private';
  const replyTo = readReply(message, context.bot);
  return {
    kind: 'message',
    message: {
      kind,
      account: context.account,
      chat: chatId(String(chat.id)),
      chatKind: isDm ? 'dm' : 'group',
      chatTitle: chat.title,
      thread: readThread(message),
      id: messageId(String(message.message_id)),
      revision: kind === 'edit' ? makeRevision(message) : '',
      sender: readSender(from),
      sentAt: message.date * 1_000,
      text,
      attachments,
      replyTo,
      addressed: isDm || isAddressed || replyTo?.mine === true,
      mediaGroup: message.media_group_id,
      ...((message.text?.length ?? 0) >= PARTIAL_FROM_CHARS && { partial: true }),
    },
  };
}

function reasonToIgnore(message: TelegramMessage, context: InboundContext): string | undefined {
  if (message.from && message.from.id === context.bot.id) return 'our own message';
  if (message.from?.is_bot) return 'sent by a bot';
  if (message.is_automatic_forward) return 'post of a linked channel';
  return ['private', 'group', 'supergroup'].includes(message.chat.type)
    ? undefined
    : `chat of type ${message.chat.type}`;
}

function readPress(press: TelegramCallbackQuery, context: InboundContext): InboundResult {
  const { message, data, from } = press;
  if (!message || data === undefined) return { kind: 'ignored', reason: 'press of a button that is not ours' };
  if (from.is_bot) return { kind: 'ignored', reason: 'sent by a bot' };
  return {
    kind: 'message',
    callbackId: press.id,
    message: {
      kind: 'button',
      account: context.account,
      chat: chatId(String(message.chat.id)),
      chatKind: message.chat.type === 'private' ? 'dm' : 'group',
      chatTitle: message.chat.title,
      thread: readThread(message),
      id: messageId(press.id),
      revision: '',
      sender: readSender(from),
      sentAt: context.now,
      text: '',
      attachments: [],
      addressed: true,
      button: { data, message: messageId(String(message.message_id)) },
    },
  };
}

function readSender(from: TelegramUser): InboundMessage['sender'] {
  const name = [from.first_name, from.last_name].filter(Boolean).join(' ');
  return { id: userId(String(from.id)), name, username: from.username, bot: from.is_bot };
}

/** Outside of forums `message_thread_id` only numbers a chain of replies. */
function readThread(message: { message_thread_id?: number | undefined; is_topic_message?: boolean | undefined }) {
  const { message_thread_id: thread, is_topic_message: isTopic } = message;
  return isTopic && thread !== undefined ? threadId(String(thread)) : undefined;
}

/** Two edits within one second have the same date, so the content has a part in it. A redelivery gives the same. */
function makeRevision(message: TelegramMessage): string {
  const content = JSON.stringify([message.text, message.caption, readAttachments(message).map((one) => one.ref)]);
  return `${message.edit_date ?? message.date}-${sha256Hex(content, 12)}`;
}

function readReply(message: TelegramMessage, bot: Bot): ReplyRef | undefined {
  const replied = message.reply_to_message;
  // In a topic every message "replies" to the one that created it.
  if (!replied || replied.forum_topic_created !== undefined) return undefined;
  if (message.is_topic_message && replied.message_id === message.message_thread_id) return undefined;
  return {
    message: messageId(String(replied.message_id)),
    text: message.quote?.text ?? replied.text ?? replied.caption,
    author: replied.from && readAuthor(replied.from),
    mine: replied.from?.id === bot.id,
  };
}

/** Our own words are quoted as those of "you", so nobody else may be called that. */
function readAuthor({ first_name: first, last_name: last }: TelegramUser): string {
  const name = [first, last].filter(Boolean).join(' ');
  return name.replace(/[^\p{L}]/gu, '').toLowerCase() === 'you' ? 'somebody called you' : name;
}

function readAttachments(message: TelegramMessage): readonly AttachmentRef[] {
  const { photo, animation, video_note: note, sticker } = message;
  const found: AttachmentRef[] = [];
  const largest = photo?.toSorted((a, b) => b.width * b.height - a.width * a.height)[0];
  if (largest) found.push({ kind: 'image', ref: largest.file_id, mime: 'image/jpeg', bytes: largest.file_size });
  // An animation comes with the same file as a document, for old clients.
  if (animation) found.push(readFile('video', animation, 'video/mp4'));
  else if (message.document) found.push(readFile('document', message.document));
  if (message.audio) found.push(readFile('audio', message.audio, 'audio/mpeg'));
  if (message.voice) found.push(readFile('voice', message.voice, 'audio/ogg'));
  if (message.video) found.push(readFile('video', message.video, 'video/mp4'));
  if (note) found.push(readFile('video', note, 'video/mp4'));
  if (sticker) {
    const mime = sticker.is_animated ? 'application/x-tgsticker' : sticker.is_video ? 'video/webm' : 'image/webp';
    found.push({ kind: 'sticker', ref: sticker.file_id, name: sticker.emoji, mime, bytes: sticker.file_size });
  }
  return found;
}

type TelegramFile = NonNullable<TelegramMessage['document']>;

function readFile(kind: AttachmentRef['kind'], file: TelegramFile, defaultMime?: string): AttachmentRef {
  return {
    kind,
    ref: file.file_id,
    name: file.file_name,
    mime: file.mime_type ?? defaultMime,
    bytes: file.file_size,
    durationMs: file.duration === undefined ? undefined : file.duration * 1_000,
  };
}
