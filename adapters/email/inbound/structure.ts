// Which parts of a mail are its text, and which are files, from the server's BODYSTRUCTURE: nothing is fetched for that.
import type { MessageStructureObject } from 'imapflow';
import { decodeWords } from 'postal-mime';
import { cleanText } from '../../../shared/text.ts';
import type { MediaKind } from '../../../shared/messages.ts';

export interface MailPart {
  /** As IMAP numbers it, such as 1.2. */
  part: string;
  /** Lower case, such as text/plain. */
  type: string;
  name: string | undefined;
  /** Size decoded, about. */
  bytes: number;
}

/** One piece of the text, in the forms that the mail has it in. */
export interface TextPart {
  plain: MailPart | undefined;
  html: MailPart | undefined;
}

export interface MailStructure {
  texts: readonly TextPart[];
  files: readonly MailPart[];
  /** Parts beyond what is read of one mail. */
  leftOut: number;
}

const MAX_DEPTH = 20;
const MAX_PARTS = 200;
const MAX_FILES = 20;
const MAX_TEXTS = 10;
const MAX_NAME_CHARS = 120;

export function readStructure(root: MessageStructureObject | undefined): MailStructure {
  const state: State = { parts: 0, leftOut: 0 };
  const found = root ? walk(root, 0, state) : { texts: [], files: [] };
  const leftOut =
    state.leftOut + Math.max(0, found.files.length - MAX_FILES) + Math.max(0, found.texts.length - MAX_TEXTS);
  return { texts: found.texts.slice(0, MAX_TEXTS), files: found.files.slice(0, MAX_FILES), leftOut };
}

interface State {
  parts: number;
  leftOut: number;
}

interface Found {
  texts: readonly TextPart[];
  files: readonly MailPart[];
}

const NOTHING: Found = { texts: [], files: [] };

function walk(node: MessageStructureObject, depth: number, state: State): Found {
  const type = node.type.toLowerCase();
  // A mail inside a mail stays a file.
  const children = type.startsWith('multipart/') ? (node.childNodes ?? []) : [];
  if (children.length === 0) {
    if (type.startsWith('multipart/')) return NOTHING;
    if (++state.parts > MAX_PARTS || depth > MAX_DEPTH) {
      state.leftOut++;
      return NOTHING;
    }
    return readLeaf(node, type);
  }
  if (depth > MAX_DEPTH) {
    state.leftOut++;
    return NOTHING;
  }
  const found = children.map((child) => walk(child, depth + 1, state));
  const files = found.flatMap((one) => one.files);
  const texts = found.flatMap((one) => one.texts);
  if (type !== 'multipart/alternative') return { texts, files };
  // The same words in several forms.
  const plain = texts.find((one) => one.plain)?.plain;
  const html = texts.findLast((one) => one.html)?.html;
  return { texts: plain || html ? [{ plain, html }] : [], files };
}

/** Signatures of the mail, which say nothing to a reader, and forms of its text that few programs show. */
const UNSHOWN = new Set([
  'application/pgp-signature',
  'application/pkcs7-signature',
  'application/x-pkcs7-signature',
  'text/x-amp-html',
  'text/watch-html',
]);

function readLeaf(node: MessageStructureObject, type: string): Found {
  if (UNSHOWN.has(type)) return NOTHING;
  const name = readName(node);
  const part: MailPart = { part: node.part ?? '1', type, name, bytes: decodedBytes(node) };
  const isShown = node.disposition?.toLowerCase() !== 'attachment' && name === undefined;
  if (isShown && type === 'text/plain') return { texts: [{ plain: part, html: undefined }], files: [] };
  if (isShown && type === 'text/html') return { texts: [{ plain: undefined, html: part }], files: [] };
  return { texts: [], files: [{ ...part, name: name ?? defaultName(part, node) }] };
}

/** RFC 2231 names come decoded from the client library; many senders write encoded words instead. */
function readName(node: MessageStructureObject): string | undefined {
  const raw = node.dispositionParameters?.['filename'] ?? node.parameters?.['name'];
  if (raw === undefined || raw.trim() === '') return undefined;
  const name = cleanText(decodeWords(raw))
    .replace(/[\r\n\t]+/g, ' ')
    .trim();
  return name === '' ? undefined : name.slice(-MAX_NAME_CHARS);
}

function defaultName(part: MailPart, node: MessageStructureObject): string {
  if (part.type === 'text/calendar') return 'invitation.ics';
  if (part.type === 'message/rfc822') {
    const subject = cleanText(node.envelope?.subject ?? '').replace(/[^\p{L}\p{N} ._-]+/gu, '_');
    return `${subject.slice(0, 60) || 'mail'}.eml`;
  }
  const ending = /^[a-z]+\/([a-z0-9]{2,5})$/.exec(part.type)?.[1] ?? 'bin';
  return `part-${part.part.replaceAll('.', '-')}.${ending === 'plain' ? 'txt' : ending}`;
}

function decodedBytes({ size = 0, encoding }: MessageStructureObject): number {
  // Lines of 76 characters and a line end.
  return encoding?.toLowerCase() === 'base64' ? Math.floor((size * 76 * 3) / (78 * 4)) : size;
}

/** What kind of file a type is. Opus and Ogg are what recorders of voice memos write. */
export function mediaKindOf(type: string): MediaKind {
  if (/^audio\/(?:ogg|opus)$/.test(type)) return 'voice';
  const top = type.split('/', 1)[0];
  return top === 'image' || top === 'audio' || top === 'video' ? top : 'document';
}
