// What the writer of a mail said now, apart from what they quote and how they sign. Words that stay by mistake cost a little; words that
// go by mistake are lost, so only what is surely quoted or a signature goes.
import { runInNewContext } from 'node:vm';
import EmailReplyParser from 'email-reply-parser';

export interface ReplyText {
  /** Markdown-like plain text, without quote and signature. */
  text: string;
  /** What was quoted as a whole, its marks and headers removed; '' when nothing was. */
  quoted: string;
  /** Who wrote the quoted part, as far as the quote says. */
  quotedAuthor: string | undefined;
}

/** Longer texts are not searched for quotes and signatures with words, only for marks. */
const MAX_PARSED_CHARS = 60_000;
/** The parser's patterns take exponential time on texts made for it; real mails take a few milliseconds. */
const PARSE_TIMEOUT_MS = 250;
const MAX_SIGNATURE_LINES = 12;
const MAX_SIGNATURE_CHARS = 1_000;
const MAX_QUOTED_CHARS = 4_000;

interface Fragment {
  text: string;
  kind: 'written' | 'quoted' | 'signature';
}

/** `isTrusted`: worth the effort. Of a mail that will be refused only the marks are read, so that nobody can keep us busy with it. */
export function splitReply(mail: string, isTrusted: boolean): ReplyText {
  const text = mail.replace(/\r\n?/g, '\n');
  const fragments = (isTrusted ? parse(text) : undefined) ?? parseMarks(text);
  const isBlank = (fragment: Fragment) => fragment.text.trim() === '';
  let end = fragments.length;
  const dropped: Fragment[] = [];
  while (end > 0) {
    const last = fragments[end - 1];
    if (!last || (!isBlank(last) && last.kind === 'written')) break;
    dropped.unshift(last);
    end--;
  }
  let kept = fragments.slice(0, end);
  // Nothing but a quote or a signature: then that is the message.
  if (kept.length === 0) return { text: trimLines(text), quoted: '', quotedAuthor: undefined };
  let quoted = dropped.filter((fragment) => fragment.kind === 'quoted');
  const inner = kept.filter((fragment) => fragment.kind === 'quoted' && !isBlank(fragment));
  const first = kept.findIndex((fragment) => !isBlank(fragment));
  if (inner.length === 1 && inner[0] === kept[first] && quoted.length === 0) {
    // A quote on top, answered below. Several are answered one by one, and say what is answered where they stand.
    quoted = inner;
    kept = kept.slice(first + 1);
  } else if (end === fragments.length) {
    // Nothing goes, so it stays as it came: the parser drops empty lines between fragments.
    return { text: trimLines(text), quoted: '', quotedAuthor: undefined };
  }
  const quote = quoted.map((fragment) => fragment.text).join('\n');
  return {
    text: trimLines(kept.map((fragment) => fragment.text).join('\n')),
    quoted: unquote(quote),
    quotedAuthor: readAuthor(quote),
  };
}

/** The library's reading; undefined when it cannot be had in time. */
function parse(text: string): readonly Fragment[] | undefined {
  if (text.length > MAX_PARSED_CHARS) return undefined;
  // The library puts parts of the text into replacement patterns, where a dollar sign would copy the text into itself.
  const safe = text.replaceAll('\ufdd0', '').replaceAll('$', '\ufdd0');
  try {
    const read = () =>
      new EmailReplyParser()
        .read(safe)
        .getFragments()
        .map((fragment): Fragment => {
          const content = fragment.getContent().replaceAll('\ufdd0', '$');
          if (fragment.isQuoted()) return { text: content, kind: 'quoted' };
          return { text: content, kind: fragment.isSignature() && isSignature(content) ? 'signature' : 'written' };
        });
    // Only a context of its own can be ended from outside while a pattern is being matched.
    const result: unknown = runInNewContext('read()', { read }, { timeout: PARSE_TIMEOUT_MS });
    return isFragments(result) ? result : undefined;
  } catch {
    return undefined;
  }
}

