// parse_mode HTML as the real server reads it, with its error texts and byte offsets.
// https://core.telegram.org/bots/api#html-style (read 2026-11-21)
import type { MessageEntity } from 'grammy/types';
import { badRequest, type ApiError } from './http.ts';

export interface ParsedText {
  text: string;
  entities: MessageEntity[];
}

/** Plain entities by tag; a, pre, code, span, tg-emoji and blockquote need more than a name. */
const SIMPLE: Readonly<Record<string, 'bold' | 'italic' | 'underline' | 'strikethrough' | 'spoiler'>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  span: 'spoiler',
  'tg-spoiler': 'spoiler',
};
const OTHER_TAGS: ReadonlySet<string> = new Set(['a', 'pre', 'code', 'blockquote', 'tg-emoji']);

interface OpenTag {
  name: string;
  /** UTF-16 offset in the text made so far. */
  offset: number;
  attributes: ReadonlyMap<string, string>;
}

/** @throws ApiError 400 "can't parse entities: …". */
export function parseHtml(source: string): ParsedText {
  const reader: HtmlReader = { source, at: 0, text: '', open: [], entities: [], codeLanguage: '' };
  while (reader.at < source.length) {
    const char = source.charAt(reader.at);
    if (char === '<') readTag(reader);
    else if (char === '&') readCharacterReference(reader);
    else {
      reader.text += char;
      reader.at++;
    }
  }
  const unclosed = reader.open.at(-1);
  if (unclosed) throw cannotParse(`Can't find end tag corresponding to start tag "${unclosed.name}"`);
  return { text: reader.text, entities: reader.entities };
}

interface HtmlReader {
  source: string;
  at: number;
  text: string;
  open: OpenTag[];
  entities: MessageEntity[];
  /** Of the `<code class="language-…">` closed last. */
  codeLanguage: string;
}

export function cannotParse(message: string): ApiError {
  return badRequest(`can't parse entities: ${message}`);
}

export function byteOffset(source: string, index: number): number {
  return Buffer.byteLength(source.slice(0, index));
}

function readTag(reader: HtmlReader): void {
  const begin = reader.at;
  if (reader.source.charAt(begin + 1) === '/') readEndTag(reader, begin);
  else readStartTag(reader, begin);
}

function readStartTag(reader: HtmlReader, begin: number): void {
  const { source } = reader;
  const nameEnd = findFrom(source, begin + 1, /[\s>]/);
  if (nameEnd < 0) throw cannotParse(`Unclosed start tag at byte offset ${byteOffset(source, begin)}`);
  const name = source.slice(begin + 1, nameEnd).toLowerCase();
  if (!(name in SIMPLE) && !OTHER_TAGS.has(name))
    throw cannotParse(`Unsupported start tag "${name}" at byte offset ${byteOffset(source, begin)}`);
  reader.at = nameEnd;
  const attributes = readAttributes(reader, name, begin);
  if (name === 'span' && attributes.get('class') !== 'tg-spoiler')
    throw cannotParse(`Tag "span" must have class "tg-spoiler" at byte offset ${byteOffset(source, begin)}`);
  reader.open.push({ name, offset: reader.text.length, attributes });
}

/** Leaves the reader after the `>`. */
function readAttributes(reader: HtmlReader, tag: string, begin: number): Map<string, string> {
  const { source } = reader;
  const attributes = new Map<string, string>();
  const unclosed = () => cannotParse(`Unclosed start tag "${tag}" at byte offset ${byteOffset(source, begin)}`);
  for (;;) {
    reader.at = skipSpace(source, reader.at);
    if (reader.at >= source.length) throw unclosed();
    if (source.charAt(reader.at) === '>') break;
    const nameEnd = findFrom(source, reader.at, /[\s=>]/);
    if (nameEnd < 0) throw unclosed();
    const name = source.slice(reader.at, nameEnd).toLowerCase();
    if (name === '')
      throw cannotParse(`Empty attribute name in the tag "${tag}" at byte offset ${byteOffset(source, begin)}`);
    reader.at = skipSpace(source, nameEnd);
    if (source.charAt(reader.at) !== '=') {
      attributes.set(name, '');
      continue;
    }
    reader.at = skipSpace(source, reader.at + 1);
    attributes.set(name, readAttributeValue(reader, tag, begin));
  }
  reader.at++;
  return attributes;
}

