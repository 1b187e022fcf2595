// What the messages of one send hold: bodies of "Create Message", https://docs.discord.com/developers/resources/message#create-message,
// read 2026-11-21.
import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  ButtonStyle,
  ComponentType,
  MessageFlags,
  type APIActionRowComponent,
  type APIButtonComponent,
  type RESTPostAPIChannelMessageJSONBody,
} from 'discord.js';
import type { OutboundMessage } from '../../contract.ts';
import { plainText } from '../../markdown.ts';
import type { Button, StoredFile } from '../../../shared/messages.ts';
import { takePrefix } from '../../../shared/text.ts';
import { MAX_FILES } from '../capabilities.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { isSnowflake } from '../snowflake.ts';
import { expectFile, safeFileName } from '../../transport/files.ts';
import { renderParts } from './render.ts';
import { readVoiceNote } from './voice-note.ts';

/** "Can have up to five of them [rows]", each "up to 5 buttons", https://docs.discord.com/developers/components/reference#action-row. */
const MAX_ROWS = 5;
const MAX_BUTTONS_PER_ROW = 5;
/** "Max 80 characters" (label), "1-100 characters" (custom_id), https://docs.discord.com/developers/components/reference#button. */
const MAX_LABEL_CHARS = 80;
const MAX_DATA_CHARS = 100;
/** "up to 25 characters". */
const MAX_NONCE_CHARS = 25;

/** One message. */
export interface Piece {
  body: RESTPostAPIChannelMessageJSONBody;
  files: readonly StoredFile[];
}

export type Rows = APIActionRowComponent<APIButtonComponent>[];

/** Nobody is called by what an answer happens to say; only the person who is answered. */
export const ALLOWED_MENTIONS = { parse: [], replied_user: true };

export interface PieceOptions {
  /** Lets Discord open links for previews. */
  linkPreviews: boolean;
}

/** The messages of one send, in order: text, then files with the last of it, then voice messages. Throws UnsendableError. */
export async function makePieces(message: OutboundMessage, options: PieceOptions): Promise<readonly Piece[]> {
  for (const file of message.files) await expectFile(file);
  const hasText = plainText(message.body).trim() !== '';
  const texts = hasText ? renderParts(message.body, message.plain) : [];
  const voices = message.files.filter(isVoiceMessage);
  const batches = splitEvery(
    message.files.filter((file) => !isVoiceMessage(file)),
    MAX_FILES,
  );
  const components = makeRows(message.buttons);
  if (texts.length === 0 && message.files.length === 0)
    throw new UnsendableError('bad_request', 'The message is empty.');

  const pieces: Piece[] = texts.map((content) => ({ body: { content }, files: [] }));
  const [first, ...rest] = batches;
  if (first) {
    // The first files go with the end of the text.
    const last = pieces.pop();
    pieces.push({ body: { ...last?.body, attachments: describeFiles(first) }, files: first });
  }
  for (const files of rest) pieces.push({ body: { attachments: describeFiles(files) }, files });
  const holder = pieces.at(-1);
  if (holder && components.length > 0) holder.body.components = components;
  for (const file of voices) pieces.push(await makeVoicePiece(file));
  pieces.forEach((piece, i) => finish(piece, message, { ...options, index: i }));
  return pieces;
}

function finish(piece: Piece, message: OutboundMessage, options: PieceOptions & { index: number }): void {
  const flags =
    (piece.body.flags ?? 0) |
    (message.silent ? MessageFlags.SuppressNotifications : 0) |
    (options.linkPreviews || piece.body.content === undefined ? 0 : MessageFlags.SuppressEmbeds);
  Object.assign(piece.body, {
    allowed_mentions: ALLOWED_MENTIONS,
    // A second send with the same nonce answers with the message of the first one.
    nonce: makeNonce(message.key, options.index),
    enforce_nonce: true,
    ...(flags !== 0 && { flags }),
    ...(options.index === 0 &&
      message.replyTo !== undefined &&
      isSnowflake(message.replyTo) && {
        message_reference: { message_id: message.replyTo, fail_if_not_exists: false },
      }),
  });
}

/** The same for every attempt at the same message. */
export function makeNonce(key: string, index: number): string {
  return createHash('sha256').update(`${key}\n${index}`).digest('base64url').slice(0, MAX_NONCE_CHARS);
}

function describeFiles(files: readonly StoredFile[]) {
  return files.map((file, i) => ({ id: String(i), filename: safeFileName(file.name) }));
}

/** The container that Discord's own clients record; its player shows nothing else as a voice message. */
function isVoiceMessage(file: StoredFile): boolean {
  return file.kind === 'voice' && /^audio\/(?:ogg|opus)\b/i.test(file.mime);
}

async function makeVoicePiece(file: StoredFile): Promise<Piece> {
  const { seconds, waveform } = readVoiceNote(await readFile(file.path));
  const attachment = { id: '0', filename: safeFileName(file.name), duration_secs: seconds, waveform };
  return { body: { flags: MessageFlags.IsVoiceMessage, attachments: [attachment] }, files: [file] };
}

/** Rows of buttons, wrapped to what a row holds. Throws UnsendableError. */
export function makeRows(rows: readonly (readonly Button[])[]): Rows {
  const wrapped = rows.flatMap((row) => splitEvery(row, MAX_BUTTONS_PER_ROW));
  if (wrapped.length > MAX_ROWS)
    throw new UnsendableError('bad_request', `The buttons need ${wrapped.length} rows; ${MAX_ROWS} are allowed.`);
  return wrapped.map((row) => ({ type: ComponentType.ActionRow, components: row.map(makeButton) }));
}

function makeButton({ label, data }: Button): APIButtonComponent {
  if (data.length < 1 || data.length > MAX_DATA_CHARS)
    throw new UnsendableError(
      'bad_request',
      `A button carries ${data.length} characters; 1 to ${MAX_DATA_CHARS} are allowed.`,
    );
  const shown = label.length > MAX_LABEL_CHARS ? `${takePrefix(label, MAX_LABEL_CHARS - 1, 'utf16')}…` : label;
  return { type: ComponentType.Button, style: ButtonStyle.Secondary, label: shown, custom_id: data };
}

/** The body as a form when files go with it. */
export async function makeForm(body: object, files: readonly StoredFile[]): Promise<FormData> {
  const form = new FormData();
  form.append('payload_json', JSON.stringify(body));
  for (const [i, file] of files.entries())
    form.append(`files[${i}]`, await openAsBlob(file.path, { type: file.mime }), safeFileName(file.name));
  return form;
}

function splitEvery<Item>(items: readonly Item[], size: number): Item[][] {
  const parts: Item[][] = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}
