// What keeps text from being read as Discord's markup. A backslash works before punctuation only.

/** Shown as nothing; breaks a row of backticks in two. */
const ZERO_WIDTH_SPACE = '\u200b';

/** Addresses are shown as they are; a backslash in one would be a part of it. */
const ADDRESS = /<https?:\/\/[^\s<>]+>|https?:\/\/[^\s<]+/g;

/** Text of a node; ||spoilers|| in it stay some unless it is `bare`. Beginnings of lines are for `escapeLineStarts`, on the whole paragraph. */
export function escapeText(text: string, bare = false): string {
  const escapeWords = bare ? escapeMarks : escapeAround;
  const parts: string[] = [];
  let at = 0;
  for (const address of text.matchAll(ADDRESS)) {
    parts.push(escapeWords(text.slice(at, address.index)), address[0]);
    at = address.index + address[0].length;
  }
  return joinParts([...parts, escapeWords(text.slice(at))]);
}

/** Parts of a line in a row. Marks and backslashes right behind an address would be taken for a part of it. */
export function joinParts(parts: readonly string[]): string {
  let out = '';
  for (const part of parts) {
    const runsOn = /^[\\*_~|`[]/.test(part) && ADDRESS_AT_END.test(out);
    out += runsOn ? ` ${part}` : part;
  }
  return out;
}

const ADDRESS_AT_END = /https?:\/\/[^\s<]+$/;

/** Spoilers have no node of their own in the tree: a pair in one text stays what it is. */
function escapeAround(text: string): string {
  return text
    .split(/(\|\|(?=\S)[^|\n]+?(?<=\S)\|\|)/)
    .map((part, i) => (i % 2 === 1 ? `||${escapeMarks(part.slice(2, -2))}||` : escapeMarks(part)))
    .join('');
}

function escapeMarks(text: string): string {
  return text.replace(/[\\`*_~|<\]]/g, (mark, at: number) => (isMarkup(mark, text, at) ? escapeOne(mark) : mark));
}

/** A link's middle is broken after its bracket. */
function escapeOne(mark: string): string {
  return mark === ']' ? ']\\' : `\\${mark}`;
}

function isMarkup(mark: string, text: string, at: number): boolean {
  const before = text[at - 1];
  const after = text[at + 1];
  switch (mark) {
    case '~':
    case '|':
      return before === mark || after === mark;
    case '\\':
      return after === undefined || !/[A-Za-z0-9\s]/.test(after);
    case '<':
      // Mentions, channels, emoji, times, commands.
      return /^(?:[@#:]|a:|t:|id:|sound:|\/[^:<>\n]{1,100}:\d)/.test(text.slice(at + 1, at + 110));
    case ']':
      return after === '(';
    default:
      return true;
  }
}

/** Headings, small print, quotes and lists at the beginning of a line. */
export function escapeLineStarts(text: string): string {
  return text.replace(/^(\s*)(#{1,3}\s|-#\s|>{1,3}\s|[-+]\s|\d+\.\s)/gm, (_, indent: string, mark: string) =>
    /^\d/.test(mark) ? `${indent}${mark.replace('.', '\\.')}` : `${indent}\\${mark}`,
  );
}

export function codeSpan(text: string): string {
  if (text === '') return '';
  const longest = Math.max(0, ...Array.from(text.matchAll(/`+/g), (run) => run[0].length));
  // Three in a row would open a block, so longer rows are broken up.
  const inner = longest > 1 ? breakTicks(text) : text;
  const ticks = longest > 0 ? '``' : '`';
  return /^`|`$/.test(inner) ? `${ticks} ${inner} ${ticks}` : `${ticks}${inner}${ticks}`;
}

/** A code block; Discord knows no longer fence than three. */
export function fence(text: string, language: string): string {
  const name = /^[a-z0-9_+\-.#]{1,20}$/i.test(language) ? language : '';
  return `\`\`\`${name}\n${breakTicks(text)}\n\`\`\``;
}

function breakTicks(text: string): string {
  return text.replace(/`(?=`)/g, `\`${ZERO_WIDTH_SPACE}`);
}
