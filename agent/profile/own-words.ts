// The person's own words within a message of theirs: without what they quote, forward or paste, and without the skills that they call.
import { isForwarded } from '../context/others.ts';
import { readCalled } from '../skills/called.ts';

/** Longer messages are mostly pasted; what the person says themselves stands at their beginning or end. */
const MAX_CHARS = 1_500;
/** The line that the gateway puts in front of an answer to a message; see agent/context/others.ts. */
const ANSWERED = /^\[answering [^\n]*\n/;

/** '' when nothing of it is the person's own. */
export function ownWords(text: string): string {
  if (isForwarded(text)) return '';
  const own = readCalled(text)
    .words.replace(ANSWERED, '')
    .replace(/```[\s\S]*?(?:```|$)/g, ' ')
    .split('\n')
    .filter((line) => !/^\s*(?:>|\|)/.test(line))
    .join('\n')
    .trim();
  return own.length <= MAX_CHARS
    ? own
    : `${own.slice(0, MAX_CHARS / 2)}\n…\n${own.slice(-MAX_CHARS / 2)}`.toWellFormed();
}
