// Sends, edits, drafts and reactions as Bot API calls.
import type { InlineKeyboardMarkup, Message, ReplyParameters } from 'grammy/types';
import type { DraftUpdate, OutboundMessage, SendFailure, SendResult } from '../contract.ts';
import { parseMarkdown, plainText, type Block } from '../markdown.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageId, type MessageId } from '../../shared/ids.ts';
import type { Address, Button, StoredFile } from '../../shared/messages.ts';
import type { Redactor } from '../../shared/redact.ts';
import { UPLOAD_TIMEOUT_MS, type TelegramApi } from './api.ts';
import { MAX_CAPTION_CHARS, MAX_TEXT_CHARS } from './capabilities.ts';
import { partlySent, UnsendableError } from '../transport/failures.ts';
import { expectFile, safeFileName } from '../transport/files.ts';
import { explainFailure, isApiError } from './errors.ts';
import type { Limiter } from './limiter.ts';
import { findReaction } from './reactions.ts';
import { countHtmlChars, renderHtml } from './render.ts';
import { escapeHtml } from '../../shared/text.ts';

/** "1-64 bytes" (InlineKeyboardButton.callback_data). */
const MAX_CALLBACK_BYTES = 64;
/** A rate limit in the middle of a message of several pieces is waited for up to here, so that it need not stay half sent. */
const MAX_PIECE_WAIT_MS = 60_000;
const MAX_PIECE_ATTEMPTS = 4;

export interface OutboundDeps {
  api: TelegramApi;
  limiter: Limiter;
  redactor: Redactor;
  clock: Clock;
}

/** Parameters that every send of a message has. */
interface Common {
  chat_id: number | string;
  message_thread_id?: number;
  disable_notification?: boolean;
  reply_parameters?: ReplyParameters;
  reply_markup?: InlineKeyboardMarkup;
}

interface Text {
  text: string;
  parse_mode?: 'HTML';
}

/** One call that makes one message. */
type Piece = (signal: AbortSignal) => Promise<Message>;

export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const ids: MessageId[] = [];
  try {
    for (const piece of await makePieces(deps, to, message)) {
      const sent = await sendPiece(deps, to, piece, { signal, mayWait: ids.length > 0 });
      ids.push(messageId(String(sent.message_id)));
    }
    return { ok: true, ids };
  } catch (error) {
    return partlySent(ids, explainFailure(error, deps.redactor));
  }
}

async function sendPiece(
  deps: OutboundDeps,
  to: Address,
  piece: Piece,
  { signal, mayWait }: { signal: AbortSignal; mayWait: boolean },
): Promise<Message> {
  for (let attempt = 1; ; attempt++) {
    try {
      await deps.limiter.acquire(to.chat, to.kind, signal);
      return await piece(signal);
    } catch (error) {
      const { code, retryAfterMs = 0 } = explainFailure(error, deps.redactor);
      const isWorthWaiting = mayWait && code === 'rate_limited' && retryAfterMs <= MAX_PIECE_WAIT_MS;
      if (!isWorthWaiting || attempt >= MAX_PIECE_ATTEMPTS) throw error;
      await deps.clock.sleep(retryAfterMs, signal);
    }
  }
}

/** The calls of one message: its text, or its first file with the text as caption, then its other files. */
async function makePieces(deps: OutboundDeps, to: Address, message: OutboundMessage): Promise<readonly Piece[]> {
  for (const file of message.files) await expectFile(file);
  const keyboard = makeKeyboard(message.buttons);
  const first = makeCommon(to, message);
  const later = makeCommon(to, { ...message, replyTo: undefined });
  const hasText = plainText(message.body).trim() !== '';
  const [firstFile] = message.files;
  if (!firstFile && !hasText) throw new UnsendableError('bad_request', 'The message is empty.');
  const text = hasText ? renderText(message.body, message.plain) : undefined;
  const textPiece = (common: Common): Piece[] => (text ? [(signal) => sendText(deps, common, text, signal)] : []);
  if (!firstFile) return textPiece({ ...first, ...keyboard });
  const isCaption = text !== undefined && firstFile.kind !== 'sticker' && countChars(text) <= MAX_CAPTION_CHARS;
  const files = message.files.map((file, i): Piece => {
    const isHead = i === 0 && (isCaption || !text);
    const common = isHead ? { ...first, ...keyboard } : later;
    return (signal) => sendFile(deps, common, { file, caption: isHead && isCaption ? text : undefined }, signal);
  });
  return isCaption || !text ? files : [...textPiece({ ...first, ...keyboard }), ...files];
}

