// Telegram's HTML as its server reads it (https://core.telegram.org/bots/api#html-style, read 2026-11-21): text and entities, or an error.

export interface FakeEntity {
  type: string;
  offset: number;
  length: number;
  url?: string;
  language?: string;
  user?: { id: number; is_bot: boolean; first_name: string };
}

export type ParsedText = { text: string; entities: FakeEntity[] } | { error: string };

const TYPES: Record<string, string> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  'tg-spoiler': 'spoiler',
  span: 'spoiler',
  a: 'text_link',
  code: 'code',
  pre: 'pre',
  blockquote: 'blockquote',
};

interface OpenTag {
  tag: string;
  offset: number;
  attribute: string;
}

export function parseHtml(html: string): ParsedText {
  const open: OpenTag[] = [];
  const entities: FakeEntity[] = [];
  let text = '';
  let at = 0;
  while (at < html.length) {
    const char = html[at];
    if (char === '&') {
      const match = /^&(?:(lt|gt|amp|quot)|#(\d+)|#x([0-9a-f]+));/i.exec(html.slice(at, at + 12));
      text += match ? decodeEntity(match) : '&';
      at += match ? match[0].length : 1;
    } else if (char === '<') {
      const end = html.indexOf('>', at);
      if (end < 0) return { error: `Unclosed start tag at byte offset ${byteOffset(html, at)}` };
      const error = html[at + 1] === '/' ? closeTag(html.slice(at + 2, end), at) : openTag(html.slice(at + 1, end), at);
      if (error) return { error };
      at = end + 1;
    } else {
      text += char;
      at++;
    }
  }
  const last = open.at(-1);
  if (last) return { error: `Can't find end tag corresponding to start tag "${last.tag}"` };
  return trimText(text, entities);

  function openTag(source: string, where: number): string | undefined {
    const match = /^([a-z][a-z-]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*$/i.exec(source);
    const tag = match?.[1]?.toLowerCase() ?? source.split(/\s/)[0] ?? '';
    if (!match || !(tag in TYPES)) return `Unsupported start tag "${tag}" at byte offset ${byteOffset(html, where)}`;
    if (tag === 'blockquote' && open.some((other) => other.tag === 'blockquote')) return 'Blockquotes cannot be nested';
    const attribute = /="([^"]*)"/.exec(match[2] ?? '')?.[1] ?? '';
    if (tag === 'span' && attribute !== 'tg-spoiler')
      return `Tag "span" must have class "tg-spoiler" at byte offset ${byteOffset(html, where)}`;
    open.push({ tag, offset: text.length, attribute });
    return undefined;
  }

  function closeTag(source: string, where: number): string | undefined {
    const tag = source.trim().toLowerCase();
    const opened = open.pop();
    if (!opened) return `Unexpected end tag at byte offset ${byteOffset(html, where)}`;
    if (opened.tag !== tag) {
      return `Unmatched end tag at byte offset ${byteOffset(html, where)}, expected "</${opened.tag}>", found "</${tag}>"`;
    }
    const length = text.length - opened.offset;
    const language = /^language-(.+)$/.exec(opened.attribute)?.[1];
    const pre = open.at(-1);
    if (tag === 'code' && pre?.tag === 'pre' && language) pre.attribute = opened.attribute;
    else if (length > 0) entities.push(makeEntity(opened, length));
    return undefined;
  }
}

function makeEntity(opened: OpenTag, length: number): FakeEntity {
  const base = { type: TYPES[opened.tag] ?? opened.tag, offset: opened.offset, length };
  if (opened.tag === 'a') return { ...base, url: decodeAll(opened.attribute) };
  const language = /^language-(.+)$/.exec(opened.attribute)?.[1];
  return opened.tag === 'pre' && language ? { ...base, language } : base;
}

function decodeEntity(match: RegExpExecArray): string {
  const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"' };
  if (match[1]) return named[match[1].toLowerCase()] ?? '';
  return String.fromCodePoint(match[2] ? Number(match[2]) : Number.parseInt(match[3] ?? '20', 16));
}

function decodeAll(text: string): string {
  return text.replace(/&(lt|gt|amp|quot);/g, (name) => {
    const parsed = parseHtml(name);
    return 'text' in parsed && parsed.text !== '' ? parsed.text : name;
  });
}

function byteOffset(html: string, at: number): number {
  return Buffer.byteLength(html.slice(0, at));
}

/** The server strips white space at both ends, and moves the entities accordingly. */
export function trimText(text: string, entities: readonly FakeEntity[]): { text: string; entities: FakeEntity[] } {
  const start = text.length - text.trimStart().length;
  const trimmed = text.trim();
  const kept = entities.flatMap((entity) => {
    const from = Math.max(0, entity.offset - start);
    const to = Math.min(trimmed.length, entity.offset + entity.length - start);
    return to > from ? [{ ...entity, offset: from, length: to - from }] : [];
  });
  return { text: trimmed, entities: kept.toSorted((a, b) => a.offset - b.offset || b.length - a.length) };
}

/** What clients mark by themselves in what people write. */
export function detectEntities(text: string): FakeEntity[] {
  const find = (type: string, pattern: RegExp) =>
    Array.from(text.matchAll(pattern), (match) => ({
      type,
      offset: match.index + (match[1]?.length ?? 0),
      length: match[0].length - (match[1]?.length ?? 0),
    }));
  return [
    ...find('mention', /(^|[\s(])@[A-Za-z]\w{3,31}/g),
    ...find('bot_command', /(^|\s)\/[A-Za-z0-9_]{1,32}(?:@\w+)?/g),
  ];
}
