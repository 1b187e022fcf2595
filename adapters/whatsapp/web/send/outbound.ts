// Sends, edits and reactions as WhatsApp messages.
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { proto } from 'baileys';
import type { OutboundMessage, SendResult } from '../../../contract.ts';
import { partlySent } from '../../../transport/failures.ts';
import { plainText } from '../../../markdown.ts';
import { sha256Hex } from '../../../../shared/digest.ts';
import { systemClock, type Clock } from '../../../../shared/clock.ts';
import { withDeadline } from '../../../../shared/deadline.ts';
import { messageId, type MessageId } from '../../../../shared/ids.ts';
import type { Address, StoredFile } from '../../../../shared/messages.ts';
import { EDIT_MAX_AGE_MS, MAX_CAPTION_CHARS, WEB_HARD_MAX_CHARS } from '../../capabilities.ts';
import type { RecentMessages } from '../../recent.ts';
import { renderText } from '../../render.ts';
import { explainFailure, SendError } from '../../send-error.ts';
import { isMe, jidOfChat, type Me } from '../addresses.ts';
import { uploadMedia, type UploadInfo } from '../media/transfer.ts';
import { describeFile, makeMediaMessage } from '../media/message.ts';
import type { Relay } from './relay.ts';

// proto.Message.ProtocolMessage.Type; the enum itself would load Baileys.
const MESSAGE_EDIT = 14;
const REACTION_TIMEOUT_MS = 30_000;

export interface OutboundDeps {
  /** A message as bytes, to be kept. */
  encode(message: proto.IMessage): Uint8Array;
  relay: Relay;
  recent: RecentMessages;
  clock: Clock;
  fetch: typeof fetch;
  me(): Me | undefined;
  /** Where files go. Rejects with SendError. */
  uploadInfo(): Promise<UploadInfo>;
}

/** One message of WhatsApp. */
interface Piece {
  text: string;
  file?: StoredFile | undefined;
  replyTo?: MessageId | undefined;
}

export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const ids: MessageId[] = [];
  try {
    const pieces = await makePieces(message);
    for (const [i, piece] of pieces.entries()) {
      const id = makeMessageId(pieces.length === 1 ? message.key : `${message.key}#${i}`);
      await sendPiece(deps, to, { ...piece, id }, signal);
      ids.push(messageId(id));
    }
    return { ok: true, ids };
  } catch (error) {
    return partlySent(ids, explainFailure(error));
  }
}

/** The same for every attempt, in the form of WhatsApp Web's own ids: its readers keep one message per sender and id. */
export function makeMessageId(key: string): string {
  return `3EB0${sha256Hex(key, 18).toUpperCase()}`;
}

/** The text, or the first file with the text as its caption, then the other files. */
async function makePieces({ body, plain, files, replyTo }: OutboundMessage): Promise<Piece[]> {
  for (const file of files) await expectFile(file);
  const text = plainText(body).trim() === '' ? '' : renderText(body, plain);
  if (text === '' && files.length === 0) throw new SendError('bad_request', 'no', 'The message is empty.');
  if (text.length > WEB_HARD_MAX_CHARS) {
    const said = `The text has ${text.length} characters; ${WEB_HARD_MAX_CHARS} are allowed.`;
    throw new SendError('too_long', 'no', said);
  }
  const [first, ...others] = files;
  const isCaption = first !== undefined && describeFile(first).hasCaption && text.length <= MAX_CAPTION_CHARS;
  const pieces: Piece[] = isCaption
    ? [{ text, file: first }]
    : [...(text === '' ? [] : [{ text }]), ...(first ? [{ text: '', file: first }] : [])];
  pieces.push(...others.map((file) => ({ text: '', file })));
  return pieces.map((piece, i) => (i === 0 ? { ...piece, replyTo } : piece));
}

async function expectFile(file: StoredFile): Promise<void> {
  const found = await stat(file.path).catch(() => undefined);
  if (!found?.isFile()) throw new SendError('bad_request', 'no', 'A file is not there any more.');
  if (found.size === 0) throw new SendError('bad_request', 'no', 'A file is empty.');
}

async function sendPiece(
  deps: OutboundDeps,
  to: Address,
  piece: Piece & { id: string },
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) throw new SendError('unreachable', 'no', 'Cancelled before it was sent.');
  const content = await makeContent(deps, piece, makeContext(deps, to, piece.replyTo), signal);
  await remember(deps, to, piece, content);
  await deps.relay.send(jidOfChat(to.chat), content, { id: piece.id, signal });
}

