// Which texts say the same: by the words that they share.
import { foldText } from '../../data/memory/entries.ts';

/** From here on two entries say the same in other words. */
const SAME = 0.8;

/** Shared words among all words of both, 0 to 1. */
export function similarity(a: string, b: string): number {
  return overlap(wordsOf(a), wordsOf(b));
}

/**
 * Whether one text says what the other does. Where they differ in a number or a name they are two things, however alike they look.
 */
export function isNearDuplicate(a: string, b: string): boolean {
  const [one, other] = [wordsOf(a), wordsOf(b)];
  if (overlap(one, other) < SAME) return false;
  const different = [...one, ...other].filter((word) => !(one.has(word) && other.has(word)));
  return !different.some((word) => /\p{N}/u.test(word) || isName(a, word) || isName(b, word) || NEGATIONS.has(word));
}

/** Whether all words of `text` stand in `other`. */
export function isCovered(text: string, other: string): boolean {
  const words = wordsOf(other);
  return [...wordsOf(text)].every((word) => words.has(word));
}

const NEGATIONS: ReadonlySet<string> = new Set([
  'not',
  'no',
  'never',
  'nicht',
  'kein',
  'keine',
  'nie',
  'without',
  'ohne',
]);

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(
    foldText(text)
      .split(' ')
      .filter((word) => word !== ''),
  );
}

function overlap(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const shared = [...one].filter((word) => other.has(word)).length;
  const all = one.size + other.size - shared;
  return all === 0 ? 0 : shared / all;
}

/** Written with a capital within a sentence. */
function isName(text: string, word: string): boolean {
  return (text.match(/(?<=[\p{L}\p{N},;:]\s+)\p{Lu}[\p{L}\p{M}]*/gu) ?? []).some((name) => foldText(name) === word);
}
