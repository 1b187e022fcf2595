// What of the memory fits the words of a turn: found by words, by parts of words and, where there is one, by meaning.
import type { Db } from '../../data/db.ts';
import { foldText, getMemories, hasMemories, type MemoryEntry } from '../../data/memory/entries.ts';
import { searchMemoryParts, searchMemoryWords } from '../../data/memory/search.ts';
import type { Scope } from '../../data/scope.ts';
import { withDeadline } from '../../shared/deadline.ts';
import type { Logger } from '../../shared/log.ts';
import { whyBlocked } from './scan.ts';
import { isNearDuplicate } from './similar.ts';

/** Search by meaning, where one is set up. */
export interface SemanticPort {
  /**
   * Entries of the scope's space that mean something similar, nearest first; `entry` is the id of the row in decimal. May reject: the
   * search by words counts then.
   */
  nearest(
    scope: Scope,
    text: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly { entry: string; distance: number }[]>;
  /** Entries of the space were added, changed or deleted. Returns at once. */
  changed(scope: Scope): void;
}

export interface RecallDeps {
  db: Db;
  log: Logger;
  semantic: SemanticPort | undefined;
}

export interface RecallQuery {
  text: string;
  limit: number;
  /** What was taken out or replaced, too. Default false. */
  withSuperseded?: boolean;
  /** True: only what fits well, since nobody asked for it. Default false. */
  isUnasked?: boolean;
}

/** Looked at from each index. */
const CANDIDATES = 60;
const MAX_WORDS = 32;
/** Of the best hit: what is below is noise to somebody who did not ask. */
const UNASKED_SHARE = 0.3;
/** No turn waits longer for the meaning of its words. */
const SEMANTIC_MS = 1_500;
/** https://dl.acm.org/doi/10.1145/1571941.1572114 (read 2026-11-21) */
const FUSION = 60;
const DAY_MS = 24 * 3_600_000;

/** Best first, each thing once. Never rejects for what the search by meaning does. */
export async function recallEntries(
  deps: RecallDeps,
  scope: Scope,
  query: RecallQuery,
): Promise<readonly MemoryEntry[]> {
  if (!(await hasMemories(deps.db, scope))) return [];
  const byWords = await lexical(deps.db, scope, query);
  const byMeaning = await nearest(deps, scope, query);
  const ranked = byMeaning.length === 0 ? byWords : fuse([byWords, byMeaning]);
  const chosen: MemoryEntry[] = [];
  for (const entry of ranked) {
    if (chosen.length >= query.limit) break;
    if (whyBlocked(entry) !== undefined) continue;
    if (!chosen.some((one) => isNearDuplicate(one.text, entry.text))) chosen.push(entry);
  }
  return chosen;
}

async function lexical(db: Db, scope: Scope, query: RecallQuery): Promise<readonly MemoryEntry[]> {
  const words = queryWords(query.text);
  if (words.length === 0) return [];
  const search = { words, limit: CANDIDATES, withSuperseded: query.withSuperseded ?? false };
  const whole = await searchMemoryWords(db, scope, search);
  // Parts of words say less than words: they help out where these find little.
  const parts = whole.length >= query.limit ? [] : await searchMemoryParts(db, scope, search);
  const now = db.clock.now();
  const scores = new Map<number, { entry: MemoryEntry; score: number }>();
  for (const [hits, weight] of [
    [whole, 1],
    [parts, 0.6],
  ] as const) {
    const best = hits[0]?.score ?? 0;
    for (const { entry, score } of hits) {
      const value = weight * (best > 0 ? Math.max(0, score / best) : 0) * liveliness(entry, now);
      if (value > (scores.get(entry.id)?.score ?? -1)) scores.set(entry.id, { entry, score: value });
    }
  }
  const sorted = [...scores.values()].toSorted((a, b) => b.score - a.score || b.entry.id - a.entry.id);
  const floor = query.isUnasked ? (sorted[0]?.score ?? 0) * UNASKED_SHARE : 0;
  return sorted.filter(({ score }) => score >= floor).map(({ entry }) => entry);
}

/** What is new or was of use counts a little more; what is out of date, less. */
function liveliness(entry: MemoryEntry, now: number): number {
  const age = Math.max(0, now - Math.max(entry.updatedAt, entry.usedAt ?? 0)) / DAY_MS;
  const fresh = 0.15 * 2 ** (-age / 90);
  const used = 0.02 * Math.min(5, Math.log2(1 + entry.uses));
  return (1 + fresh + used) * (entry.state === 'superseded' ? 0.6 : 1);
}

async function nearest(
  { db, log, semantic }: RecallDeps,
  scope: Scope,
  query: RecallQuery,
): Promise<readonly MemoryEntry[]> {
  if (!semantic || query.text.trim() === '') return [];
  try {
    const found = await withDeadline({ timeoutMs: SEMANTIC_MS, clock: db.clock }, (signal) =>
      semantic.nearest(scope, query.text, CANDIDATES, signal),
    );
    const ids = found.map(({ entry }) => Number(entry)).filter(Number.isSafeInteger);
    // The rows say what holds: an index may be behind.
    return (await getMemories(db, scope, ids)).filter(
      ({ state }) => state === 'active' || (query.withSuperseded === true && state === 'superseded'),
    );
  } catch (error) {
    log.warn({ err: error }, 'the search by meaning failed; what the words found counts');
    return [];
  }
}

/** Reciprocal rank fusion: what several searches find early comes first. */
function fuse(lists: readonly (readonly MemoryEntry[])[]): readonly MemoryEntry[] {
  const scores = new Map<number, { entry: MemoryEntry; score: number }>();
  for (const list of lists)
    for (const [rank, entry] of list.entries()) {
      const score = (scores.get(entry.id)?.score ?? 0) + 1 / (FUSION + rank + 1);
      scores.set(entry.id, { entry, score });
    }
  return [...scores.values()].toSorted((a, b) => b.score - a.score).map(({ entry }) => entry);
}

/** The words of a text that say what it is about, each once. */
function queryWords(text: string): readonly string[] {
  const words = [...new Set(foldText(text).split(' '))].filter((word) => /[\p{L}\p{N}]/u.test(word));
  const telling = words.filter((word) => !COMMON.has(word));
  return (telling.length > 0 ? telling : words).slice(0, MAX_WORDS);
}

/** Words that stand in every text: English and German, without accents. What is rare is told by the index itself. */
const COMMON: ReadonlySet<string> = new Set(
  (
    'a about all also am an and any are as at be been but by can could did do does for from get had has have he her him his how i if in ' +
    'into is it its just like me my no not of on or our out please s she should so some t than that the their them then there these they ' +
    'this to up us was we were what when where which who whom whose why will with would you your tell again know remember ' +
    'aber als am an auch auf aus bei bin bis bist bitte da das dass dein dem den der des die dir du ein eine einem einen einer er es fur ' +
    'hab habe haben hat hatte ich ihr im in ist ja kann mein meine mich mir mit nach nicht noch oder schon sein sich sie sind so und uns ' +
    'von vor war was weil wenn wer wie wir wird wo zu zum zur'
  ).split(' '),
);