async function makeContent(
  deps: OutboundDeps,
  { text, file }: Piece,
  contextInfo: proto.IContextInfo | undefined,
  signal: AbortSignal,
): Promise<proto.IMessage> {
  // As the official clients do: lets readers report a message without giving away the chat's keys.
  const messageContextInfo = { messageSecret: randomBytes(32) };
  if (!file) return { extendedTextMessage: { text, ...(contextInfo && { contextInfo }) }, messageContextInfo };
  const info = await deps.uploadInfo();
  const { type } = describeFile(file);
  const uploaded = await uploadMedia({ fetch: deps.fetch, info }, { path: file.path, type }, signal);
  const parts = { uploaded, caption: text, contextInfo, now: deps.clock.now() };
  return { ...(await makeMediaMessage(file, parts)), messageContextInfo };
}

/** Kept before it is sent: whoever cannot decrypt it asks for it again. */
async function remember(
  deps: OutboundDeps,
  to: Address,
  { id, text, file }: Piece & { id: string },
  content: proto.IMessage,
): Promise<void> {
  const quote = text === '' ? `[${file?.kind ?? 'file'}]` : text;
  // Not keeping it costs a quote or a repeat; the message itself is not held up for that.
  await deps.recent
    .add({ id, chat: to.chat, author: '', text: quote, at: deps.clock.now() }, deps.encode(content))
    .catch(() => undefined);
}

/** What is answered, and when it vanishes. What is not known any more cannot be quoted: the answer goes out without. */
function makeContext(
  { recent, me }: OutboundDeps,
  to: Address,
  replyTo: MessageId | undefined,
): proto.IContextInfo | undefined {
  const expiration = recent.lastOf(to.chat)?.expiration;
  const vanishing = expiration ? { expiration } : {};
  const quoted = replyTo === undefined ? undefined : recent.find(to.chat, replyTo);
  const own = me();
  if (replyTo === undefined || !quoted || !own) return expiration ? vanishing : undefined;
  const participant = quoted.author === '' ? `${own.phone}@s.whatsapp.net` : quoted.author;
  return { ...vanishing, stanzaId: replyTo, participant, quotedMessage: { conversation: quoted.text } };
}

export async function editMessage(
  deps: OutboundDeps,
  { to, id, message }: { to: Address; id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    const sent = deps.recent.ours(id);
    if (!sent) throw new SendError('not_found', 'no', 'This message was not sent from here, or long ago.');
    if (deps.clock.now() - sent.at > EDIT_MAX_AGE_MS)
      throw new SendError('unsupported', 'no', 'WhatsApp lets a message be edited for 15 minutes only.');
    const text = renderText(message.body, message.plain);
    if (text.length > WEB_HARD_MAX_CHARS) throw new SendError('too_long', 'no', 'The text is too long.');
    const jid = jidOfChat(to.chat);
    const edit: proto.IMessage = {
      protocolMessage: {
        key: { remoteJid: jid, fromMe: true, id },
        type: MESSAGE_EDIT,
        editedMessage: { extendedTextMessage: { text } },
        timestampMs: deps.clock.now(),
      },
    };
    await deps.relay.send(jid, edit, { id: makeMessageId(`${id} ${text}`), attributes: { edit: '1' }, signal });
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error);
  }
}

export async function setReaction(
  deps: OutboundDeps,
  to: Address,
  id: MessageId,
  emoji: string | undefined,
): Promise<SendResult> {
  try {
    const target = deps.recent.find(to.chat, id);
    const own = deps.me();
    if (!target || !own) throw new SendError('not_found', 'no', 'This message is not known any more.');
    const jid = jidOfChat(to.chat);
    const fromMe = target.author === '' || isMe(target.author, own);
    const isInGroup = to.kind === 'group' && !fromMe;
    const reaction: proto.IMessage = {
      reactionMessage: {
        key: { remoteJid: jid, fromMe, id, ...(isInGroup && { participant: target.author }) },
        text: emoji ?? '',
        senderTimestampMs: deps.clock.now(),
      },
    };
    const key = `${id} ${emoji ?? ''} ${deps.clock.now()}`;
    await withDeadline({ clock: systemClock, timeoutMs: REACTION_TIMEOUT_MS }, (signal) =>
      deps.relay.send(jid, reaction, { id: makeMessageId(key), signal }),
    );
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error);
  }
}
