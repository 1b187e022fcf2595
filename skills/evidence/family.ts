// Which tasks are of one kind: those whose requests share most of their words. Deterministic, without a model. What is kept are digests of
// words, so that evidence can be compared but not read.
import type { TaskFamily } from '../../data/evidence/turns.ts';
import { sha256Hex } from '../../shared/digest.ts';

export type Task = Omit<TaskFamily, 'id'>;

/** Of a request; what comes after it is seldom the task. */
const MAX_CHARS = 2_000;
const MAX_WORDS = 40;
/** A request of fewer words says too little to be compared by. */
const MIN_WORDS = 2;
/** How much tools count beside words: little, since a skill may well change them. */
const TOOL_WEIGHT = 0.15;
const SAME_KIND = 0.45;
const DIGEST_CHARS = 10;

/** What keeps order rather than does something says nothing about the task. */
const BOOKKEEPING: ReadonlySet<string> = new Set([
  'clarify',
  'clock',
  'memory',
  'note',
  'session_search',
  'skill_manage',
  'skill_view',
  'skills_list',
  'todo',
  'tool_search',
]);

const STOPWORDS: ReadonlySet<string> = new Set(
  `about after again all and any are ask back but can could did does don for from get give has have her here him his how into its just let
  like make may more most much need not now off once one only our out over please same she should some such tell than thank thanks that
  the their them then there these they this those too under until use very want was were what when where which while who why will with
  would you your aber als auch auf aus bei bis bitte das dass dein dem den der des die dir doch ein eine einem einen einer eines für habe
  hast hat ich ihr ist kann kannst mal man mehr mein mich mir mit nach nicht noch nur oder schon sein sich sie sind soll und uns unter vom
  von vor war was wenn wer wie wir wird zum zur`.split(/\s+/),
);

/** What differs from one task of a kind to the next: addresses, paths, what stands in quotes or code. */
const PARTICULARS = /```[^]*?```|`[^`]*`|“[^”]*”|"[^"]*"|\bhttps?:\/\/\S+|\S+@\S+|(?:[~.]{0,2}\/)\S+/gu;

/** Undefined for a request that says too little. */
export function describeTask(request: string, tools: readonly string[]): Task | undefined {
  const words = wordsOf(request);
  const used = [...new Set(tools)].filter((name) => !BOOKKEEPING.has(name)).toSorted();
  return words.length < MIN_WORDS ? undefined : { words: words.map(digest).toSorted(), tools: used };
}

/** By the rules of the language, since not all put spaces between words. Made once: making it costs more than a request takes. */
const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' });

function wordsOf(request: string): readonly string[] {
  const plain = request.slice(0, MAX_CHARS).normalize('NFKC').toLowerCase().replace(PARTICULARS, ' ');
  const words = new Set<string>();
  for (const { segment, isWordLike } of segmenter.segment(plain)) {
    if (!isWordLike || /\d/.test(segment) || STOPWORDS.has(segment)) continue;
    if (/^\p{Script=Latin}{1,2}$/u.test(segment)) continue;
    words.add(stem(segment));
    if (words.size >= MAX_WORDS) break;
  }
  return [...words];
}

/** Enough to bring "report" and "reports" together. */
function stem(word: string): string {
  return word.length > 4 ? word.replace(/(?:ing|ies|es|ed|s|en|e)$/u, '') : word;
}

function digest(word: string): string {
  return sha256Hex(word, DIGEST_CHARS);
}

/** From 0 to 1. */
export function similarityOf(a: Task, b: Task): number {
  const words = overlap(a.words, b.words);
  if (a.tools.length === 0 || b.tools.length === 0) return words;
  return words * (1 - TOOL_WEIGHT) + overlap(a.tools, b.tools) * TOOL_WEIGHT;
}

function overlap(a: readonly string[], b: readonly string[]): number {
  const both = new Set(b);
  const shared = new Set(a.filter((one) => both.has(one))).size;
  const all = new Set([...a, ...b]).size;
  return all === 0 ? 0 : shared / all;
}

/** The kind that the task is most like; undefined when it is like none. */
export function findFamily(families: readonly TaskFamily[], task: Task): TaskFamily | undefined {
  let best: { family: TaskFamily; similarity: number } | undefined;
  for (const family of families) {
    const similarity = similarityOf(family, task);
    if (similarity >= SAME_KIND && similarity > (best?.similarity ?? 0)) best = { family, similarity };
  }
  return best?.family;
}
