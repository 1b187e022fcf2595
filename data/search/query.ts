// A query as people and models type it, made into terms that the indexes are asked for. Quoted words, and words that hyphens or dots join,
// stand together; nothing in a query is an operator.
import { foldText, pairsOf, scriptRuns, wordsOf } from '../derived/search-text.ts';

/** Longer queries are cut: nobody types more. */
const MAX_QUERY_CHARS = 20_000;
const MAX_TERMS = 24;
const OPERATORS: ReadonlySet<string> = new Set(['AND', 'OR', 'NOT', 'NEAR']);

/** One thing that a message should hold. */
export interface Term {
  /** Expression for the index of words. */
  match: string;
  /** Folded; all of it must be in the folded text, each as it stands. */
  needles: readonly string[];
  /** True when the index cannot tell for sure: pairs of signs may stand apart. */
  isLoose: boolean;
  /** Of one word in a script with spaces: what the index of parts is asked for. Else undefined. */
  part: string | undefined;
  /** Words that stood together, for looking for each alone. */
  words: readonly string[];
}

/** The terms of a query, without words that only join others. */
export function parseQuery(query: string): readonly Term[] {
  const chunks =
    query
      .slice(0, MAX_QUERY_CHARS)
      .normalize('NFKC')
      .match(/"[^"]*"|[^\s"]+/gu) ?? [];
  const groups = chunks.map(wordsOf).filter((words) => words.length > 0);
  const telling = groups.filter(([first, second]) => second !== undefined || !OPERATORS.has(first ?? ''));
  return (telling.length > 0 ? telling : groups).slice(0, MAX_TERMS).map(termOf);
}

/** Each word of the terms for itself; a word that is there twice counts once. */
export function splitTerms(terms: readonly Term[]): readonly Term[] {
  const words = new Set(terms.flatMap((term) => term.words));
  return [...words].slice(0, MAX_TERMS).map((word) => termOf([word]));
}

function termOf(words: readonly string[]): Term {
  const kept = words.slice(0, MAX_TERMS);
  const runs = kept.flatMap(scriptRuns);
  const dense = runs.filter(({ isDense }) => isDense);
  const [only] = runs;
  // Words that stand together are one phrase; signs without spaces are found by their pairs.
  const plain = dense.length === 0 ? [kept.join(' ')] : runs.filter(({ isDense }) => !isDense).map(({ text }) => text);
  const match = [...plain, ...dense.flatMap(({ text }) => pairsOf(text))].map((text) => `"${text}"`).join(' ');
  return {
    match,
    needles: runs.map(({ text }) => foldText(text)),
    isLoose: dense.some(({ text }) => [...text].length > 2),
    part: runs.length === 1 && only && !only.isDense ? only.text : undefined,
    words: kept,
  };
}
