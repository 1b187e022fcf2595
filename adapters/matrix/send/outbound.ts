// Sends, edits and signs of life. A message's key is the transaction id: what was sent already is not sent again by the same device.
import { openAsBlob } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { messageId, type MessageId } from '../../../shared/ids.ts';
import type { Address, StoredFile } from '../../../shared/messages.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { MatrixApi } from '../api.ts';
import { TYPING_TTL_MS } from '../capabilities.ts';
import type { OutboundMessage, SendResult } from '../../contract.ts';
import { sealFile } from '../crypto/attachments.ts';
import type { Encryption } from '../crypto/encryption.ts';
import { NotCalledError, partlySent, UnsendableError } from '../../transport/failures.ts';
import { BeforeSendError, explainFailure } from '../errors.ts';
import { isEventId, isRoomId, readMxc } from '../ids.ts';
import type { KnownMessages } from '../receive/known-messages.ts';
import type { Rooms } from '../receive/rooms.ts';
import {
  makeEdit,
  makeFile,
  makeSticker,
  makeText,
  type Content,
  type Relation,
  type UploadedFile,
} from './content.ts';
import { replaceReaction } from './reactions.ts';

export interface OutboundDeps {
  api: MatrixApi;
  rooms: Rooms;
  known: KnownMessages;
  encryption: Encryption;
  redactor: Redactor;
  /** Asked when it is not known yet. */
  identify(): Promise<string>;
  signal: AbortSignal;
}

interface Event {
  type: 'm.room.message' | 'm.sticker';
  content: Content;
}

const sentSchema = z.looseObject({ event_id: z.string().refine(isEventId) });
const uploadedSchema = z.looseObject({ content_uri: z.string().refine((uri) => readMxc(uri) !== undefined) });

/** Never rejects. */
export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const ids: MessageId[] = [];
  try {
    const room = await openRoom(deps, to, signal);
    for await (const event of makeEvents(deps, { to, message, room, signal })) {
      const id = await sendEvent(deps, room, { event, txn: `${message.key}.${ids.length}`, signal });
      ids.push(messageId(id));
    }
    if (ids.length === 0) throw new UnsendableError('bad_request', 'The message is empty.');
    return { ok: true, ids };
  } catch (error) {
    return partlySent(ids, explainFailure(error, deps.redactor));
  }
}

interface OpenRoom {
  id: string;
  /** Then nothing goes out in the clear. */
  isEncrypted: boolean;
}

