// A page as text for the model: the accessibility tree with references, without what nobody can read, cut to a length.
import type { Page } from 'playwright-core';
import { cleanText } from '../../../shared/text.ts';
import { dropInvisible } from '../web/extract/invisible.ts';

/** UTF-16 units of a snapshot that is not asked for as a whole: about 3,500 tokens. */
const MAX_CHARS = 12_000;
const MAX_LINE_CHARS = 400;

/** Lines such as `- button "Save" [ref=e12]`. `full` gives all of them. */
export async function takeSnapshot(page: Page, full: boolean): Promise<string> {
  const tree = await page.ariaSnapshot({ mode: 'ai' });
  const lines = wholeAddresses(dropInvisible(cleanText(tree)).split('\n'), page.url()).map(shorten);
  if (full) return lines.join('\n');
  let chars = 0;
  const fits = lines.findIndex((line) => (chars += line.length + 1) > MAX_CHARS);
  if (fits < 0) return lines.join('\n');
  return `${lines.slice(0, fits).join('\n')}\n… ${lines.length - fits} more lines: browser_snapshot with full.`;
}

/** Addresses with data in them would fill the context; the reference at the end of a line has to stay. */
function shorten(line: string): string {
  if (line.length <= MAX_LINE_CHARS) return line;
  const tail = /(\s*\[ref=\w+\])(.{0,40})$/.exec(line)?.[0] ?? '';
  return `${line.slice(0, MAX_LINE_CHARS - tail.length)}…${tail}`;
}

/**
 * Addresses of links as they would be opened: what stands in a conversation letter by letter is opened without asking. Those inside of frames
 * stay as they are, for their base is not known here.
 */
function wholeAddresses(lines: readonly string[], base: string): readonly string[] {
  let frame: number | undefined;
  return lines.map((line) => {
    const indent = line.length - line.trimStart().length;
    if (frame !== undefined && indent <= frame) frame = undefined;
    if (frame === undefined && /^\s*- iframe\b/.test(line)) frame = indent;
    const [, head, address = ''] = /^(\s*- \/url: )(.*)$/.exec(line) ?? [];
    const plain = unquoted(address);
    if (head === undefined || frame !== undefined || !URL.canParse(plain, base)) return line;
    return `${head}${new URL(plain, base).href}`;
  });
}

/** The tree is YAML: values with signs in them are quoted as in JSON. */
function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
