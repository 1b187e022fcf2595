// Full-text search over what was said, within one Scope: all words, else any word, else parts of words. What a search costs is bounded: the
// newest messages that match are looked at, and ordered here; ranking all that match would read the index of everything ever said.
import { sql } from 'kysely';
import type { SessionId } from '../shared/ids.ts';
import type { Origin } from '../shared/messages.ts';
import type { Db } from './db.ts';
import { indexMessages } from './derived/search-index.ts';
import { trigramsOf, wordsOf } from './derived/search-text.ts';
import type { Scope } from './scope.ts';
import { parseQuery, splitTerms, type Term } from './search/query.ts';
import { holdsAll, holdsPart, rank } from './search/rank.ts';

export interface SearchHit {
  message: number;
  session: SessionId;
  sessionTitle: string | undefined;
  role: 'user' | 'assistant';
  author: string;
  text: string;
  /** Whose words they are. */
  origin: Origin;
  createdAt: number;
  /** Platform of the turn it was said in; undefined for what was brought in from elsewhere. */
  platform: string | undefined;
}

export interface SearchOptions {
  /** Words, any of which may match; best first. */
  query: string;
  limit: number;
  /** Default: what matches best. */
  sort?: 'relevance' | 'newest' | 'oldest' | undefined;
  role?: 'user' | 'assistant' | undefined;
  /** Leave one session out: the model has it before its eyes already. */
  exceptSession?: SessionId | undefined;
  /** Of that session, only messages from this one on. Default: all of it. */
  exceptFrom?: number | undefined;
}

/** Messages that are ordered by how well they match. */
const CANDIDATES = 500;
/** Entries of an index read for them, when some are of the session that is left out or were taken back. */
const MAX_ENTRIES = 2_500;
/** Messages read from end to end for what no index holds: parts of one or two letters. */
const MAX_SCANNED = 5_000;

const MAX_WORDS = 24;
/** They are looked for in so much of a text. */
const MAX_WORDS_CHARS = 20_000;

interface Search {
  db: Db;
  scope: Scope;
  options: SearchOptions;
  /** Number of the space in the indexes. */
  space: number;
}

/** Best matches first. An empty or unsearchable query finds nothing. Workers' conversations are not searched. */
export async function searchMessages(db: Db, scope: Scope, options: SearchOptions): Promise<readonly SearchHit[]> {
  const terms = parseQuery(options.query);
  if (terms.length === 0) return [];
  await indexMessages(db);
  const numbers = await sql<{ n: number }>`select n from search_spaces where space_id = ${scope.space}`.execute(
    db.query,
  );
  const space = numbers.rows[0]?.n;
  if (space === undefined) return [];
  const search: Search = { db, scope, options, space };
  const split = splitTerms(terms);
  for (const wanted of split.length > terms.length ? [terms, split] : [terms]) {
    const hits = await matchAll(search, wanted);
    if (hits.length > 0) return inOrder(search, hits, wanted);
  }
  return inOrder(search, await matchAny(search, split), split);
}

/** Words of a query as full-text search splits them, at most 24; punctuation separates. */
export function searchWords(query: string): readonly string[] {
  return wordsOf(query.slice(0, MAX_WORDS_CHARS)).slice(0, MAX_WORDS);
}

function inOrder({ options }: Search, hits: readonly SearchHit[], terms: readonly Term[]): readonly SearchHit[] {
  const byTime = (a: SearchHit, b: SearchHit) => a.message - b.message;
  if (options.sort === 'oldest') return hits.toSorted(byTime).slice(0, options.limit);
  if (options.sort === 'newest') return hits.toSorted(byTime).reverse().slice(0, options.limit);
  return rank(hits, terms).slice(0, options.limit);
}

async function matchAll(search: Search, terms: readonly Term[]): Promise<readonly SearchHit[]> {
  const match = terms.map((term) => `(${term.match})`).join(' AND ');
  const hits = await readIndex(search, { table: 'search_words', match, limit: CANDIDATES });
  return terms.some(({ isLoose }) => isLoose) ? hits.filter(({ text }) => holdsAll(text, terms)) : hits;
}

