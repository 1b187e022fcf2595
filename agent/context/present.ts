// How messages look to the model. The same functions serve the running turn and the stored history, so that a conversation reads the
// same in every request and cached prefixes hold.
import { readFile } from 'node:fs/promises';
import type { ContentPart, ModelMessage, ToolCall } from '../providers/types.ts';
import type { ToolOutcome } from '../journal.ts';
import type { TurnInput } from '../port.ts';
import type { Origin, StoredFile } from '../../shared/messages.ts';
import { cleanText, preview } from '../../shared/text.ts';
import { cutMiddle } from './cut.ts';
import { holdsOthersWords, isForwarded, quoteInFront } from './others.ts';

/** What a person said, from a turn's input or from the history. */
export interface Spoken {
  author: string;
  text: string;
  origin: Origin;
  files: readonly StoredFile[];
}

export interface PresentOptions {
  /** Prefix each message with its author. */
  group: boolean;
  /** Longest text of one message that the model sees, in UTF-16 units. */
  maxTextChars: number;
  /** Longest text file that is shown inline, in UTF-16 units. */
  maxFileChars: number;
  /** Images that may still be shown as such. */
  maxImages: number;
}

export interface Presented {
  parts: readonly ContentPart[];
  /** Whose words the parts hold. */
  origins: ReadonlySet<Origin>;
  images: number;
}

const QUOTE_CHARS = 500;
/** Image types: https://docs.anthropic.com/en/docs/vision (read 2026-11-21); others take at least these. */
const IMAGE_MIME: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);
/** 3.9 MB as base64, so that eight of them stay below the 32 MB that one request may have (same page). */
const MAX_IMAGE_BYTES = 2_900_000;
const TEXT_MIME = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|toml|javascript|x-sh|sql|x-ndjson)\b)/;
const TEXT_NAME =
  /\.(?:txt|md|csv|tsv|json|jsonl|ya?ml|toml|xml|html?|log|ini|conf|[jt]sx?|py|rb|go|rs|c|h|cpp|java|sh|sql)$/i;

/** An input's text as it is stored and shown: with the message that it answers quoted in front. */
export function inputText(input: TurnInput): string {
  if (!input.replyTo) return input.text;
  return quoteInFront(input.text, cleanName(input.replyTo.author), preview(cleanText(input.replyTo.text), QUOTE_CHARS));
}

/** One message of a person as parts of a model message. Reads its files; a file that is gone is described as such. */
export async function presentSpoken(spoken: Spoken, options: PresentOptions): Promise<Presented> {
  const origins = new Set<Origin>([spoken.origin]);
  const text = cutMiddle(cleanText(spoken.text), options.maxTextChars, 'this message');
  if (holdsOthersWords(text, options.group)) origins.add('foreign');
  const body =
    spoken.origin === 'foreign'
      ? fence(text, spoken.author)
      : isForwarded(text)
        ? fence(text, 'a forwarded message')
        : text;
  const parts: ContentPart[] = [];
  const prefix = options.group ? `[${cleanName(spoken.author)}] ` : '';
  // Some services refuse text of white space alone, and with it every later request that has it in its history.
  if ((prefix + body).trim() !== '') parts.push({ type: 'text', text: prefix + body });
  let images = 0;
  for (const file of spoken.files) {
    const part = await presentFile(file, { ...options, maxImages: options.maxImages - images });
    parts.push(part.content);
    if (part.content.type === 'image') images += 1;
    // What a file holds is not what the person says, whoever sent it.
    if (part.shown) origins.add('foreign');
  }
  if (parts.length === 0) parts.push({ type: 'text', text: '(empty message)' });
  return { parts, origins, images };
}

/** The result of a tool call as the model reads it. */
export function presentTool(call: Pick<ToolCall, 'id' | 'name'>, outcome: ToolOutcome): ModelMessage {
  const text = outcome.origin === 'foreign' ? fence(outcome.text, call.name) : outcome.text;
  return { role: 'tool', callId: call.id, name: call.name, text, isError: outcome.isError };
}

/** Marks text as data. The text cannot end the mark itself: tags of the same name in it are defused. */
export function fence(text: string, from: string): string {
  return `<untrusted from="${cleanName(from)}">\n${text.replace(/<(?=\s*(?:\/\s*)?untrusted)/gi, '‹')}\n</untrusted>`;
}

/** A display name that cannot be taken for markup or for somebody else's prefix: one line, no brackets, at most 40 characters. */
export function cleanName(name: string): string {
  const plain = cleanText(name).replace(/[[\]<>"{}]/g, '');
  return preview(plain, 40) || 'someone';
}

async function presentFile(
  file: StoredFile,
  options: PresentOptions,
): Promise<{ content: ContentPart; shown: boolean }> {
  const about = `file "${cleanName(file.name)}", ${cleanName(file.mime)}, ${sizeText(file.bytes)}`;
  const describe = (why: string) => ({ content: { type: 'text', text: `[${about}: ${why}]` } as const, shown: false });
  const isImage = IMAGE_MIME.has(file.mime);
  if (!isImage && !isText(file)) return describe('you cannot see its content');
  if (isImage && file.bytes > MAX_IMAGE_BYTES) return describe('too large to be shown');
  if (isImage && options.maxImages <= 0) return describe('not shown again');
  try {
    const bytes = await readFile(file.path);
    if (isImage) return { content: { type: 'image', mime: file.mime, base64: bytes.toString('base64') }, shown: true };
    if (bytes.includes(0)) return describe('not text, whatever its name says');
    const text = cutMiddle(cleanText(bytes.toString('utf8')), options.maxFileChars, file.name);
    return { content: { type: 'text', text: `[${about}]\n${fence(text, file.name)}` }, shown: true };
  } catch {
    return describe('no longer there');
  }
}

function isText(file: StoredFile): boolean {
  return file.kind === 'document' && (TEXT_MIME.test(file.mime) || TEXT_NAME.test(file.name));
}

function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  return bytes < 1_048_576 ? `${Math.round(bytes / 1_024)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}
