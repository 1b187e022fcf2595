// Reads the few kinds of values that a launchd property list has; throws on whatever is not well-formed.
type PlistValue = string | number | boolean | PlistValue[] | { [key: string]: PlistValue };

const TOKEN = /\s*(?:<(\/?)(plist|dict|array|key|string|integer|true|false)(?:\s[^>]*?)?(\/?)>|([^<]+))/y;

export function parsePlist(text: string): PlistValue {
  const body = text.replace(/<\?.*?\?>|<!DOCTYPE[^>]*>|<!--.*?-->/gs, '').trim();
  const reader = { body, at: 0 };
  expectTag(reader, 'plist');
  const value = readValue(reader, next(reader));
  expectTag(reader, '/plist');
  if (reader.at !== body.length) throw new Error('plist: text behind its end');
  return value;
}

interface Reader {
  body: string;
  at: number;
}

/** The next tag ("dict", "/dict", "true/") or text ("=…"). */
function next(reader: Reader): string {
  TOKEN.lastIndex = reader.at;
  const match = TOKEN.exec(reader.body);
  if (match === null) throw new Error(`plist: cannot be read at ${reader.at}`);
  reader.at = TOKEN.lastIndex;
  const [, close = '', tag, empty = '', text] = match;
  return tag === undefined ? `=${(text ?? '').trim()}` : `${close}${tag}${empty}`;
}

function expectTag(reader: Reader, tag: string): void {
  const found = next(reader);
  if (found !== tag) throw new Error(`plist: <${tag}> expected, found ${found}`);
}

function readValue(reader: Reader, token: string): PlistValue {
  switch (token) {
    case 'true/':
      return true;
    case 'false/':
      return false;
    case 'string':
      return readText(reader, 'string');
    case 'integer':
      return Number.parseInt(readText(reader, 'integer'), 10);
    case 'array': {
      const items: PlistValue[] = [];
      for (let inner = next(reader); inner !== '/array'; inner = next(reader)) items.push(readValue(reader, inner));
      return items;
    }
    case 'dict': {
      const entries: [string, PlistValue][] = [];
      for (let inner = next(reader); inner !== '/dict'; inner = next(reader)) {
        if (inner !== 'key') throw new Error(`plist: <key> expected, found ${inner}`);
        entries.push([readText(reader, 'key'), readValue(reader, next(reader))]);
      }
      return Object.fromEntries(entries);
    }
    default:
      throw new Error(`plist: a value expected, found ${token}`);
  }
}

function readText(reader: Reader, tag: string): string {
  const text = next(reader);
  if (!text.startsWith('=')) throw new Error(`plist: text expected, found ${text}`);
  expectTag(reader, `/${tag}`);
  return text.slice(1);
}
