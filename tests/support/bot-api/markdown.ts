// parse_mode MarkdownV2 as the real server reads it, with its error texts and byte offsets.
// https://core.telegram.org/bots/api#markdownv2-style (read 2026-11-21)
import type { MessageEntity } from 'grammy/types';
import { byteOffset, cannotParse, linkEntity, type ParsedText } from './html.ts';

const RESERVED = '_*[]()~`>#+-=|{}.!';

type Kind =
  | 'Bold'
  | 'Italic'
  | 'Underline'
  | 'Strikethrough'
  | 'Spoiler'
  | 'Code'
  | 'Pre'
  | 'PreCode'
  | 'TextUrl'
  | 'CustomEmoji'
  | 'BlockQuote';

const MARKS: Readonly<Record<Kind, string>> = {
  Bold: '*',
  Italic: '_',
  Underline: '__',
  Strikethrough: '~',
  Spoiler: '||',
  Code: '`',
  Pre: '```',
  PreCode: '```',
  TextUrl: ']',
  CustomEmoji: ']',
  BlockQuote: '',
};

interface OpenEntity {
  kind: Kind;
  /** UTF-16 offset in the text made so far. */
  offset: number;
  /** Index in the source. */
  begin: number;
  language: string;
}

interface MarkdownReader {
  source: string;
  at: number;
  text: string;
  open: OpenEntity[];
  entities: MessageEntity[];
  /** Only marks were read since the line began: a `>` opens a quote. */
  lineStart: boolean;
}

/** @throws ApiError 400 "can't parse entities: …". */
export function parseMarkdownV2(source: string): ParsedText {
  const reader: MarkdownReader = { source, at: 0, text: '', open: [], entities: [], lineStart: true };
  while (reader.at < source.length) readNext(reader);
  closeQuote(reader, 'blockquote');
  const unclosed = reader.open.at(-1);
  if (unclosed) throw noEnd(reader, unclosed);
  return { text: reader.text, entities: reader.entities };
}

function noEnd(reader: MarkdownReader, entity: OpenEntity) {
  return cannotParse(
    `Can't find end of ${entity.kind} entity at byte offset ${byteOffset(reader.source, entity.begin)}`,
  );
}

function mustBeEscaped(char: string) {
  return cannotParse(`Character '${char}' is reserved and must be escaped with the preceding '\\'`);
}

function readNext(reader: MarkdownReader): void {
  const { source, at } = reader;
  const char = source.charAt(at);
  const next = source.charCodeAt(at + 1);
  if (char === '\\' && next > 0 && next <= 126) {
    appendChar(reader, source.charAt(at + 1));
    reader.at = at + 2;
    return;
  }
  const top = reader.open.at(-1);
  const inCode = top !== undefined && (top.kind === 'Code' || top.kind === 'Pre' || top.kind === 'PreCode');
  if (!(inCode ? '`' : RESERVED).includes(char)) {
    if (char === '\n') endLine(reader);
    appendChar(reader, char);
    reader.at = at + 1;
    return;
  }
  if (top !== undefined && isEndOf(top, source, at)) return closeEntity(reader, top);
  if (inCode) throw mustBeEscaped(char);
  openEntity(reader, char);
}

function appendChar(reader: MarkdownReader, char: string): void {
  reader.text += char;
  reader.lineStart = char === '\n';
}

/** A quote ends with its last line. */
function endLine(reader: MarkdownReader): void {
  if (reader.source.charAt(reader.at + 1) !== '>') closeQuote(reader, 'blockquote');
}

function closeQuote(reader: MarkdownReader, type: 'blockquote' | 'expandable_blockquote'): void {
  if (!reader.open.some((entity) => entity.kind === 'BlockQuote')) return;
  const top = reader.open.pop();
  if (top === undefined) return;
  if (top.kind !== 'BlockQuote') throw noEnd(reader, top);
  addEntity(reader, { type, offset: top.offset, length: reader.text.length - top.offset });
}

function isEndOf(entity: OpenEntity, source: string, at: number): boolean {
  if (entity.kind === 'Italic') return source.startsWith('_', at) && !source.startsWith('__', at);
  const mark = MARKS[entity.kind];
  return mark !== '' && source.startsWith(mark, at);
}

function openEntity(reader: MarkdownReader, char: string): void {
  const { source, at } = reader;
  if (char === '>') return openQuote(reader);
  if (isEndOfExpandable(reader)) {
    reader.at = at + 2;
    closeQuote(reader, 'expandable_blockquote');
    return;
  }
  const kind = kindAt(source, at);
  if (kind === undefined) throw mustBeEscaped(char);
  const entity: OpenEntity = { kind, offset: reader.text.length, begin: at, language: '' };
  reader.at = at + (kind === 'TextUrl' ? 1 : kind === 'CustomEmoji' ? 2 : MARKS[kind].length);
  if (kind === 'Pre') readLanguage(reader, entity);
  reader.open.push(entity);
}

