// Text of messages as the real server keeps it: parse mode or given entities, cleaned and trimmed, with the entities that it finds
// by itself (links, mentions, commands …). Offsets and lengths are UTF-16 units.
import type { MessageEntity } from 'grammy/types';
import { badRequest, isRecord, type ApiRequest } from './http.ts';
import { parseHtml, type ParsedText } from './html.ts';
import { parseMarkdownV2 } from './markdown.ts';
import { readList, readText } from './params.ts';

export interface TextParameter {
  /** text or caption. */
  name: 'text' | 'caption';
  /** Of the entities. */
  entitiesName: 'entities' | 'caption_entities';
  /** UTF-16 units after parsing. */
  max: number;
  mayBeEmpty: boolean;
}

/** Limits: https://core.telegram.org/bots/api#sendmessage and #sendphoto (read 2026-11-21). */
export const MESSAGE_TEXT: TextParameter = { name: 'text', entitiesName: 'entities', max: 4096, mayBeEmpty: false };
export const DRAFT_TEXT: TextParameter = { ...MESSAGE_TEXT, mayBeEmpty: true };
export const CAPTION: TextParameter = {
  name: 'caption',
  entitiesName: 'caption_entities',
  max: 1024,
  mayBeEmpty: true,
};

/** @throws ApiError 400 when it cannot be parsed, is empty or too long. */
export function readFormatted(request: ApiRequest, parameter: TextParameter): ParsedText {
  const source = readText(request, parameter.name);
  const given = readList(request, parameter.entitiesName);
  return formatText({ source, parseMode: readText(request, 'parse_mode'), given }, parameter);
}

export interface SourceText {
  source: string;
  parseMode: string;
  given?: readonly unknown[] | undefined;
}

/** @throws ApiError 400 when it cannot be parsed, is empty or too long. */
export function formatText({ source, parseMode, given }: SourceText, parameter: TextParameter): ParsedText {
  if (source === '' && !parameter.mayBeEmpty) throw badRequest('message text is empty');
  const cleaned = cleanText(source);
  const parsed = parseByMode(cleaned, parseMode) ?? { text: cleaned, entities: readEntities(given ?? []) };
  const trimmed = trimText(parsed);
  if (trimmed.text === '' && !parameter.mayBeEmpty) throw badRequest('text must be non-empty');
  if (trimmed.text.length > parameter.max)
    throw badRequest(parameter.name === 'text' ? 'message is too long' : 'message caption is too long');
  return { text: trimmed.text, entities: arrange([...trimmed.entities, ...findEntities(trimmed)]) };
}

function parseByMode(source: string, parseMode: string): ParsedText | undefined {
  switch (parseMode.toLowerCase()) {
    case '':
    case 'none':
      return undefined;
    case 'html':
      return parseHtml(source);
    case 'markdownv2':
      return parseMarkdownV2(source);
    default:
      // Legacy Markdown is left out: Herald must not use it.
      throw badRequest('unsupported parse_mode');
  }
}

const ENTITY_TYPES: ReadonlySet<string> = new Set([
  'bold',
  'italic',
  'underline',
  'strikethrough',
  'spoiler',
  'code',
  'pre',
  'blockquote',
  'expandable_blockquote',
  'text_link',
  'text_mention',
  'custom_emoji',
]);

function readEntities(given: readonly unknown[]): MessageEntity[] {
  return given.flatMap((value) => {
    if (!isRecord(value)) throw badRequest("can't parse MessageEntity: expected an Object");
    const { type, offset, length } = value;
    if (typeof type !== 'string' || !Number.isInteger(offset) || !Number.isInteger(length))
      throw badRequest('can\'t parse MessageEntity: Can\'t find field "offset"');
    // Kinds that the server finds by itself are taken without complaint and without effect.
    if (!ENTITY_TYPES.has(type)) return [];
    return [value as unknown as MessageEntity];
  });
}

/** Without what no message keeps: carriage returns, control characters, direction overrides. */
function cleanText(source: string): string {
  return source
    .replace(/[\r\u202a-\u202e\u2028\u2029]/g, '')
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, ' ')
    .toWellFormed();
}

