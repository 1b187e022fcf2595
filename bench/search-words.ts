// A made-up language for bench/search.ts: words as unevenly frequent as in real text (Zipf), and signs of a script without spaces.
import { makeRandom } from '../tests/support/random.ts';

export interface Language {
  /** 0 to 1. */
  random(): number;
  sentence(): string;
  /** A sentence in Chinese signs. */
  signs(): string;
  sign(): string;
  /** One of the fifty most frequent words. */
  common(): string;
  rare(): string;
}

const WORDS = 60_000;
const SIGNS = 3_000;
const FIRST_SIGN = 0x4e00;
const SYLLABLES =
  'ba be bi bo da de di do fa fe fi ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so ta te ti to'.split(
    ' ',
  );

export function makeLanguage(seed: number): Language {
  const random = makeRandom(seed);
  const pick = <Item>(items: readonly Item[], from: number, to: number) =>
    items[from + Math.floor(random() * (to - from))];
  const known = new Set<string>();
  while (known.size < WORDS)
    known.add(
      Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(SYLLABLES, 0, SYLLABLES.length)).join(''),
    );
  const words = [...known].sort((a, b) => a.length - b.length);
  const drawWord = makeZipf(words.length, random);
  const drawSign = makeZipf(SIGNS, random);
  const length = (least: number, most: number) => least + Math.floor(random() ** 3 * (most - least));
  const sign = () => String.fromCodePoint(FIRST_SIGN + drawSign());
  return {
    random,
    sign,
    sentence: () => Array.from({ length: length(6, 120) }, () => words[drawWord()]).join(' '),
    signs: () => Array.from({ length: length(6, 120) }, sign).join(''),
    common: () => pick(words, 0, 50) ?? '',
    rare: () => pick(words, 5_000, words.length) ?? '',
  };
}

/** Ranks from 0, the first as often as the sum of many late ones. */
function makeZipf(size: number, random: () => number): () => number {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let rank = 0; rank < size; rank++) sums[rank] = sum += 1 / (rank + 1);
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = size - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
