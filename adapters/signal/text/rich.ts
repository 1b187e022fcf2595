// Text with marks over ranges of it, as Signal itself has it (offsets in UTF-16 code units).

export type Style = 'bold' | 'italic' | 'strike' | 'mono';

export interface Mark {
  style: Style;
  from: number;
  to: number;
}

export interface RichText {
  text: string;
  marks: readonly Mark[];
}

export function plain(text: string): RichText {
  return { text, marks: [] };
}

export function join(parts: readonly RichText[], gap = ''): RichText {
  const marks: Mark[] = [];
  let text = '';
  parts.forEach((part, i) => {
    if (i > 0) text += gap;
    marks.push(...shift(part.marks, text.length));
    text += part.text;
  });
  return { text, marks };
}

export function withStyle(rich: RichText, style: Style): RichText {
  if (rich.text === '') return rich;
  return { text: rich.text, marks: [{ style, from: 0, to: rich.text.length }, ...rich.marks] };
}

/** Inserts `insert` at every place where `pattern` (with the flag g) ends. */
export function insertAfter(rich: RichText, pattern: RegExp, insert: string): RichText {
  const places = Array.from(rich.text.matchAll(pattern), (match) => match.index + match[0].length);
  let text = '';
  let from = 0;
  for (const at of places) {
    text += rich.text.slice(from, at) + insert;
    from = at;
  }
  const grown = (position: number, isStart: boolean) =>
    position + insert.length * places.filter((at) => at < position || (isStart && at === position)).length;
  return {
    text: text + rich.text.slice(from),
    marks: rich.marks.map((mark) => ({ ...mark, from: grown(mark.from, true), to: grown(mark.to, false) })),
  };
}

export function trimEnd({ text, marks }: RichText): RichText {
  const trimmed = text.trimEnd();
  return {
    text: trimmed,
    marks: marks
      .map((mark) => ({ ...mark, to: Math.min(mark.to, trimmed.length) }))
      .filter((mark) => mark.from < mark.to),
  };
}

function shift(marks: readonly Mark[], by: number): readonly Mark[] {
  return marks.map((mark) => ({ ...mark, from: mark.from + by, to: mark.to + by }));
}