function isFragments(value: unknown): value is readonly Fragment[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null && 'kind' in one);
}

/** A line of dashes or the like also parts text from text; a long "signature" is none. */
function isSignature(content: string): boolean {
  const lines = content.trim().split('\n');
  if (lines.length === 1 && /^[-_=+\s]*$/.test(content)) return true;
  if (/^\s*(?:-{3,}|_{2,}|={2,}|\+{2,})\s*$/.test(lines[0] ?? '')) return false;
  return lines.length <= MAX_SIGNATURE_LINES && content.length <= MAX_SIGNATURE_CHARS;
}

/** Lines with a quote mark, and what stands below the standard separator of signatures (RFC 3676 4.3). */
function parseMarks(text: string): readonly Fragment[] {
  const lines = text.split('\n');
  const separator = lines.lastIndexOf('-- ');
  const signature = separator < 0 ? '' : lines.slice(separator).join('\n');
  const isSigned = separator >= 0 && isSignature(signature);
  const fragments: Fragment[] = [];
  let open: { lines: string[]; kind: Fragment['kind'] } | undefined;
  const end = () => {
    if (open) fragments.push({ text: open.lines.join('\n'), kind: open.kind });
  };
  for (const line of isSigned ? lines.slice(0, separator) : lines) {
    const kind = line.startsWith('>') || (open?.kind === 'quoted' && line.trim() === '') ? 'quoted' : 'written';
    if (open?.kind === kind) open.lines.push(line);
    else {
      end();
      open = { lines: [line], kind };
    }
  }
  end();
  return isSigned ? [...fragments, { text: signature, kind: 'signature' }] : fragments;
}

/** Empty lines at both ends go, and white space at the end; that before the first word stays, as it may be meant. */
function trimLines(text: string): string {
  return text.replace(/^(?:[ \t]*\n)+/, '').trimEnd();
}

/** The quoted words alone: without marks, "On … wrote:", header lines. */
function unquote(quote: string): string {
  const lines = quote.split('\n').map((line) => line.trimEnd());
  const marked = lines.findIndex((line) => line.startsWith('>'));
  const body =
    marked >= 0
      ? lines.slice(marked).map((line) => line.replace(/^> ?/, ''))
      : lines.slice(1 + lines.findLastIndex((line, at) => at < 12 && isQuoteHeader(line)));
  return trimLines(body.join('\n')).slice(0, MAX_QUOTED_CHARS);
}

function isQuoteHeader(line: string): boolean {
  const text = line.slice(0, 300);
  if (/^-{2,}.*-{2,}$|^_{5,}$/.test(text)) return true;
  if (
    /^\*?(?:From|Sent|Date|To|Cc|Subject|Von|Gesendet|Datum|An|Betreff|De|Envoyé|À|Objet|Para|Asunto|Da|Inviato|Oggetto|Van|Aan|Onderwerp)\s?:/i.test(
      text,
    )
  )
    return true;
  return /(?:wrote|schrieb|écrit|escribió|scritto|escreveu|schreef|skrev|kirjoitti|napisał\(?a?\)?).{0,200}:$/i.test(
    text,
  );
}

/** The name before the address, in "On …, Ada Lovelace <ada@example.org> wrote:" or "From: Ada Lovelace <…>". */
function readAuthor(quote: string): string | undefined {
  const head = quote.slice(0, 1_000).replace(/\n(?!>)/g, ' ');
  const before = /([^<>\n]{1,200})<\s*[^<>\s]+@[^<>\s]+>/.exec(head)?.[1];
  const words = before
    ?.split(/[,:]|\b(?:schrieb|schreef|skrev)\b/)
    .at(-1)
    ?.replace(/[\d*"“”]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return words === undefined || words === '' ? undefined : words.slice(0, 80);
}
