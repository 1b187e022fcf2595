// Fetches one mail in pieces: its header, what it consists of, and the parts that are text. Files stay where they are until they are opened.
import type { FetchMessageObject, ImapFlow } from 'imapflow';
import PostalMime from 'postal-mime';
import type { AttachmentRef } from '../../../shared/messages.ts';
import { describeCalendar } from '../inbound/calendar.ts';
import { htmlToText } from '../inbound/html-text.ts';
import type { RawMail } from '../inbound/read-mail.ts';
import { mediaKindOf, readStructure, type MailPart, type MailStructure } from '../inbound/structure.ts';
import { UnreadableMailError } from '../errors.ts';
import { firstOf, parseHeaders, type HeaderBlock } from '../headers.ts';
import { readMessageIds } from '../ids.ts';
import { makeFileRef, type MailPlace } from './files.ts';

/** Real headers have 5 to 30 kB. */
const MAX_HEADER_BYTES = 256 * 1024;
/** Of each text part. A longer one is offered as a file. */
const MAX_TEXT_BYTES = 1024 * 1024;

export interface FetchedHeader {
  message: FetchMessageObject;
  headers: HeaderBlock;
  headerBytes: Uint8Array;
}

/** Header and structure; undefined when the mail is gone. Rejects when the connection fails. */
export async function fetchHeader(client: ImapFlow, uid: number): Promise<FetchedHeader | undefined> {
  const message = await client.fetchOne(
    String(uid),
    {
      uid: true,
      size: true,
      internalDate: true,
      bodyStructure: true,
      bodyParts: [{ key: 'header', start: 0, maxLength: MAX_HEADER_BYTES }],
    },
    { uid: true },
  );
  if (!message) return undefined;
  const headerBytes = message.headers ?? message.bodyParts?.get('header') ?? new Uint8Array();
  return { message, headerBytes, headers: parseHeaders(headerBytes, headerBytes.length >= MAX_HEADER_BYTES) };
}

/** The rest of a mail that is worth reading. Rejects when the connection fails. */
export async function fetchMail(
  client: ImapFlow,
  header: FetchedHeader,
  options: { place: MailPlace; maxBytes: number },
): Promise<RawMail> {
  const { message, headers, headerBytes } = header;
  const structure = readStructure(message.bodyStructure);
  const notes: string[] = [];
  const tooLong: MailPart[] = [];
  const texts: string[] = [];
  for (const { plain, html } of structure.texts) {
    const text = await fetchText(client, message.uid, [plain, html]);
    if (text === undefined) tooLong.push(...[plain ?? html].flatMap((part) => part ?? []));
    else if (text.trim() !== '') texts.push(text.trimEnd());
  }
  for (const part of structure.files.filter((one) => one.type === 'text/calendar').slice(0, 2))
    notes.push(describeCalendar(await fetchPart(client, message.uid, part)));
  const files = message.size !== undefined && message.size > options.maxBytes ? [] : [...tooLong, ...structure.files];
  notes.push(...describeLosses(structure, files, tooLong));
  const [id] = readMessageIds(firstOf(headers, 'message-id'));
  return {
    headers,
    headerBytes,
    arrivedAt: dateOf(message.internalDate),
    text: texts.join('\n\n'),
    notes: notes.filter((note) => note !== ''),
    attachments: files.map((part) => describeFile(part, { ...options.place, uid: message.uid, id })),
  };
}

export function dateOf(value: Date | string | undefined): number {
  const time = value === undefined ? Number.NaN : new Date(value).getTime();
  return Number.isFinite(time) ? time : Date.now();
}

function describeLosses(
  structure: MailStructure,
  files: readonly MailPart[],
  tooLong: readonly MailPart[],
): readonly string[] {
  const lost = structure.files.length + tooLong.length - files.length;
  return [
    tooLong.length > 0 && files.length > 0
      ? '(The text of this mail is too long to be read here; it is attached.)'
      : '',
    lost > 0
      ? `(${lost === 1 ? 'An attachment was' : `${lost} attachments were`} left out: the mail is too large.)`
      : '',
    structure.leftOut > 0 ? `(${structure.leftOut} more parts of this mail were left out.)` : '',
  ];
}

function describeFile(part: MailPart, place: MailPlace & { uid: number; id: string | undefined }): AttachmentRef {
  return {
    kind: mediaKindOf(part.type),
    ref: makeFileRef({ ...place, part: part.part }),
    name: part.name,
    mime: part.type,
    bytes: part.bytes,
  };
}

/** The first form that says something, as text; undefined when it is longer than what is read. */
async function fetchText(
  client: ImapFlow,
  uid: number,
  forms: readonly (MailPart | undefined)[],
): Promise<string | undefined> {
  for (const part of forms) {
    if (!part) continue;
    if (part.bytes > MAX_TEXT_BYTES) return undefined;
    const decoded = await fetchPart(client, uid, part);
    const text = part.type === 'text/html' ? htmlToText(decoded) : decoded.replace(/\r\n?/g, '\n');
    if (text.trim() !== '') return text;
  }
  return '';
}

/** One text part, decoded; '' when there is no such part. */
async function fetchPart(client: ImapFlow, uid: number, { part, type }: MailPart): Promise<string> {
  const isWhole = part === '1';
  // Of a mail with one part only, "1.MIME" means nothing: its fields are those of the mail itself.
  const keys = [`${part}.mime`, { key: part, start: 0, maxLength: MAX_TEXT_BYTES }];
  const message = await client.fetchOne(
    String(uid),
    { uid: true, bodyParts: isWhole ? [...keys, { key: 'header', start: 0, maxLength: MAX_HEADER_BYTES }] : keys },
    { uid: true },
  );
  // Gone since, or told so that it could not be read; the next try shows which.
  if (!message || !message.bodyParts) throw new UnreadableMailError('the server told nothing of a part');
  const body = message.bodyParts.get(part);
  if (!body) return '';
  const own = parseHeaders(message.bodyParts.get(`${part}.mime`) ?? new Uint8Array());
  const fields =
    firstOf(own, 'content-type') === undefined && isWhole ? parseHeaders(message.headers ?? new Uint8Array()) : own;
  return decodePart(fields, body, type);
}

/** Transfer encoding, charset and flowed lines are the library's, which gets this part as a mail of its own. */
async function decodePart(fields: HeaderBlock, body: Uint8Array, type: string): Promise<string> {
  const parameters = (firstOf(fields, 'content-type') ?? '').replace(/^[^;]*/, '').slice(0, 2_000);
  const isHtml = type === 'text/html';
  // Any other type would become an attachment, or a tree of parts.
  const head = [
    `Content-Type: ${isHtml ? 'text/html' : 'text/plain'}${parameters}`,
    `Content-Transfer-Encoding: ${(firstOf(fields, 'content-transfer-encoding') ?? '7bit').slice(0, 100)}`,
  ];
  const mail = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
  const parsed = await PostalMime.parse(mail);
  return (isHtml ? parsed.html : parsed.text) ?? '';
}