function sendText(deps: OutboundDeps, common: Common, text: Text, signal: AbortSignal): Promise<Message> {
  return followMigration(common, (chat) =>
    deps.api.run((raw) => raw.sendMessage({ ...common, ...text, ...chat }), { signal }),
  );
}

function sendFile(
  deps: OutboundDeps,
  common: Common,
  { file, caption }: { file: StoredFile; caption?: Text | undefined },
  signal: AbortSignal,
): Promise<Message> {
  const captioned = caption
    ? { caption: caption.text, ...(caption.parse_mode && { parse_mode: caption.parse_mode }) }
    : {};
  const options = { signal, timeoutMs: UPLOAD_TIMEOUT_MS };
  return followMigration(common, (chat) => {
    // grammY writes the name as it is; without quotes a space would end it.
    const input = deps.api.file(file.path, `"${safeFileName(file.name)}"`);
    const args = { ...common, ...captioned, ...chat };
    return deps.api.run((raw): Promise<Message> => {
      switch (file.kind) {
        case 'image':
          return raw.sendPhoto({ ...args, photo: input });
        case 'audio':
          return raw.sendAudio({ ...args, audio: input });
        case 'voice':
          return raw.sendVoice({ ...args, voice: input });
        case 'video':
          return raw.sendVideo({ ...args, video: input });
        case 'sticker':
          return raw.sendSticker({ ...common, ...chat, sticker: input });
        case 'document':
          return raw.sendDocument({ ...args, document: input });
      }
    }, options);
  });
}

/** A group that became a supergroup has a new id, which the refusal names (ResponseParameters.migrate_to_chat_id). */
async function followMigration<T>(
  common: Common,
  call: (chat: { chat_id: number | string }) => Promise<T>,
): Promise<T> {
  try {
    return await call({ chat_id: common.chat_id });
  } catch (error) {
    const moved = isApiError(error) ? error.parameters.migrate_to_chat_id : undefined;
    if (moved === undefined) throw error;
    return call({ chat_id: moved });
  }
}

function makeCommon(to: Address, message: Pick<OutboundMessage, 'replyTo' | 'silent'>): Common {
  const reply = message.replyTo === undefined ? undefined : toInteger(message.replyTo);
  const thread = to.thread === undefined ? undefined : toInteger(to.thread);
  return {
    chat_id: toChatId(to.chat),
    ...(thread !== undefined && { message_thread_id: thread }),
    ...(message.silent && { disable_notification: true }),
    ...(reply !== undefined && { reply_parameters: { message_id: reply, allow_sending_without_reply: true } }),
  };
}

function toChatId(chat: string): number | string {
  return toInteger(chat) ?? chat;
}

function toInteger(text: string): number | undefined {
  const number = Number(text);
  return /^-?\d+$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
}

function makeKeyboard(rows: readonly (readonly Button[])[]): { reply_markup?: InlineKeyboardMarkup } {
  const shown = rows.filter((row) => row.length > 0);
  if (shown.length === 0) return {};
  const inline_keyboard = shown.map((row) =>
    row.map(({ label, data }) => {
      const bytes = Buffer.byteLength(data);
      if (bytes < 1 || bytes > MAX_CALLBACK_BYTES) {
        throw new UnsendableError(
          'bad_request',
          `A button carries ${bytes} bytes; 1 to ${MAX_CALLBACK_BYTES} are allowed.`,
        );
      }
      return { text: label, callback_data: data };
    }),
  );
  return { reply_markup: { inline_keyboard } };
}

