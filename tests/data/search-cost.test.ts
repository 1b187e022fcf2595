// What a search may cost, counted instead of timed: each question to an index is bounded to one space and to a number of entries, in the
// order of the index, whatever is asked; what is read besides goes by primary keys.
import path from 'node:path';
import Database from 'better-sqlite3';
import { sql, type KyselyPlugin, type RootOperationNode } from 'kysely';
import { expect, test } from 'vitest';
import { DATABASE_FILE } from '../../data/db.ts';
import { indexMessages } from '../../data/derived/search-index.ts';
import { personScope } from '../../data/scope.ts';
import { searchMessages } from '../../data/search.ts';
import { makePerson, makeSpeaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const MESSAGES = 6_000;

/** Ann said as much as Bob, every message with the same words. */
async function openCrowd() {
  const { db, home } = await openTemporaryData();
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
  for (const { session, scope } of [ann, bob])
    await sql`insert into messages (session_id, space_id, role, author, text, origin, state, created_at)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${MESSAGES / 2})
      select ${session.id}, ${scope.space}, 'user', '', 'common words of everybody 明天去东京 no' || i, 'member', 'active', i from n`.execute(
      db.query,
    );
  await indexMessages(db);
  const raw = new Database(path.join(home, DATABASE_FILE), { readonly: true });
  const seen: { node: RootOperationNode; rows: number }[] = [];
  let last: RootOperationNode | undefined;
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      last = node;
      return node;
    },
    async transformResult({ result }) {
      if (last) seen.push({ node: last, rows: result.rows.length });
      return result;
    },
  };
  const watched = { ...db, query: db.query.withPlugin(plugin) };
  const asked = () =>
    seen.splice(0).map(({ node, rows }) => {
      const { sql: text, parameters } = db.query.getExecutor().compileQuery(node, { queryId: 'plan' });
      const plan = raw.prepare<unknown[], { detail: string }>(`explain query plan ${text}`).all(...parameters);
      return { text, rows, plan: plan.map(({ detail }) => detail) };
    });
  return { db: watched, ann, bob, asked, close: () => raw.close() };
}

const QUERIES = [
  'common',
  'common words everybody',
  '"common words"',
  'no17',
  'ommo',
  'mm',
  '东',
  '东京',
  '明天去东京',
  'nothing-of-that',
  'common zzz 东京 ommo mm',
  'a b c d e f g h i j k l m n o p q r s t u v w x y z',
];

test('every kind of query', async () => {
  const { db, ann, asked, close } = await openCrowd();
  const cases = QUERIES.flatMap((query) =>
    (['relevance', 'newest', 'oldest'] as const).map((sort) => ({ query, sort })),
  );
  for (const { query, sort } of cases) {
    await searchMessages(db, ann.scope, {
      query,
      limit: 20,
      sort,
      exceptSession: ann.session.id,
      exceptFrom: MESSAGES,
    });
    const statements = asked();
    expect(statements.length).toBeLessThan(60);
    for (const { text, rows, plan } of statements) {
      expect(rows).toBeLessThanOrEqual(500);
      const indexes = plan.filter((line) => line.includes('VIRTUAL TABLE'));
      // M: the words; > and <: from and to a number, which the index itself skips to. Two limits: entries, and messages.
      for (const line of indexes) expect(line).toMatch(/^SCAN search_(words|parts) VIRTUAL TABLE INDEX \d+:M\d+><$/);
      if (indexes.length > 0) expect(text.match(/\blimit \+\?/g), `${query}: ${text}`).toHaveLength(2);
      expect(plan.join('\n')).not.toContain('TEMP B-TREE');
      expect(plan.filter((line) => /^SCAN (m|messages|s|t|turns|sessions)\b/.test(line))).toEqual([]);
    }
  }
  close();
});

test('others cost nothing: a person without messages is told at once, and one with messages reads their own only', async () => {
  const { db, bob, asked, close } = await openCrowd();
  const nobody = await makePerson(db, 'cid');
  asked();
  expect(await searchMessages(db, personScope(nobody.id), { query: 'common', limit: 9 })).toEqual([]);
  expect(asked().some(({ text }) => text.includes('match'))).toBe(false);
  const hits = await searchMessages(db, bob.scope, { query: 'common', limit: 500 });
  expect(hits.map((hit) => hit.session)).toEqual(hits.map(() => bob.session.id));
  close();
});
