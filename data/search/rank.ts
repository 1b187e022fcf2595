// How well a message matches: rare words and whole words count for more, long messages for less.
import { foldText } from '../derived/search-text.ts';
import type { Term } from './query.ts';

/** Of a longer text, only the beginning is looked at. */
const MAX_RANKED_CHARS = 20_000;
/** A word that is repeated counts this often. */
const MAX_COUNTED = 4;
/** How much is gained by repeating, and lost by length; as in BM25 (Robertson and Zaragoza, 2009). */
const SATURATION = 1.2;
const LENGTH_SHARE = 0.75;

interface Ranked {
  message: number;
  text: string;
}

/** Best first; of what matches as well, the newest. Words are rare or common among what was found. */
export function rank<Hit extends Ranked>(hits: readonly Hit[], terms: readonly Term[]): readonly Hit[] {
  const counted = hits.map((hit) => {
    const text = foldText(hit.text.slice(0, MAX_RANKED_CHARS));
    return { hit, length: text.length, counts: terms.map((term) => countTerm(text, term)) };
  });
  const usual = counted.reduce((sum, { length }) => sum + length, 0) / Math.max(1, counted.length) || 1;
  const weights = terms.map((_, index) => {
    const holding = counted.filter(({ counts }) => (counts[index] ?? 0) > 0).length;
    return Math.log(1 + (counted.length + 1) / (holding + 0.5));
  });
  const scored = counted.map(({ hit, length, counts }) => {
    const norm = SATURATION * (1 - LENGTH_SHARE + (LENGTH_SHARE * length) / usual);
    const score = counts.reduce(
      (sum, count, index) => sum + ((weights[index] ?? 0) * count * (SATURATION + 1)) / (count + norm),
      0,
    );
    return { hit, score };
  });
  return scored.sort((a, b) => b.score - a.score || b.hit.message - a.hit.message).map(({ hit }) => hit);
}

/** Whether all of the terms stand in the text as they are. */
export function holdsAll(text: string, terms: readonly Term[]): boolean {
  const folded = foldText(text);
  return terms.every(({ needles }) => needles.every((needle) => folded.includes(needle)));
}

export function holdsPart(text: string, part: string): boolean {
  return foldText(text).includes(foldText(part));
}

/** Part of a word counts half. */
function countTerm(text: string, { needles }: Term): number {
  const counts = needles.map((needle) => {
    let count = 0;
    for (let at = text.indexOf(needle); at >= 0 && count < MAX_COUNTED; at = text.indexOf(needle, at + needle.length))
      count += isWhole(text, at, needle.length) ? 1 : 0.5;
    return count;
  });
  return Math.min(...counts);
}

function isWhole(text: string, at: number, length: number): boolean {
  return !isLetter(text.charAt(at - 1)) && !isLetter(text.charAt(at + length));
}

function isLetter(sign: string): boolean {
  return /[\p{L}\p{N}]/u.test(sign);
}
