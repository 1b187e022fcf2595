// What a reader sees of Discord's markdown: the text without its marks, and whether any of it is formatted.
// https://support.discord.com/hc/en-us/articles/210298617 (read 2026-11-21); the rules are those of Discord's open-sourced parser.

export interface ReadMarkdown {
  text: string;
  formatted: boolean;
}

type Rule = [pattern: RegExp, show: (match: RegExpExecArray, inner: (text: string) => string) => string];

/** Lines of a quote are read together: a code block may run over them. */
const QUOTE: Rule = [/^> [^\n]*(?:\n> [^\n]*)*/, (match, inner) => inner(match[0].replace(/^> /gm, ''))];

/** At the beginning of a line. */
const LINE_RULES: readonly Rule[] = [
  [/^#{1,3} +(.+)$/, (match, inner) => inner(match[1] ?? '')],
  [/^-# +(.+)$/, (match, inner) => inner(match[1] ?? '')],
];

const INLINE_RULES: readonly Rule[] = [
  [/^```(?:[a-z0-9_+\-.#]+\n)?\n*([^\n][\s\S]*?)\n*```/i, (match) => match[1] ?? ''],
  [/^(`+)([\s\S]*?[^`])\1(?!`)/, (match) => (match[2] ?? '').replace(/^ (?=`)|(?<=`) $/g, '')],
  [/^\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/, (match, inner) => inner(match[1] ?? '')],
  [/^__((?:\\[\s\S]|[^\\])+?)__(?!_)/, (match, inner) => inner(match[1] ?? '')],
  [/^~~((?:\\[\s\S]|[^\\])+?)~~/, (match, inner) => inner(match[1] ?? '')],
  [/^\|\|((?:\\[\s\S]|[^\\])+?)\|\|/, (match, inner) => inner(match[1] ?? '')],
  [/^_((?:__|\\[\s\S]|[^\\_])+?)_(?![A-Za-z0-9_])/, (match, inner) => inner(match[1] ?? '')],
  [
    /^\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/,
    (match, inner) => inner(match[1] ?? ''),
  ],
  [/^\[((?:\\[\s\S]|[^\]\\])+)\]\(<?https?:[^\s<>]+?>?\)/, (match, inner) => inner(match[1] ?? '')],
  [/^<(?:@[!&]?\d+|#\d+|a?:\w+:\d+|t:\d+(?::\w)?)>/, () => '[mention]'],
];

export function readMarkdown(source: string): ReadMarkdown {
  let formatted = false;
  const read = (text: string): string => {
    let out = '';
    for (let at = 0; at < text.length;) {
      const rest = text.slice(at);
      const isLineStart = at === 0 || text[at - 1] === '\n';
      const escaped = /^\\([^0-9A-Za-z\s])/.exec(rest);
      const address = /^https?:\/\/[^\s<]+[^<.,:;"'\]\s]/.exec(rest);
      if (escaped || address) {
        out += escaped?.[1] ?? address?.[0] ?? '';
        at += escaped?.[0].length ?? address?.[0].length ?? 1;
        continue;
      }
      const line = /^[^\n]*/.exec(rest)?.[0] ?? '';
      const found =
        match([QUOTE], isLineStart ? rest : '') ??
        match(LINE_RULES, isLineStart ? line : '') ??
        match(INLINE_RULES, rest);
      if (found) {
        formatted = true;
        out += found.show(read);
        at += found.length;
      } else {
        out += rest[0] ?? '';
        at++;
      }
    }
    return out;
  };
  const text = read(source);
  return { text, formatted };
}

function match(rules: readonly Rule[], text: string) {
  for (const [pattern, show] of rules) {
    const found = pattern.exec(text);
    if (found) return { length: found[0].length, show: (inner: (text: string) => string) => show(found, inner) };
  }
  return undefined;
}
