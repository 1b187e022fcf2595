// Sends, edits, reactions and typing as calls of the server.
import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import type { OutboundMessage, SendResult } from '../contract.ts';
import { plainText, type Block } from '../markdown.ts';
import type { MessageId } from '../../shared/ids.ts';
import type { Address, StoredFile } from '../../shared/messages.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { SignalApi } from './api.ts';
import { MAX_TEXT_BYTES } from './capabilities.ts';
import { UnsendableError } from '../transport/failures.ts';
import { expectFile } from '../transport/files.ts';
import { ApiError, explainFailure, RecipientError } from './errors.ts';
import { makeMessageId, OWN_AUTHOR, parseMessageId, type MessageKey } from './ids.ts';
import { isSelf } from './text/inbound-text.ts';
import type { Known } from './receive/receiver.ts';
import { renderRich } from './text/render.ts';
import { toStyledText } from './text/styled.ts';

/** In normal mode signal-cli may have to wait for a poll to end, and takes seconds to start. */
const SEND_TIMEOUT_MS = 120_000;
/** Deadline of an upload: 100 MB at 2 Mbit/s. */
const UPLOAD_TIMEOUT_MS = 420_000;

export interface OutboundDeps {
  api: SignalApi;
  number: string;
  known: Known;
  redactor: Redactor;
  /** Told whenever Signal wants a captcha, and with undefined when a message went out. */
  onChallenge(tokens: readonly string[] | undefined): void;
}

interface Text {
  message: string;
  text_mode: 'normal' | 'styled';
}

export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  return settle(deps, async () => {
    for (const file of message.files) await expectFile(file);
    const text = renderText(message.body, message.plain);
    if (text.message === '' && message.files.length === 0)
      throw new UnsendableError('bad_request', 'The message is empty.');
    const fields = { ...makeEnvelope(deps, to), ...text, ...makeQuote(deps, message.replyTo) };
    const send = () => post(deps, { to, fields, files: message.files }, signal);
    const timestamp = isOwnChat(deps, to) ? await deps.known.ownSends.track(send) : await send();
    return remember(deps, timestamp, message.body);
  });
}