function readAttributeValue(reader: HtmlReader, tag: string, begin: number): string {
  const { source } = reader;
  const quote = source.charAt(reader.at);
  if (quote !== '"' && quote !== "'") {
    const bare = /^[A-Za-z0-9.-]+/.exec(source.slice(reader.at))?.[0];
    if (bare === undefined)
      throw cannotParse(`Unexpected end of name token at byte offset ${byteOffset(source, reader.at)}`);
    reader.at += bare.length;
    return bare.toLowerCase();
  }
  const end = source.indexOf(quote, reader.at + 1);
  if (end < 0) throw cannotParse(`Unclosed start tag "${tag}" at byte offset ${byteOffset(source, begin)}`);
  const value = source.slice(reader.at + 1, end);
  reader.at = end + 1;
  return value.replace(/&(lt|gt|amp|quot|#\d+|#x[0-9a-f]+);/gi, (whole, name: string) => decode(name) ?? whole);
}

function readEndTag(reader: HtmlReader, begin: number): void {
  const { source } = reader;
  const at = () => `byte offset ${byteOffset(source, begin)}`;
  const open = reader.open.pop();
  if (open === undefined) throw cannotParse(`Unexpected end tag at ${at()}`);
  const nameEnd = findFrom(source, begin + 2, /[\s>]/);
  const name = source.slice(begin + 2, nameEnd < 0 ? undefined : nameEnd).toLowerCase();
  const end = nameEnd < 0 ? -1 : skipSpace(source, nameEnd);
  if (end < 0 || source.charAt(end) !== '>') throw cannotParse(`Unclosed end tag at ${at()}`);
  if (name !== '' && name !== open.name)
    throw cannotParse(`Unmatched end tag at ${at()}, expected "</${open.name}>", found "</${name}>"`);
  reader.at = end + 1;
  closeTag(reader, open);
}

function closeTag(reader: HtmlReader, open: OpenTag): void {
  const { offset } = open;
  const length = reader.text.length - offset;
  if (length === 0) return;
  const simple = SIMPLE[open.name];
  if (simple) reader.entities.push({ type: simple, offset, length });
  else if (open.name === 'a') {
    const link = linkEntity(open.attributes.get('href') ?? reader.text.slice(offset), { offset, length });
    if (link) reader.entities.push(link);
  } else if (open.name === 'blockquote') {
    reader.entities.push({
      type: open.attributes.has('expandable') ? 'expandable_blockquote' : 'blockquote',
      offset,
      length,
    });
  } else if (open.name === 'tg-emoji') {
    const id = open.attributes.get('emoji-id') ?? '';
    if (!/^\d+$/.test(id)) throw cannotParse('Invalid custom emoji identifier specified');
    reader.entities.push({ type: 'custom_emoji', offset, length, custom_emoji_id: id });
  } else closeCode(reader, open, { offset, length });
}

/** `<pre><code class="language-x">` is one entity. */
function closeCode(reader: HtmlReader, open: OpenTag, span: { offset: number; length: number }): void {
  if (open.name === 'code') {
    reader.codeLanguage = /^language-(.+)$/.exec(open.attributes.get('class') ?? '')?.[1] ?? '';
    reader.entities.push({ type: 'code', ...span });
    return;
  }
  const last = reader.entities.at(-1);
  const wraps = last?.type === 'code' && last.offset === span.offset && last.length === span.length;
  const language = wraps ? reader.codeLanguage : '';
  if (wraps) reader.entities.pop();
  reader.entities.push(language ? { type: 'pre', ...span, language } : { type: 'pre', ...span });
}

/** A link that the server keeps; other addresses lose their link silently. */
export function linkEntity(url: string, span: { offset: number; length: number }): MessageEntity | undefined {
  const user = /^tg:\/\/user\?id=(\d+)$/.exec(url)?.[1];
  if (user) return { type: 'text_mention', ...span, user: { id: Number(user), is_bot: false, first_name: '' } };
  const full = /^[a-z][a-z0-9+.-]*:/i.test(url) ? url : `http://${url}`;
  if (!URL.canParse(full) || !/^(https?|ftp|tg|ton|tonsite|mailto|tel):/i.test(full)) return undefined;
  if (/^https?:/i.test(full) && !new URL(full).hostname.includes('.')) return undefined;
  return { type: 'text_link', ...span, url: /^https?:/i.test(full) ? new URL(full).href : full };
}

function readCharacterReference(reader: HtmlReader): void {
  const match = /^&(lt|gt|amp|quot|#\d{1,8}|#x[0-9a-f]{1,6});/i.exec(reader.source.slice(reader.at, reader.at + 12));
  const decoded = match?.[1] === undefined ? undefined : decode(match[1]);
  if (match === null || decoded === undefined) {
    reader.text += '&';
    reader.at++;
    return;
  }
  reader.text += decoded;
  reader.at += match[0].length;
}

function decode(name: string): string | undefined {
  const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' };
  if (!name.startsWith('#')) return named[name.toLowerCase()];
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

function skipSpace(source: string, from: number): number {
  let at = from;
  while (/\s/.test(source.charAt(at))) at++;
  return at;
}

function findFrom(source: string, from: number, pattern: RegExp): number {
  const found = source.slice(from).search(pattern);
  return found < 0 ? -1 : from + found;
}
