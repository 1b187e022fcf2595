// Text of a message as a person meant it: mentions by name, without the one that addressed us, styles as markdown.
import type { Mention, TextStyle } from '../envelope-schema.ts';

/** Ourselves. The uuid is learnt, and may be unknown at first. */
export interface Self {
  number: string;
  uuid: string | undefined;
}

export interface ReadText {
  text: string;
  /** True when the text itself names us. */
  isAddressed: boolean;
}

export interface TextSource {
  message?: string | null | undefined;
  mentions: readonly Mention[];
  textStyles: readonly TextStyle[];
}

interface Cut {
  from: number;
  to: number;
  insert: string;
}

/** Our own words are quoted as those of "you", so in a text we are called that as well. */
const OWN_NAME = '@you';

export function isSelf(
  who: { uuid?: string | null | undefined; number?: string | null | undefined; name?: string | null | undefined },
  self: Self,
): boolean {
  if (self.uuid !== undefined && (who.uuid === self.uuid || who.name === self.uuid)) return true;
  return who.number === self.number || who.name === self.number;
}

/** `nameOf` tells the name of a person by uuid or number. Offsets are UTF-16 code units, as JavaScript's are. */
export function readText(source: TextSource, self: Self, nameOf: (id: string) => string | undefined): ReadText {
  const raw = source.message ?? '';
  const cuts: Cut[] = [];
  let isAddressed = false;
  for (const mention of source.mentions) {
    const to = mention.start + mention.length;
    if (to > raw.length) continue;
    if (isSelf(mention, self)) {
      isAddressed = true;
      cuts.push(cutOwnMention(raw, mention.start, to));
    } else cuts.push({ from: mention.start, to, insert: `@${shownName(mention, nameOf)}` });
  }
  return { text: applyCuts(raw, [...cuts, ...markStyles(raw, source.textStyles, cuts)]), isAddressed };
}

function shownName({ uuid, number, name }: Mention, nameOf: (id: string) => string | undefined): string {
  const known = [uuid, number, name].map((id) => (id ? nameOf(id) : undefined)).find(Boolean);
  return known ?? number ?? name ?? uuid ?? 'somebody';
}

/** A mention at either end goes with the white space and punctuation that set it off; one inside a sentence is a part of it. */
function cutOwnMention(text: string, from: number, to: number): Cut {
  const before = text.slice(0, from);
  const after = text.slice(to);
  if (before.trim() === '') return { from: 0, to: to + (/^[\s,:;–—-]*/.exec(after)?.[0].length ?? 0), insert: '' };
  if (/^[\s.!?]*$/.test(after)) return { from: before.search(/[\s,]*$/), to, insert: '' };
  return { from, to, insert: OWN_NAME };
}

const MARKS: Readonly<Record<string, string>> = { BOLD: '**', ITALIC: '*', STRIKETHROUGH: '~~', MONOSPACE: '`' };

/** Markdown around the styled parts. A style that crosses another one, or that markdown has no mark for, is left out. */
function markStyles(text: string, styles: readonly TextStyle[], mentions: readonly Cut[]): readonly Cut[] {
  const wanted = styles
    .map(({ style, start, length }) => ({ mark: MARKS[style], from: start, to: start + length }))
    .map((range) => trimRange(text, mentions.reduce(moveOutOf, range)))
    .filter((range) => range.mark !== undefined && range.from < range.to && range.to <= text.length)
    .sort((a, b) => a.from - b.from || b.to - a.to);
  const open: { to: number }[] = [];
  const cuts: Cut[] = [];
  for (const { mark = '', from, to } of wanted) {
    while (open.length > 0 && (open.at(-1)?.to ?? 0) <= from) open.pop();
    if (to > (open.at(-1)?.to ?? Infinity)) continue;
    open.push({ to });
    cuts.push({ from, to: from, insert: mark });
    // Inner marks close first: they come later in the list, and are put before what closes at the same place.
    cuts.unshift({ from: to, to, insert: mark });
  }
  return cuts;
}

interface StyledRange {
  mark: string | undefined;
  from: number;
  to: number;
}

/** A mark must not stand in what is replaced. */
function moveOutOf(range: StyledRange, { from, to }: Cut): StyledRange {
  return {
    ...range,
    from: range.from >= from && range.from < to ? to : range.from,
    to: range.to > from && range.to <= to ? from : range.to,
  };
}

/** Marks beside white space would be read as text. */
function trimRange(text: string, range: StyledRange): StyledRange {
  const inner = text.slice(range.from, range.to);
  const from = range.from + (inner.length - inner.trimStart().length);
  return { ...range, from, to: from + inner.trim().length };
}

function applyCuts(text: string, cuts: readonly Cut[]): string {
  let out = '';
  let at = 0;
  for (const cut of cuts.toSorted((a, b) => a.from - b.from)) {
    if (cut.from < at) continue;
    out += text.slice(at, cut.from) + cut.insert;
    at = cut.to;
  }
  return out + text.slice(at);
}
