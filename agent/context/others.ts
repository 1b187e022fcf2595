// Words of others inside what a person sent: forwards and quotes. They are told by marks that are put in front before anything else
// sees the text, so that the stored history has them too. Who types such a mark makes Herald ask more, never less.
import { FORWARD_MARK } from '../../shared/messages.ts';

const QUOTE_MARK = '[answering ';
/** What quotes of our own words begin with; no author can pass for it, since names lose their quotation marks. */
const OWN_QUOTE_MARK = `${QUOTE_MARK}you: "`;

/** A person's text that holds words of others begins with one of these. */
export const OTHERS_MARKS: readonly string[] = [FORWARD_MARK, QUOTE_MARK];

/** The text with the one line in front that says what it answers. `author` is clean, `quoted` on one line. */
export function quoteInFront(text: string, author: string, quoted: string): string {
  return `${QUOTE_MARK}${author}: "${quoted}"]\n${text}`;
}

/** Whether the words are somebody else's, handed on. */
export function isForwarded(text: string): boolean {
  const body = text.startsWith(QUOTE_MARK) ? text.slice(text.indexOf('\n') + 1) : text;
  return body.startsWith(FORWARD_MARK);
}

/** Whether a person's text holds words of others. In a direct chat what is quoted was said there, and counts where it stands. */
export function holdsOthersWords(text: string, isGroup: boolean): boolean {
  return isForwarded(text) || (isGroup && text.startsWith(QUOTE_MARK) && !text.startsWith(OWN_QUOTE_MARK));
}
