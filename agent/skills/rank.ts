// Which skills fit the words of a turn: BM25 over name, description, tags and triggers, in memory.
import type { SkillInfo } from '../../skills/types.ts';

/** The usual constants of BM25 (Robertson and Zaragoza, 2009). */
const K = 1.2;
const B = 0.75;
const MAX_QUERY_WORDS = 200;
const MAX_KEPT = 5_000;

const STOP = new Set(
  'a an and are as at be but by can do for from has have how i if in into is it its just me my of on or our so that the then this to use used using we what when with you your please want would'.split(
    ' ',
  ),
);

/** How often each word stands in it. */
interface CountedWords {
  length: number;
  times: ReadonlyMap<string, number>;
}

const keptWords = new Map<string, CountedWords>();

export interface RankedSkill<Info> {
  info: Info;
  /** 0: no word in common. */
  score: number;
}

/** Best first; those without a word in common by name. */
export function rankSkills<Info extends Pick<SkillInfo, 'name' | 'searchText'>>(
  skills: readonly Info[],
  text: string,
): readonly RankedSkill<Info>[] {
  const query = new Set(wordsOf(text).slice(0, MAX_QUERY_WORDS));
  const documents = skills.map((info) => ({ info, words: keep(`${info.name} ${info.searchText}`) }));
  const average = documents.reduce((sum, { words }) => sum + words.length, 0) / Math.max(1, documents.length);
  const asked = [...query].map((word) => ({
    word,
    inHowMany: documents.filter(({ words }) => words.times.has(word)).length,
  }));
  return documents
    .map(({ info, words }) => {
      let score = 0;
      for (const { word, inHowMany } of asked) {
        const times = words.times.get(word);
        if (times === undefined) continue;
        const rarity = Math.log(1 + (documents.length - inHowMany + 0.5) / (inHowMany + 0.5));
        score += (rarity * times * (K + 1)) / (times + K * (1 - B + (B * words.length) / average));
      }
      return { info, score };
    })
    .toSorted((a, b) => b.score - a.score || (a.info.name < b.info.name ? -1 : 1));
}

function keep(text: string): CountedWords {
  let counted = keptWords.get(text);
  if (!counted) {
    if (keptWords.size >= MAX_KEPT) keptWords.clear();
    const words = wordsOf(text);
    const times = new Map<string, number>();
    for (const word of words) times.set(word, (times.get(word) ?? 0) + 1);
    keptWords.set(text, (counted = { length: words.length, times }));
  }
  return counted;
}

/** Lower case, without accents and the commonest endings; pairs of characters where scripts have no spaces. */
function wordsOf(text: string): readonly string[] {
  const folded = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFKC')
    .toLowerCase();
  const words = folded.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+|[\p{L}\p{N}]+/gu) ?? [];
  return words.flatMap((word) => {
    if (/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(word))
      return word.length < 3 ? [word] : Array.from({ length: word.length - 1 }, (_, at) => word.slice(at, at + 2));
    return word.length < 2 || STOP.has(word) ? [] : [stem(word)];
  });
}

function stem(word: string): string {
  if (word.length < 4) return word;
  const one = word.replace(/ies$/, 'y').replace(/([^s])s$/, '$1');
  return one.length < 5 ? one : one.replace(/(?:ing|ed|er|e)$/, '');
}
