// Text as lines with the places where they stand, and what makes two lines alike.

export interface Line {
  /** Without its ending. */
  text: string;
  start: number;
  /** Where `text` ends. */
  end: number;
  /** Where the next line begins. */
  next: number;
}

/** Lines of `text`; a text that ends with a newline has no empty line after it. */
export function splitLines(text: string): readonly Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < text.length;) {
    const at = text.indexOf('\n', start);
    const next = at < 0 ? text.length : at + 1;
    const end = at < 0 ? next : text[at - 1] === '\r' && at - 1 >= start ? at - 1 : at;
    lines.push({ text: text.slice(start, end), start, end, next });
    start = next;
  }
  return lines;
}

/** What most lines of `text` end with. */
export function lineEnding(text: string): '\n' | '\r\n' {
  let all = 0;
  let crlf = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    all++;
    if (text[at - 1] === '\r') crlf++;
  }
  return crlf > 0 && crlf * 2 >= all ? '\r\n' : '\n';
}

export function withEnding(text: string, ending: '\n' | '\r\n'): string {
  const plain = text.replace(/\r\n/g, '\n');
  return ending === '\n' ? plain : plain.replaceAll('\n', '\r\n');
}

/** Line, from 1, at a place of `text`. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

export function indentOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? '';
}

/** Typographic characters as the ones on a keyboard, one for one, so that places stay what they are. */
export function plainPunctuation(text: string): string {
  return text
    .replace(/[\u2018\u2019\u201a\u201b\u2032]/g, "'")
    .replace(/[\u201c\u201d\u201e\u201f\u2033]/g, '"')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u00a0\u2000-\u200a\u202f\u205f\u3000]/g, ' ');
}

/** How many lines `after` has that `before` has not, and the reverse; lines that only moved count as none. */
export function countChanges(before: string, after: string): { added: number; removed: number } {
  const counts = new Map<string, number>();
  let removed = 0;
  for (const { text } of splitLines(before)) {
    counts.set(text, (counts.get(text) ?? 0) + 1);
    removed++;
  }
  let added = 0;
  for (const { text } of splitLines(after)) {
    const left = counts.get(text) ?? 0;
    if (left > 0) {
      counts.set(text, left - 1);
      removed--;
    } else added++;
  }
  return { added, removed };
}
