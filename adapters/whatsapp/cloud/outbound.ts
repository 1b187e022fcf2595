// Sends and reactions as calls of the Cloud API.
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import type { OutboundMessage, SendResult } from '../../contract.ts';
import { partlySent } from '../../transport/failures.ts';
import { plainText } from '../../markdown.ts';
import type { Clock } from '../../../shared/clock.ts';
import { messageId, type MessageId } from '../../../shared/ids.ts';
import type { Address, StoredFile } from '../../../shared/messages.ts';
import { CLOUD_HARD_MAX_CHARS, MAX_CAPTION_CHARS } from '../capabilities.ts';
import type { RecentMessages } from '../recent.ts';
import { renderText } from '../render.ts';
import { explainFailure, SendError } from '../send-error.ts';
import type { CloudApi } from './api.ts';
import { CloudError, toSendError } from './errors.ts';
import { describeFile } from './files.ts';
import { makeInteractive } from './interactive.ts';

export interface OutboundDeps {
  api: CloudApi;
  recent: RecentMessages;
  clock: Clock;
}

/** One message: its type and the field of that name, without where it goes. */
interface Piece {
  body: { type: string } & Record<string, unknown>;
  /** How it is quoted later. */
  text: string;
  file?: StoredFile | undefined;
}

export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const ids: MessageId[] = [];
  try {
    if (signal.aborted) throw new SendError('unreachable', 'no', 'Cancelled before it was sent.');
    const pieces = await makePieces(message);
    for (const [i, piece] of pieces.entries()) {
      const replyTo = i === 0 ? message.replyTo : undefined;
      ids.push(await sendPiece(deps, { to, piece, replyTo }, signal));
    }
    return { ok: true, ids };
  } catch (error) {
    return partlySent(ids, explainFailure(toSendError(error)));
  }
}

/** The text with its buttons, or the first file with the text as its caption, then the other files. */
async function makePieces({ body, plain, files, buttons }: OutboundMessage): Promise<Piece[]> {
  for (const file of files) await expectFile(file);
  const text = plainText(body).trim() === '' ? '' : renderText(body, plain);
  if (text === '' && files.length === 0) throw new SendError('bad_request', 'no', 'The message is empty.');
  if (text.length > CLOUD_HARD_MAX_CHARS) {
    const said = `The text has ${text.length} characters; ${CLOUD_HARD_MAX_CHARS} are allowed.`;
    throw new SendError('too_long', 'no', said);
  }
  const shown = buttons.flat();
  const [first] = files;
  const isCaption =
    first !== undefined && shown.length === 0 && describeFile(first).hasCaption && text.length <= MAX_CAPTION_CHARS;
  const pieces = files.map((file, i) => filePiece(file, i === 0 && isCaption ? text : ''));
  if (isCaption || text === '') return pieces;
  return [...(shown.length === 0 ? [textPiece(text)] : interactivePieces(text, shown)), ...pieces];
}

function textPiece(text: string): Piece {
  return { body: { type: 'text', text: { body: text, preview_url: false } }, text };
}

function interactivePieces(text: string, buttons: OutboundMessage['buttons'][number]): Piece[] {
  const { before, parts } = makeInteractive(text, buttons);
  return [
    ...(before === undefined ? [] : [textPiece(before)]),
    ...parts.map((interactive) => ({ body: { type: 'interactive', interactive }, text })),
  ];
}

function filePiece(file: StoredFile, caption: string): Piece {
  const { type, voice } = describeFile(file);
  const fields = {
    ...(caption !== '' && { caption }),
    ...(type === 'document' && { filename: file.name }),
    ...(voice && { voice: true }),
  };
  return { body: { type, [type]: fields }, text: caption || `[${file.kind}]`, file };
}

async function expectFile(file: StoredFile): Promise<void> {
  const found = await stat(file.path).catch(() => undefined);
  if (!found?.isFile()) throw new SendError('bad_request', 'no', 'A file is not there any more.');
  if (found.size === 0) throw new SendError('bad_request', 'no', 'A file is empty.');
}

const sentSchema = z.looseObject({ messages: z.array(z.looseObject({ id: z.string().min(1) })).min(1) });

async function sendPiece(
  deps: OutboundDeps,
  { to, piece, replyTo }: { to: Address; piece: Piece; replyTo: MessageId | undefined },
  signal: AbortSignal,
): Promise<MessageId> {
  const body = piece.file ? await withUpload(deps, piece, piece.file, signal) : piece.body;
  const common = { messaging_product: 'whatsapp', recipient_type: 'individual', ...recipient(to.chat) };
  const context = replyTo === undefined ? {} : { context: { message_id: replyTo } };
  let answer: unknown;
  try {
    answer = await deps.api.post('messages', { ...common, ...context, ...body }, signal);
  } catch (error) {
    // What it answers is gone: an answer without a quote is better than none.
    if (replyTo === undefined || !isBadParameter(error)) throw error;
    answer = await deps.api.post('messages', { ...common, ...body }, signal);
  }
  const sent = sentSchema.safeParse(answer);
  const id = sent.success ? sent.data.messages[0]?.id : undefined;
  if (id === undefined) throw new SendError('unreachable', 'maybe', 'The Cloud API gave an answer without an id.');
  await deps.recent
    .add({ id, chat: to.chat, author: '', text: piece.text, at: deps.clock.now() })
    .catch(() => undefined);
  return messageId(id);
}

/** 100 and 131009: "one or more parameters are … invalid". */
function isBadParameter(error: unknown): boolean {
  return error instanceof CloudError && (error.apiCode === 100 || error.apiCode === 131009);
}

/** Rejects with SendError, reached 'no': a file that lies with Meta is no message yet. */
async function withUpload(
  { api }: OutboundDeps,
  { body }: Piece,
  file: StoredFile,
  signal: AbortSignal,
): Promise<Piece['body']> {
  try {
    const id = await api.upload({ path: file.path, name: file.name, mime: describeFile(file).mime }, signal);
    const fields = body[body.type];
    return { ...body, [body.type]: { ...(typeof fields === 'object' && fields), id } };
  } catch (error) {
    const { code, message, retryAfterMs } = toSendError(error);
    throw new SendError(code, 'no', message, retryAfterMs);
  }
}

/** A chat is known by its number, or by the business-scoped id of who hides it. */
export function recipient(chat: string): { to: string } | { recipient: string } {
  return /^\d+$/.test(chat) ? { to: chat } : { recipient: chat };
}

export async function setReaction(
  { api }: OutboundDeps,
  to: Address,
  id: MessageId,
  emoji: string | undefined,
): Promise<SendResult> {
  try {
    await api.post('messages', {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      ...recipient(to.chat),
      type: 'reaction',
      reaction: { message_id: id, emoji: emoji ?? '' },
    });
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(toSendError(error));
  }
}
