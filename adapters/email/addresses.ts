// Mail addresses: one normal form, and a strict reading of From, whose mistakes are what forgers live on.
import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { decodeWords } from 'postal-mime';
import { cleanText } from '../../shared/text.ts';

export interface Mailbox {
  /** In normal form. */
  address: string;
  /** As the sender wrote it, decoded; undefined when there is none, or when it poses as an address. */
  name: string | undefined;
}

/** RFC 5321, 4.5.3.1: a path has 256 octets with its angle brackets; a local part has 64. */
const MAX_ADDRESS_CHARS = 254;
const MAX_LOCAL_CHARS = 64;
const MAX_NAME_CHARS = 100;
/** Longer values of From say nothing that we want to know. */
const MAX_FROM_CHARS = 2_000;

/**
 * The address in lower case, its domain as ASCII; undefined for anything unusual (quoted local parts, address literals, control
 * characters): what can be read in two ways is read in none.
 */
export function normalizeAddress(raw: string): string | undefined {
  const text = raw.trim();
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at).normalize('NFC').toLowerCase();
  const domain = normalizeDomain(text.slice(at + 1));
  if (at < 1 || local.length > MAX_LOCAL_CHARS || domain === undefined || !LOCAL_PART.test(local)) return undefined;
  const address = `${local}@${domain}`;
  return address.length > MAX_ADDRESS_CHARS ? undefined : address;
}

// Atoms with dots, RFC 5322 3.2.3, and the letters of RFC 6531; no character that could end an address or look like nothing.
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;

/** The domain in lower case and ASCII (punycode); undefined when it is none. */
export function normalizeDomain(raw: string): string | undefined {
  const domain = domainToASCII(raw.trim().toLowerCase().replace(/\.$/, ''));
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/.test(domain) && !/^[\d.]+$/.test(domain) ? domain : undefined;
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

export function localPartOf(address: string): string {
  return address.slice(0, address.lastIndexOf('@'));
}

/**
 * The one sender that a From field names, or undefined when it names none, several, or could be read in more than one way: lists,
 * groups, routes, quoted addresses, two pairs of angle brackets, an address that only shows once encoded words are decoded.
 */
export function readSender(value: string): Mailbox | undefined {
  if (value.length > MAX_FROM_CHARS) return undefined;
  const tokens = tokenize(value);
  if (!tokens) return undefined;
  const angles = tokens.filter((token) => token.kind === 'angle');
  const [angle] = angles;
  if (angles.length > 1) return undefined;
  if (angle) {
    // Nothing but a comment may follow the address.
    if (tokens.at(-1) !== angle) return undefined;
    const address = normalizeAddress(angle.text);
    return address === undefined ? undefined : { address, name: readName(tokens) };
  }
  const words = tokens.flatMap((token) => (token.kind === 'text' ? token.text.trim().split(/\s+/) : [token.text]));
  const [only = ''] = words;
  const address = words.length === 1 && tokens[0]?.kind === 'text' ? normalizeAddress(only) : undefined;
  return address === undefined ? undefined : { address, name: undefined };
}

interface Token {
  kind: 'text' | 'quoted' | 'angle';
  text: string;
}

/** Text, quoted strings and angle brackets of a field, without comments; undefined when it is a list, a group or broken. */
function tokenize(value: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  let text = '';
  const endText = () => {
    if (text.trim() !== '') tokens.push({ kind: 'text', text });
    text = '';
  };
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === '(') {
      const end = endOfComment(value, at);
      if (end === undefined) return undefined;
      text += ' ';
      at = end;
    } else if (char === '"') {
      const end = endOfQuoted(value, at);
      if (end === undefined) return undefined;
      endText();
      tokens.push({ kind: 'quoted', text: value.slice(at + 1, end).replace(/\\(.)/gs, '$1') });
      at = end;
    } else if (char === '<') {
      const end = value.indexOf('>', at);
      if (end < 0) return undefined;
      endText();
      tokens.push({ kind: 'angle', text: value.slice(at + 1, end) });
      at = end;
    } else if (/[,;:>)\\\0]/.test(char)) return undefined;
    else text += char;
  }
  endText();
  return tokens;
}

function endOfQuoted(value: string, start: number): number | undefined {
  for (let at = start + 1; at < value.length; at++) {
    if (value.charAt(at) === '\\') at++;
    else if (value.charAt(at) === '"') return at;
  }
  return undefined;
}

function endOfComment(value: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === '\\') at++;
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return at;
  }
  return undefined;
}

/** A name with an @ is there to be taken for an address, and is not shown. */
function readName(tokens: readonly Token[]): string | undefined {
  const raw = tokens.flatMap((token) => (token.kind === 'angle' ? [] : [token.text.trim()])).join(' ');
  const name = cleanText(decodeWords(raw)).replace(/\s+/g, ' ').trim();
  return name === '' || /[@＠﹫<>]/u.test(name) ? undefined : name.slice(0, MAX_NAME_CHARS);
}

/** Short name of an address, for ids that may not be told apart by it alone. */
export function hashAddress(address: string): string {
  return createHash('sha256').update(address).digest('hex').slice(0, 12);
}
