// How long a search takes among a million messages of many people: fills a database (or takes the one in --home), asks a few hundred queries
// of each kind and prints what they took. node bench/search.ts [--messages 1000000] [--queries 200] [--home FOLDER] [--seed 1]
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { openData, type ProcessDb } from '../data/db.ts';
import { indexMessages } from '../data/derived/search-index.ts';
import { createPerson } from '../data/process/people.ts';
import { personScope, type Scope } from '../data/scope.ts';
import { searchMessages } from '../data/search.ts';
import { createSession } from '../data/sessions.ts';
import { makeLanguage, type Language } from './search-words.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    queries: { type: 'string', default: '200' },
    home: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const total = Number(values.messages);
const queries = Number(values.queries);
const home = values.home ?? fs.mkdtempSync(path.join(os.tmpdir(), 'herald-bench-search-'));
const language = makeLanguage(Number(values.seed));
const PER_SESSION = 60;

/** Shares of all messages: one person who writes a lot, some who write as usual, many who seldom write. */
const SHARES = [0.4, ...Array.from({ length: 20 }, () => 0.02), ...Array.from({ length: 180 }, () => 0.2 / 180)];

/** Conversations of all people take turns, as they do in life. */
async function fill(db: ProcessDb): Promise<void> {
  const people: Scope[] = [];
  for (const index of SHARES.keys())
    people.push(personScope((await createPerson(db, { name: `person${index}`, role: 'member' })).id));
  const owners = SHARES.flatMap((share, index) =>
    Array.from({ length: Math.ceil((total * share) / PER_SESSION) }, () => ({ index, at: language.random() })),
  ).sort((a, b) => a.at - b.at);
  for (const { index } of owners) {
    const scope = people[index];
    if (scope) await fillSession(db, scope, index);
  }
}

async function fillSession(db: ProcessDb, scope: Scope, index: number): Promise<void> {
  const session = await createSession(db, scope, { detached: true });
  const texts = Array.from({ length: PER_SESSION }, (_, at) => [
    at % 2 === 0 ? 'user' : 'assistant',
    // Every fourth person writes Chinese, and so does the one who writes most, now and then.
    index % 4 === 3 || (index === 0 && at % 10 === 0) ? language.signs() : language.sentence(),
  ]);
  await sql`insert into messages (session_id, space_id, role, author, text, origin, state, created_at)
    select ${session.id}, ${scope.space}, value ->> '$[0]', '', value ->> '$[1]', 'owner', 'active', 1
    from json_each(${JSON.stringify(texts)})`.execute(db.query);
}

async function listScopes(db: ProcessDb): Promise<readonly Scope[]> {
  const rows = await db.query.selectFrom('persons').select('id').orderBy('id').execute();
  return rows.map(({ id }) => personScope(id));
}

const kinds: Readonly<Record<string, (words: Language) => string>> = {
  'common word': (words) => words.common(),
  'common words, together': (words) => `${words.common()} ${words.common()} ${words.common()}`,
  'rare word': (words) => words.rare(),
  'rare and common': (words) => `${words.rare()} ${words.common()}`,
  'no such word': (words) => `${words.rare()}qqx`,
  'two letters': (words) => words.common().slice(0, 2),
  'part of a word': (words) => words.rare().slice(1, -1),
  'quoted phrase': (words) => `"${words.common()} ${words.common()}"`,
  'joined by a hyphen': (words) => `${words.rare()}-${words.common()}`,
  'a question': (words) => `what did we say about ${words.common()} and ${words.rare()} and ${words.common()}`,
  'one Chinese sign': (words) => words.sign(),
  'two Chinese signs': (words) => words.sign() + words.sign(),
  'four Chinese signs': (words) => words.signs().slice(0, 4),
};

async function measure(db: ProcessDb, scopes: readonly Scope[], label: string): Promise<void> {
  const all: number[] = [];
  process.stdout.write(`\n${label}\n| kind | p50 ms | p95 ms | p99 ms | found |\n|---|---:|---:|---:|---:|\n`);
  for (const [kind, make] of Object.entries(kinds)) {
    const took: number[] = [];
    let found = 0;
    for (let at = 0; at < queries; at++) {
      const scope = scopes[Math.floor(language.random() * scopes.length)];
      if (!scope) continue;
      const query = make(language);
      const before = process.hrtime.bigint();
      const hits = await searchMessages(db, scope, { query, limit: 20 });
      took.push(Number(process.hrtime.bigint() - before) / 1e6);
      if (hits.length > 0) found++;
    }
    all.push(...took);
    process.stdout.write(`| ${kind} | ${percentiles(took)} | ${Math.round((100 * found) / queries)} % |\n`);
  }
  process.stdout.write(`| all | ${percentiles(all)} | |\n`);
}

function percentiles(took: readonly number[]): string {
  const sorted = took.toSorted((a, b) => a - b);
  return [0.5, 0.95, 0.99]
    .map((share) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1))
    .join(' | ');
}

async function count(db: ProcessDb): Promise<number> {
  return (await sql<{ n: number }>`select count(*) as n from messages`.execute(db.query)).rows[0]?.n ?? 0;
}

async function timed(label: string, work: () => Promise<void>): Promise<void> {
  const before = performance.now();
  await work();
  process.stdout.write(`${label}: ${((performance.now() - before) / 1000).toFixed(1)} s\n`);
}

const opened = await openData({ home });
try {
  if ((await count(opened.db)) === 0) await timed('filled', () => fill(opened.db));
  await timed('indexed', () => indexMessages(opened.db));
  process.stdout.write(`${await count(opened.db)} messages, ${SHARES.length} people, seed ${values.seed}\n`);
  const scopes = await listScopes(opened.db);
  await measure(opened.db, scopes.slice(0, 1), 'the one who writes most (40 % of all messages):');
  await measure(opened.db, scopes, 'anybody:');
} finally {
  await opened.close();
  if (values.home === undefined) fs.rmSync(home, { recursive: true, force: true });
}
