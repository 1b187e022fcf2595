// Text as the search indexes hold it. Scripts that write without spaces go in as single signs and pairs of them, so that words of any
// length are found; words of other scripts go in whole, and their parts as trigrams.

/** Han, kana and Hangul: what stands between two of these letters is no word. */
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー]+/gu;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
/** Shorter words have no parts that they are not found by anyway. */
const MIN_PARTED = 4;

/** One form of what looks the same. */
function unify(text: string): string {
  return text.toWellFormed().normalize('NFKC').replaceAll('\0', ' ');
}

/** For comparing: one form, without case and accents. Scripts whose marks are letters keep them. */
export function foldText(text: string): string {
  return unify(text)
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/gu, '')
    .normalize('NFC');
}

/** Words of a text, as full-text search splits them. */
export function wordsOf(text: string): readonly string[] {
  return unify(text).match(WORD) ?? [];
}

/** A word cut where a script without spaces begins or ends. */
export function scriptRuns(word: string): readonly { text: string; isDense: boolean }[] {
  const runs: { text: string; isDense: boolean }[] = [];
  let at = 0;
  for (const { 0: run, index } of word.matchAll(DENSE)) {
    if (index > at) runs.push({ text: word.slice(at, index), isDense: false });
    runs.push({ text: run, isDense: true });
    at = index + run.length;
  }
  if (at < word.length) runs.push({ text: word.slice(at), isDense: false });
  return runs;
}

/** Pairs of neighbouring signs; a sign alone is itself. */
export function pairsOf(run: string): readonly string[] {
  const signs = [...run];
  return signs.length === 1 ? signs : signs.slice(1).map((sign, index) => `${signs[index] ?? ''}${sign}`);
}

/** For the index of words. */
export function indexedWords(text: string): string {
  return unify(text).replace(DENSE, (run) => ` ${[...new Set([...run, ...pairsOf(run)])].join(' ')} `);
}

/** For the index of parts of words: each word once. */
export function indexedParts(text: string): string {
  const words = wordsOf(unify(text).toLowerCase().replace(DENSE, ' '));
  return [...new Set(words.filter((word) => [...word].length >= MIN_PARTED))].join(' ');
}

/** Trigrams that a part of a word consists of; none for what is shorter. */
export function trigramsOf(part: string): readonly string[] {
  const signs = [...foldText(part)];
  return [...new Set(signs.slice(2).map((sign, index) => `${signs[index] ?? ''}${signs[index + 1] ?? ''}${sign}`))];
}