async function openRoom({ rooms }: OutboundDeps, to: Address, signal: AbortSignal): Promise<OpenRoom> {
  if (signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
  if (!isRoomId(to.chat)) throw new UnsendableError('not_found', 'There is no such room.');
  try {
    return { id: to.chat, isEncrypted: await rooms.isEncrypted(to.chat, signal) };
  } catch (error) {
    throw new BeforeSendError(error);
  }
}

interface Making {
  to: Address;
  message: OutboundMessage;
  room: OpenRoom;
  signal: AbortSignal;
}

async function* makeEvents(deps: OutboundDeps, { to, message, room, signal }: Making): AsyncGenerator<Event> {
  const [first] = message.files;
  const relation = relationOf(deps, to, message);
  const hasCaption = message.files.length === 1 && first !== undefined && first.kind !== 'sticker';
  const text = hasCaption ? undefined : makeText(message, relation);
  const blobs = await Promise.all(message.files.map(async (file) => ({ file, blob: await readBlob(file) })));
  if (text) yield { type: 'm.room.message', content: text };
  const after = { ...relation, replyTo: undefined, author: undefined };
  for (const [index, { file, blob }] of blobs.entries()) {
    const at = await upload(deps, { file, blob, room }, signal);
    const own = index === 0 && !text ? relation : after;
    yield file.kind === 'sticker'
      ? { type: 'm.sticker', content: makeSticker({ file, at }, own) }
      : { type: 'm.room.message', content: makeFile({ file, at }, hasCaption ? message : undefined, own) };
  }
}

function relationOf({ known }: OutboundDeps, to: Address, { replyTo }: OutboundMessage): Relation {
  // An id of another platform or of a row of ours would be refused as a whole.
  const reply = replyTo !== undefined && isEventId(replyTo) ? replyTo : undefined;
  const thread = to.thread !== undefined && isEventId(to.thread) ? to.thread : undefined;
  const author = reply === undefined || to.kind === 'dm' ? undefined : known.peek(to.chat, reply)?.sender;
  return { thread, replyTo: reply, author };
}

async function readBlob({ path, mime }: StoredFile): Promise<Blob> {
  try {
    return await openAsBlob(path, { type: mime });
  } catch {
    throw new UnsendableError('bad_request', 'A file of the message cannot be read.');
  }
}

async function upload(
  { api }: OutboundDeps,
  { file, blob, room }: { file: StoredFile; blob: Blob; room: OpenRoom },
  signal: AbortSignal,
): Promise<UploadedFile['at']> {
  const call = { method: 'POST' as const, path: ['media', 'v3', 'upload'], signal };
  try {
    if (room.isEncrypted) {
      const { bytes, file: keys } = await sealFile(blob);
      const { content_uri: url } = uploadedSchema.parse(await api.run({ ...call, body: bytes }));
      return { file: { ...keys, url } };
    }
    const answer = await api.run({ ...call, query: { filename: file.name }, body: blob });
    return { url: uploadedSchema.parse(answer).content_uri };
  } catch (error) {
    throw new BeforeSendError(error);
  }
}

async function sendEvent(
  { api, encryption }: OutboundDeps,
  room: OpenRoom,
  { event, txn, signal }: { event: Event; txn: string; signal: AbortSignal },
): Promise<string> {
  const { type, content } = room.isEncrypted
    ? await encryption.seal({ room: room.id, ...event }, signal).catch((error: unknown) => {
        throw new BeforeSendError(error);
      })
    : event;
  const path = ['client', 'v3', 'rooms', room.id, 'send', type, txn];
  const answer = await api.run({ method: 'PUT', path, body: content, signal });
  return sentSchema.parse(answer).event_id;
}

/** Never rejects. */
export async function editMessage(
  deps: OutboundDeps,
  { to, id, message }: { to: Address; id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    const content = makeEdit(id, message);
    const room = await openRoom(deps, to, signal);
    // Servers take an edit of anything, and clients would then not show it.
    const original = isEventId(id) ? await deps.known.find(room.id, id, signal) : undefined;
    if (original?.sender !== (await deps.identify()))
      throw new UnsendableError('not_found', 'There is no such message of ours.');
    // Not the key: an edit there and back again has three edits, two of them alike. One too many does no harm.
    await sendEvent(deps, room, { event: { type: 'm.room.message', content }, txn: randomUUID(), signal });
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

/** Never rejects. */
export async function setReaction(
  deps: OutboundDeps,
  to: Address,
  id: MessageId,
  emoji: string | undefined,
): Promise<SendResult> {
  try {
    const { signal } = deps;
    const room = await openRoom(deps, to, signal);
    if (!isEventId(id)) throw new UnsendableError('not_found', 'There is no such message.');
    // Apps send them in the clear everywhere, as their relation is.
    await replaceReaction(deps.api, { room: room.id, message: id, me: await deps.identify(), signal }, emoji);
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

/** Never rejects. */
export async function showTyping(deps: OutboundDeps, to: Address, isTyping: boolean): Promise<void> {
  try {
    const path = ['client', 'v3', 'rooms', to.chat, 'typing', await deps.identify()];
    const body = isTyping ? { typing: true, timeout: TYPING_TTL_MS } : { typing: false };
    await deps.api.run({ method: 'PUT', path, body, signal: deps.signal });
  } catch {
    // It only shows that we are alive.
  }
}