function kindAt(source: string, at: number): Kind | undefined {
  if (source.startsWith('```', at)) return 'Pre';
  if (source.startsWith('||', at)) return 'Spoiler';
  if (source.startsWith('__', at)) return 'Underline';
  if (source.startsWith('![', at)) return 'CustomEmoji';
  const single: Readonly<Record<string, Kind>> = {
    '*': 'Bold',
    _: 'Italic',
    '~': 'Strikethrough',
    '`': 'Code',
    '[': 'TextUrl',
  };
  return single[source.charAt(at)];
}

function openQuote(reader: MarkdownReader): void {
  if (!reader.lineStart) throw mustBeEscaped('>');
  const isOpen = reader.open.some((entity) => entity.kind === 'BlockQuote');
  if (!isOpen) {
    const top = reader.open.at(-1);
    if (top) throw noEnd(reader, top);
    reader.open.push({ kind: 'BlockQuote', offset: reader.text.length, begin: reader.at, language: '' });
  }
  reader.at++;
  reader.lineStart = false;
}

/** `||` at the end of a quote's last line, outside a spoiler, makes it expandable. */
function isEndOfExpandable(reader: MarkdownReader): boolean {
  const { source, at } = reader;
  if (!source.startsWith('||', at) || reader.open.at(-1)?.kind !== 'BlockQuote') return false;
  return at + 2 >= source.length || source.charAt(at + 2) === '\n';
}

function readLanguage(reader: MarkdownReader, entity: OpenEntity): void {
  const { source } = reader;
  const language = /^[^\s`]+/.exec(source.slice(reader.at, reader.at + 64))?.[0] ?? '';
  const after = reader.at + language.length;
  if (language !== '' && /[\n\r]/.test(source.charAt(after))) {
    entity.kind = 'PreCode';
    entity.language = language;
    reader.at = after;
  }
  // The line feed after the opening mark belongs to the mark.
  if (source.startsWith('\r\n', reader.at)) reader.at += 2;
  else if (/[\n\r]/.test(source.charAt(reader.at))) reader.at++;
}

function closeEntity(reader: MarkdownReader, entity: OpenEntity): void {
  reader.open.pop();
  const { offset } = entity;
  reader.at += MARKS[entity.kind].length;
  const length = reader.text.length - offset;
  switch (entity.kind) {
    case 'Bold':
    case 'Italic':
    case 'Underline':
    case 'Strikethrough':
    case 'Spoiler':
    case 'Code':
    case 'Pre':
      return addEntity(reader, { type: SIMPLE[entity.kind], offset, length });
    case 'PreCode':
      return addEntity(reader, { type: 'pre', offset, length, language: entity.language });
    case 'TextUrl':
      return closeLink(reader, { offset, length });
    case 'CustomEmoji':
      return closeEmoji(reader, { offset, length });
    case 'BlockQuote':
      return;
  }
}

const SIMPLE = {
  Bold: 'bold',
  Italic: 'italic',
  Underline: 'underline',
  Strikethrough: 'strikethrough',
  Spoiler: 'spoiler',
  Code: 'code',
  Pre: 'pre',
} as const;

function addEntity(reader: MarkdownReader, entity: MessageEntity): void {
  if (entity.length > 0) reader.entities.push(entity);
}

function closeLink(reader: MarkdownReader, span: { offset: number; length: number }): void {
  const url = reader.source.charAt(reader.at) === '(' ? readUrl(reader, 'URL') : reader.text.slice(span.offset);
  const link = linkEntity(url, span);
  if (link) addEntity(reader, link);
}

function closeEmoji(reader: MarkdownReader, span: { offset: number; length: number }): void {
  if (reader.source.charAt(reader.at) !== '(') throw cannotParse('Custom emoji entity must contain a tg://emoji URL');
  const id = /^tg:\/\/emoji\?id=(\d+)$/.exec(readUrl(reader, 'custom emoji URL'))?.[1];
  if (id === undefined) throw cannotParse('Custom emoji URL must have an emoji identifier');
  addEntity(reader, { type: 'custom_emoji', ...span, custom_emoji_id: id });
}

function readUrl(reader: MarkdownReader, what: string): string {
  const { source, at: begin } = reader;
  let url = '';
  let at = begin + 1;
  while (at < source.length && source.charAt(at) !== ')') {
    if (source.charAt(at) === '\\' && at + 1 < source.length) at++;
    url += source.charAt(at);
    at++;
  }
  if (source.charAt(at) !== ')')
    throw cannotParse(`Can't find end of a ${what} at byte offset ${byteOffset(source, begin)}`);
  reader.at = at + 1;
  return url;
}