export async function editMessage(
  deps: OutboundDeps,
  { to, id, message }: { to: Address; id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  return settle(deps, async () => {
    const original = expectKey(id);
    if (original.author !== OWN_AUTHOR) throw new UnsendableError('forbidden', 'This message is not ours.');
    const { revisions } = deps.known;
    const fields = {
      ...makeEnvelope(deps, to),
      ...renderText(message.body, message.plain),
      edit_timestamp: revisions.latestOf(OWN_AUTHOR, original.timestamp),
    };
    const edit = () => post(deps, { to, fields, files: [] }, signal);
    const timestamp = isOwnChat(deps, to) ? await deps.known.ownSends.track(edit) : await edit();
    await revisions.remember(OWN_AUTHOR, original.timestamp, timestamp);
    deps.known.texts.set(id, plainText(message.body));
    return [id];
  });
}

export async function setReaction(
  deps: OutboundDeps,
  to: Address,
  id: MessageId,
  emoji: string | undefined,
): Promise<SendResult> {
  return settle(deps, async () => {
    const target = expectKey(id);
    await deps.api.call({
      method: emoji === undefined ? 'DELETE' : 'POST',
      path: `/v1/reactions/${encodeURIComponent(deps.number)}`,
      body: {
        recipient: to.chat,
        target_author: authorOf(deps, target),
        timestamp: target.timestamp,
        ...(emoji !== undefined && { reaction: emoji }),
      },
    });
    return [id];
  });
}

/** Rejects when it could not be shown or hidden. */
export async function setTyping(deps: OutboundDeps, to: Address, isShown: boolean): Promise<void> {
  await deps.api.call({
    method: isShown ? 'PUT' : 'DELETE',
    path: `/v1/typing-indicator/${encodeURIComponent(deps.number)}`,
    body: { recipient: to.chat },
    timeoutMs: 10_000,
  });
}

async function settle(deps: OutboundDeps, run: () => Promise<readonly MessageId[]>): Promise<SendResult> {
  try {
    const ids = await run();
    deps.onChallenge(undefined);
    return { ok: true, ids };
  } catch (error) {
    if (error instanceof ApiError && error.challengeTokens.length > 0) deps.onChallenge(error.challengeTokens);
    return explainFailure(error, deps.redactor);
  }
}

function expectKey(id: MessageId): MessageKey {
  const key = parseMessageId(id);
  if (!key) throw new UnsendableError('not_found', 'This is no message of Signal.');
  return key;
}

function authorOf(deps: OutboundDeps, key: MessageKey): string {
  return key.author === OWN_AUTHOR ? deps.number : key.author;
}

function isOwnChat({ known }: OutboundDeps, to: Address): boolean {
  return isSelf({ uuid: to.chat, number: to.chat }, known.people.self);
}

function makeEnvelope(deps: OutboundDeps, to: Address) {
  return { number: deps.number, recipients: [to.chat] };
}

function makeQuote(deps: OutboundDeps, replyTo: MessageId | undefined) {
  const key = replyTo === undefined ? undefined : parseMessageId(replyTo);
  if (!replyTo || !key) return {};
  const text = deps.known.texts.get(replyTo);
  return {
    quote_timestamp: key.timestamp,
    quote_author: authorOf(deps, key),
    // Apps show the message that they have; this is for those who do not have it.
    ...(text !== undefined && { quote_message: text }),
  };
}

/** Refuses what the server would cut in two. The mode is always said: its default is a setting of the server. */
function renderText(body: readonly Block[], isPlain: boolean): Text {
  const message = plainText(body);
  const bytes = Buffer.byteLength(message);
  if (bytes > MAX_TEXT_BYTES)
    throw new UnsendableError('too_long', `The text has ${bytes} bytes; ${MAX_TEXT_BYTES} are shown.`);
  const styled = isPlain ? undefined : toStyledText(renderRich(body));
  return styled === undefined ? { message, text_mode: 'normal' } : { message: styled, text_mode: 'styled' };
}

// The server answers with a list, its swagger says an object.
const sentSchema = z.looseObject({
  timestamp: z.union([z.string().regex(/^\d+$/), z.number()]).transform(Number),
  errors: z
    .looseObject({ recipients: z.array(z.looseObject({ reason: z.string().nullish() })).nullish() })
    .nullish()
    .catch(undefined),
});
const answerSchema = z.union([z.array(sentSchema).min(1), sentSchema.transform((one) => [one])]);

/** Resolves with the timestamp that names the message. */
async function post(
  deps: OutboundDeps,
  { to, fields, files }: { to: Address; fields: Record<string, unknown>; files: readonly StoredFile[] },
  signal: AbortSignal,
): Promise<number> {
  const answer = await deps.api.call({
    method: 'POST',
    path: '/v2/send',
    body: files.length === 0 ? fields : streamBody(fields, files),
    signal,
    timeoutMs: files.length === 0 ? SEND_TIMEOUT_MS : UPLOAD_TIMEOUT_MS,
  });
  const [sent] = answerSchema.parse(answer);
  if (!sent) throw new Error('The server did not say what it sent.');
  const failed = sent.errors?.recipients ?? [];
  // In a group it reached the others; a person has nobody else.
  if (to.kind === 'dm' && failed.length > 0) throw new RecipientError(failed[0]?.reason ?? 'unknown reason');
  return sent.timestamp;
}

function remember(deps: OutboundDeps, timestamp: number, body: readonly Block[]): readonly MessageId[] {
  const id = makeMessageId({ author: OWN_AUTHOR, timestamp });
  deps.known.texts.set(id, plainText(body));
  return [id];
}

/** The request piece by piece: base64 of all files at once would take their size in memory several times over. */
function streamBody(fields: Record<string, unknown>, files: readonly StoredFile[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(writeBody(fields, files));
}

async function* writeBody(
  fields: Record<string, unknown>,
  files: readonly StoredFile[],
): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(`${JSON.stringify(fields).slice(0, -1)},"base64_attachments":[`);
  for (const [i, file] of files.entries()) {
    const head = `data:${safeMime(file.mime)};filename=${safeFileName(file.name)};base64,`;
    yield Buffer.from(`${i > 0 ? ',' : ''}${JSON.stringify(head).slice(0, -1)}`);
    let rest = Buffer.alloc(0);
    const bytes: AsyncIterable<Buffer> = createReadStream(file.path);
    for await (const chunk of bytes) {
      // Three bytes are four characters: only what cannot be divided waits for the next chunk.
      const all = Buffer.concat([rest, chunk]);
      const whole = all.length - (all.length % 3);
      rest = all.subarray(whole);
      yield Buffer.from(all.subarray(0, whole).toString('base64'));
    }
    yield Buffer.from(`${rest.toString('base64')}"`);
  }
  yield Buffer.from(']}');
}

/** The server makes a file of this name, and reads the head of the data up to the next semicolon or comma. */
function safeFileName(name: string): string {
  const safe = name
    .toWellFormed()
    .replace(/[\p{Cc}"\\/;,:]+/gu, '_')
    .replace(/^\.+/, '_');
  return safe.slice(-120).toWellFormed() || 'file';
}

function safeMime(mime: string): string {
  return /^[\w.+-]+\/[\w.+-]+$/.test(mime) ? mime : 'application/octet-stream';
}
