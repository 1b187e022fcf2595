// Names that a summary must not lose: paths, addresses, ids and numbers with the words beside them. One pass, word by word.
import { preview } from '../../shared/text.ts';

const MAX_WORD_CHARS = 160;
const MAX_NUMBER_CHARS = 60;
/** Signs of the sentence around a word, not of the word. */
const BEFORE = /^[("'`[{<*_,;:!?]+/;
const AFTER = /[)"'`\]}>*,;:!?.…]+$/;
const NUMBER = /^[#$€£]?[\d][\d.,:/%–-]*$/;
const PLAIN_WORD = /^[\p{L}-]{1,20}$/u;

/** In order of appearance, each once. */
export function findIdentifiers(text: string): readonly string[] {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    const words = line.split(/[\s|]+/).map((word) => word.replace(BEFORE, '').replace(AFTER, ''));
    for (const [index, word] of words.entries()) {
      if (word.length < 2 || word.length > MAX_WORD_CHARS) continue;
      if (NUMBER.test(word)) found.add(withNeighbours(words, index));
      else if (isIdentifier(word)) found.add(word);
    }
  }
  return [...found];
}

/** A number by itself says nothing: the words beside it come along. */
function withNeighbours(words: readonly string[], index: number): string {
  const around = [words[index - 1], words[index], words[index + 1]];
  const kept = around.filter((word, at) => word !== undefined && (at === 1 || PLAIN_WORD.test(word)));
  return preview(kept.join(' '), MAX_NUMBER_CHARS);
}

function isIdentifier(word: string): boolean {
  if (/^(?:https?|ssh|git|file):\/\/./.test(word)) return true;
  if (/^(?:~|\.{1,2})?\/\S/.test(word) || /^[A-Za-z]:\\/.test(word)) return true;
  // A path such as src/app.ts or org/repo#12, not "and/or".
  if (word.includes('/') && /[.\d_]|\/.*\//.test(word)) return true;
  if (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(word)) return true;
  if (/^[\p{L}\d_-]+\.[a-z][a-z0-9]{0,5}$/iu.test(word) && !/^(?:e\.g|i\.e|z\.b|d\.h|u\.a)$/i.test(word)) return true;
  if (/^--[a-z]/.test(word) || /[^_]_[^_]/.test(word)) return true;
  return word.length >= 3 && /\d/.test(word) && /\p{L}/u.test(word);
}