/** Refuses here what Telegram would refuse, so that nothing is sent that cannot be taken. */
function renderText(body: readonly Block[], plain: boolean): Text {
  const text: Text = plain ? { text: plainText(body) } : { text: renderHtml(body), parse_mode: 'HTML' };
  const chars = countChars(text);
  if (chars > MAX_TEXT_CHARS)
    throw new UnsendableError('too_long', `The text has ${chars} characters; ${MAX_TEXT_CHARS} are allowed.`);
  return text;
}

function countChars(text: Text): number {
  return text.parse_mode ? countHtmlChars(text.text) : text.text.length;
}

export async function editMessage(
  deps: OutboundDeps,
  { to, id, message }: { to: Address; id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    const message_id = toInteger(id);
    if (message_id === undefined) throw new UnsendableError('not_found', 'This is no message of Telegram.');
    const target = { chat_id: toChatId(to.chat), message_id, ...makeKeyboard(message.buttons) };
    const text = renderText(message.body, message.plain);
    try {
      await deps.api.run((raw) => raw.editMessageText({ ...target, ...text }), { signal });
    } catch (error) {
      if (!saysDescription(error, /no text in the message/i)) throw error;
      const caption = { caption: text.text, ...(text.parse_mode && { parse_mode: text.parse_mode }) };
      await deps.api.run((raw) => raw.editMessageCaption({ ...target, ...caption }), { signal });
    }
    return { ok: true, ids: [id] };
  } catch (error) {
    // It already reads as it should.
    if (saysDescription(error, /message is not modified/i)) return { ok: true, ids: [id] };
    return explainFailure(error, deps.redactor);
  }
}

function saysDescription(error: unknown, pattern: RegExp): boolean {
  return isApiError(error) && error.error_code === 400 && pattern.test(error.description);
}

/** A preview that vanishes by itself. Dropped rather than queued when the rate limit is near. */
export async function sendDraft(
  deps: OutboundDeps,
  to: Address,
  update: DraftUpdate,
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    const chat_id = toInteger(to.chat);
    if (to.kind !== 'dm' || chat_id === undefined)
      throw new UnsendableError('unsupported', 'Drafts are for private chats only.');
    const thread = to.thread === undefined ? undefined : toInteger(to.thread);
    const args = {
      chat_id,
      draft_id: draftId(update.key),
      ...(thread !== undefined && { message_thread_id: thread }),
      text: renderDraft(update),
      parse_mode: 'HTML' as const,
    };
    await deps.api.run((raw) => raw.sendMessageDraft(args), { signal });
    return { ok: true, ids: [] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

function renderDraft({ text, tools }: DraftUpdate): string {
  const body = renderHtml(parseMarkdown(text));
  const status = tools.map((tool) => `<i>${escapeHtml(tool)} …</i>`).join('\n');
  // The status lines are the first to go when the text alone fills the message.
  const hasRoom = text.length + tools.join('').length + 8 * tools.length < 4_000;
  return [body, hasRoom ? status : ''].filter(Boolean).join('\n\n');
}

/** Non-zero and the same for all updates of a turn (FNV-1a over the key, 31 bits). */
function draftId(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash & 0x7fffffff || 1;
}

export async function setReaction(
  deps: OutboundDeps,
  to: Address,
  id: MessageId,
  emoji: string | undefined,
): Promise<SendResult> {
  try {
    const message_id = toInteger(id);
    if (message_id === undefined) throw new UnsendableError('not_found', 'This is no message of Telegram.');
    const wanted = emoji === undefined ? undefined : findReaction(emoji);
    if (emoji !== undefined && !wanted) throw new UnsendableError('unsupported', 'Telegram has no such reaction.');
    const reaction = wanted ? [wanted] : [];
    const args = { chat_id: toChatId(to.chat), message_id, reaction };
    await deps.api.run((raw) => raw.setMessageReaction(args));
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

export async function showTyping(deps: OutboundDeps, to: Address): Promise<SendFailure | undefined> {
  const thread = to.thread === undefined ? undefined : toInteger(to.thread);
  const args = {
    chat_id: toChatId(to.chat),
    action: 'typing' as const,
    ...(thread !== undefined && { message_thread_id: thread }),
  };
  try {
    await deps.api.run((raw) => raw.sendChatAction(args));
    return undefined;
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}