/** Each term for itself, so that a rare word is not lost among the messages that hold a common one. */
async function matchAny(search: Search, terms: readonly Term[]): Promise<readonly SearchHit[]> {
  const limit = Math.max(25, Math.floor(CANDIDATES / terms.length));
  const found = new Map<number, SearchHit>();
  const missing: Term[] = [];
  for (const term of terms) {
    const hits = (await readIndex(search, { table: 'search_words', match: term.match, limit })).filter(
      ({ text }) => !term.isLoose || holdsAll(text, [term]),
    );
    const parts = hits.length === 0 ? await matchPart(search, term, limit) : [];
    if (hits.length + parts.length === 0) missing.push(term);
    for (const hit of [...hits, ...parts]) found.set(hit.message, hit);
  }
  return found.size > 0 ? [...found.values()] : scanNewest(search, missing);
}

async function matchPart(search: Search, term: Term, limit: number): Promise<readonly SearchHit[]> {
  const { part } = term;
  const match =
    part === undefined
      ? ''
      : trigramsOf(part)
          .map((trigram) => `"${trigram}"`)
          .join(' AND ');
  if (part === undefined || match === '') return [];
  const hits = await readIndex(search, { table: 'search_parts', match, limit });
  return hits.filter(({ text }) => holdsPart(text, part));
}

interface HitRow {
  id: number;
  session_id: SessionId;
  title: string | null;
  role: 'user' | 'assistant';
  author: string;
  text: string;
  origin: Origin;
  created_at: number;
  platform: string | null;
}

/** The newest messages (the oldest, when those come first) that match, in the order of the index. */
async function readIndex(
  { db, scope, options, space }: Search,
  { table, match, limit }: { table: 'search_words' | 'search_parts'; match: string; limit: number },
): Promise<readonly SearchHit[]> {
  const order = sql.raw(options.sort === 'oldest' ? 'asc' : 'desc');
  const { rows } = await sql<HitRow>`
    select m.id, m.session_id, s.title, m.role, m.author, m.text, m.origin, m.created_at, t.platform
    from (select rowid & 0xffffffff as id from ${sql.table(table)}
        where ${sql.table(table)} match ${match} and rowid >= (${space} << 32) and rowid < ((${space} + 1) << 32)
        order by rowid ${order} limit ${MAX_ENTRIES}) f
      cross join messages m on m.id = f.id join sessions s on s.id = m.session_id left join turns t on t.id = m.turn_id
    where ${searched(scope, options)} limit ${limit}`.execute(db.query);
  return rows.map(hitOf);
}

/** One- and two-letter parts, which no index holds, in the newest messages. */
async function scanNewest({ db, scope, options }: Search, terms: readonly Term[]): Promise<readonly SearchHit[]> {
  const parts = terms.flatMap(({ words }) => words);
  if (parts.length === 0) return [];
  const { rows } = await sql<HitRow>`
    select m.id, m.session_id, s.title, m.role, m.author, m.text, m.origin, m.created_at, t.platform
    from (select id from messages where space_id = ${scope.space} order by id desc limit ${MAX_SCANNED}) f
      cross join messages m on m.id = f.id join sessions s on s.id = m.session_id left join turns t on t.id = m.turn_id
    where ${searched(scope, options)} and m.role in ('user','assistant') and (${sql.join(
      parts.map((part) => sql`instr(m.text, ${part}) > 0`),
      sql` or `,
    )}) limit ${CANDIDATES}`.execute(db.query);
  return rows.map(hitOf);
}

function searched(scope: Scope, { role, exceptSession, exceptFrom }: SearchOptions) {
  const ofRole = role === undefined ? sql`` : sql` and m.role = ${role}`;
  const elsewhere =
    exceptSession === undefined ? sql`` : sql` and (m.session_id <> ${exceptSession} or m.id < ${exceptFrom ?? 0})`;
  return sql`m.space_id = ${scope.space} and m.state <> 'undone' and s.task_id is null${ofRole}${elsewhere}`;
}

function hitOf(row: HitRow): SearchHit {
  return {
    message: row.id,
    session: row.session_id,
    sessionTitle: row.title ?? undefined,
    role: row.role,
    author: row.author,
    text: row.text,
    origin: row.origin,
    createdAt: row.created_at,
    platform: row.platform ?? undefined,
  };
}