/** Cuts white space off both ends; entities shrink with it, and go when nothing is left of them. */
function trimText({ text, entities }: ParsedText): ParsedText {
  const end = text.trimEnd().length;
  const begin = text.slice(0, end).length - text.slice(0, end).trimStart().length;
  const kept = entities.flatMap((entity) => {
    const from = Math.max(entity.offset, begin);
    const to = Math.min(entity.offset + entity.length, end);
    return to > from ? [{ ...entity, offset: from - begin, length: to - from }] : [];
  });
  return { text: text.slice(begin, end), entities: kept };
}

const FOUND: readonly [MessageEntity['type'], RegExp][] = [
  ['url', /https?:\/\/[^\s<>"]+/gi],
  ['email', /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g],
  ['url', /\b(?:[a-z0-9-]{1,63}\.){1,8}(?:com|org|net|io|dev|me|example)\b(?:\/[^\s<>"]*)?/gi],
  ['bot_command', /(?<![\w/@.])\/[a-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/])/gi],
  ['mention', /(?<![\w@.])@\w{4,32}\b/g],
  ['hashtag', /(?<![\p{L}\p{N}_])#(?=[\p{L}\p{N}_]*\p{L})[\p{L}\p{N}_]{1,256}/gu],
  ['cashtag', /(?<![\w$])\$[A-Z]{1,8}\b/g],
];

/** What the server marks by itself, in text that nothing has claimed. */
export function findEntities({ text, entities }: ParsedText): MessageEntity[] {
  const taken = entities.filter(({ type }) => ['code', 'pre', 'text_link', 'text_mention'].includes(type));
  const found: MessageEntity[] = [];
  for (const [type, pattern] of FOUND)
    for (const match of text.matchAll(pattern)) {
      const words = type === 'url' ? match[0].replace(/[.,;:!?)\]]+$/, '') : match[0];
      const span = { offset: match.index, length: words.length };
      if (![...taken, ...found].some((other) => overlaps(other, span))) found.push(plainEntity(type, span));
    }
  return found;
}

interface Span {
  offset: number;
  length: number;
}

function plainEntity(type: MessageEntity['type'], span: Span): MessageEntity {
  return { type, ...span } as MessageEntity;
}

function overlaps(a: Span, b: Span): boolean {
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

/** By place, the longer first; nothing inside code, no quote in a quote. */
function arrange(entities: readonly MessageEntity[]): MessageEntity[] {
  const code = entities.filter(isCode);
  const cut = entities.flatMap((entity) => (isStyle(entity) ? cutAround(entity, code) : [entity]));
  const sorted = cut.toSorted((a, b) => a.offset - b.offset || b.length - a.length);
  return sorted.filter((entity, index) => {
    const around = sorted.slice(0, index).filter((other) => overlaps(other, entity));
    if (around.some(isCode)) return false;
    return !(isQuote(entity) && around.some(isQuote));
  });
}

function isQuote(entity: MessageEntity): boolean {
  return entity.type === 'blockquote' || entity.type === 'expandable_blockquote';
}

function isCode(entity: MessageEntity): boolean {
  return entity.type === 'code' || entity.type === 'pre';
}

function isStyle(entity: MessageEntity): boolean {
  return ['bold', 'italic', 'underline', 'strikethrough', 'spoiler'].includes(entity.type);
}

/** What is left of a style beside the code that it held: code is never bold. */
function cutAround(style: MessageEntity, code: readonly MessageEntity[]): MessageEntity[] {
  let pieces = [style];
  for (const hole of code)
    pieces = pieces.flatMap((piece) => {
      if (!overlaps(piece, hole)) return [piece];
      const end = piece.offset + piece.length;
      const before = { ...piece, length: hole.offset - piece.offset };
      const after = { ...piece, offset: hole.offset + hole.length, length: end - hole.offset - hole.length };
      return [before, after].filter((rest) => rest.length > 0);
    });
  return pieces;
}
