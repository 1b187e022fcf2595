// HTML as a flat list of texts and tags, in linear time and whatever it is: mails hold HTML that no browser would write.
import { decodeEntities } from './html-entities.ts';

export interface Tag {
  /** Lower case. */
  name: string;
  isEnd: boolean;
  /** What stands between the name and the closing bracket. */
  attributes: string;
}

/** Characters of tags that are looked at, for each of the text: brackets that are never closed make every search go to the end. */
const EFFORT = 8;
/** Elements whose content is no text for readers. */
const RAW = new Set(['script', 'style', 'title', 'textarea', 'template', 'noframes', 'xml', 'svg', 'math', 'object']);

export function* readTags(html: string): Generator<Tag | string> {
  let at = 0;
  let effort = EFFORT * html.length;
  while (at < html.length) {
    const open = effort > 0 ? html.indexOf('<', at) : -1;
    const end = open < 0 ? html.length : open;
    if (end > at) yield decodeEntities(html.slice(at, end));
    if (open < 0) return;
    const skipped = skipMarkup(html, open);
    if (skipped !== undefined) {
      at = skipped;
      continue;
    }
    const { tag, end: next } = readTag(html, open);
    if (!tag) {
      effort -= next - open;
      yield '<';
      at = open + 1;
      continue;
    }
    at = next;
    yield tag;
    if (!tag.isEnd && RAW.has(tag.name)) {
      const close = new RegExp(`</${tag.name}`, 'gi');
      close.lastIndex = at;
      at = close.exec(html)?.index ?? html.length;
    }
  }
}

/** Where a comment, declaration or processing instruction ends; undefined when none begins here. */
function skipMarkup(html: string, open: number): number | undefined {
  if (html.startsWith('<!--', open)) {
    const end = html.indexOf('-->', open + 4);
    return end < 0 ? html.length : end + 3;
  }
  if (!html.startsWith('<!', open) && !html.startsWith('<?', open)) return undefined;
  const end = html.indexOf('>', open);
  return end < 0 ? html.length : end + 1;
}

/** The tag that begins here, if one does, and where the look for it ended. */
function readTag(html: string, open: number): { tag?: Tag; end: number } {
  NAME.lastIndex = open;
  const match = NAME.exec(html);
  if (!match?.[2]) return { end: open + 1 };
  const from = open + match[0].length;
  const end = endOfTag(html, from);
  if (end === undefined) return { end: html.length };
  return {
    tag: { name: match[2].toLowerCase(), isEnd: match[1] === '/', attributes: html.slice(from, end) },
    end: end + 1,
  };
}

const NAME = /<(\/?)([a-z][a-z0-9:-]{0,40})/iy;

/** Brackets inside quoted values end nothing. A tag with an odd quote ends at its first bracket. */
function endOfTag(html: string, from: number): number | undefined {
  let quote = '';
  let first: number | undefined;
  for (let at = from; at < html.length; at++) {
    const char = html.charAt(at);
    if (char === '>') {
      if (quote === '') return at;
      first ??= at;
    } else if (quote !== '') {
      if (char === quote) quote = '';
    } else if ((char === '"' || char === "'") && /[=\s]/.test(html.charAt(at - 1))) quote = char;
  }
  return first;
}

/** Value of an attribute, decoded; undefined when there is none. */
export function attributeOf(tag: Tag, name: string): string | undefined {
  const pattern = new RegExp(`(?:^|[\\s"'/])${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i');
  const match = pattern.exec(tag.attributes.slice(0, 5_000));
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value === undefined ? undefined : decodeEntities(value).trim();
}
