// A strict reading of From, whose mistakes are what forgers live on.
import { decodeWords } from 'postal-mime';
import { cleanText } from '../../../shared/text.ts';
import { normalizeAddress } from '../addresses.ts';

export interface Mailbox {
  /** In normal form. */
  address: string;
  /** As the sender wrote it, decoded; undefined when there is none, or when it poses as an address. */
  name: string | undefined;
}

const MAX_NAME_CHARS = 100;
/** Longer values of From say nothing that we want to know. */
const MAX_FROM_CHARS = 2_000;

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
