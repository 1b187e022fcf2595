// Messages enter the search indexes many at a time; whoever searches does not notice.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { indexMessages } from '../../data/derived/search-index.ts';
import type { Db } from '../../data/db.ts';
import { migrations } from '../../data/migrations/index.ts';
import { searchMessages } from '../../data/search.ts';
import { createSession, deleteSession } from '../../data/sessions.ts';
import { converse, makePerson, makeSpeaker } from './conversation.ts';
import { openTemporaryData, temporaryFolder } from './temporary-data.ts';

async function countIndexed(db: Db, table = 'search_words'): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db.query);
  return rows[0]?.n ?? 0;
}

async function openConversation() {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  const find = async (query: string) =>
    (await searchMessages(data.db, ann.scope, { query, limit: 500 })).map((hit) => hit.text);
  return { ...data, ann, find };
}

test('a search finds what was said just before', async () => {
  const { db, ann, find } = await openConversation();
  await converse(db, ann, 'one apple', '…');
  expect(await countIndexed(db)).toBe(0);
  expect(await find('apple')).toEqual(['one apple']);
  await converse(db, ann, 'two apples', '…');
  expect((await find('appl')).toSorted()).toEqual(['one apple', 'two apples']);
});

test('they are brought in without a search when many wait', async () => {
  const { db, ann } = await openConversation();
  for (let i = 0; i < 49; i++) await converse(db, ann, `word${i}`, 'yes');
  expect(await countIndexed(db)).toBe(0);
  await converse(db, ann, 'word49', 'yes');
  expect(await countIndexed(db)).toBe(100);
});

test('what is deleted while it waits is never brought in, and what waits longest comes first', async () => {
  const { db, ann, find } = await openConversation();
  await converse(db, ann, 'kept pear', '…');
  const next = { ...ann, session: await createSession(db, ann.scope) };
  await converse(db, next, 'gone pear', '…');
  await deleteSession(db, ann.scope, next.session.id);
  await converse(db, ann, 'new pear', '…');
  expect((await find('pear')).toSorted()).toEqual(['kept pear', 'new pear']);
  expect(await countIndexed(db)).toBe(4);
  await sql`insert into search_words (search_words) values ('integrity-check')`.execute(db.query);
});

test('two that bring them in at once do it once', async () => {
  const { db, ann, find } = await openConversation();
  await converse(db, ann, 'a plum', '…');
  await Promise.all([indexMessages(db), indexMessages(db), find('plum')]);
  expect(await find('plum')).toEqual(['a plum']);
  expect(await countIndexed(db)).toBe(2);
});

test('messages that the triggers of an earlier version indexed are not indexed twice', async () => {
  const home = temporaryFolder();
  const before = migrations.slice(
    0,
    migrations.findIndex(({ name }) => name === '0004-index-messages-later'),
  );
  const old = await openTemporaryData({ home, migrations: before });
  const ann = await makeSpeaker(old.db, await makePerson(old.db, 'ann'));
  await sql`insert into messages (session_id, space_id, role, author, text, origin, state, created_at)
    values (${ann.session.id}, ${ann.scope.space}, 'user', 'Ann', 'an old fig', 'member', 'active', 1)`.execute(
    old.db.query,
  );
  expect(await countIndexed(old.db, 'messages_fts')).toBe(1);
  await old.close();
  const { db } = await openTemporaryData({ home });
  await converse(db, ann, 'a new fig', '…');
  expect(await countIndexed(db)).toBe(0); // nothing is indexed before somebody searches
  const hits = await searchMessages(db, ann.scope, { query: 'fig', limit: 9 });
  expect(hits.map((hit) => hit.text).toSorted()).toEqual(['a new fig', 'an old fig']);
  await deleteSession(db, ann.scope, ann.session.id);
  expect(await countIndexed(db)).toBe(0);
});

test('what was there before comes in by batches, newest first, and is found meanwhile as far as it is in', async () => {
  const { db, ann } = await openConversation();
  const old = 30_000;
  await sql`insert into messages (session_id, space_id, role, author, text, origin, state, created_at)
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${old})
    select ${ann.session.id}, ${ann.scope.space}, 'user', 'Ann', 'quince ' || i, 'member', 'active', i from n`.execute(
    db.query,
  );
  await sql`update search_state set through = ${old}, since = ${old + 1}`.execute(db.query);
  const find = async (query: string) =>
    (await searchMessages(db, ann.scope, { query, limit: 9 })).map((hit) => hit.text);
  await converse(db, ann, 'a new quince', '…');
  expect(await find('new quince')).toEqual(['a new quince']);
  expect(await countIndexed(db)).toBeLessThan(old / 2);
  let rounds = 0;
  while ((await countIndexed(db)) < old + 2 && rounds++ < 2_000) await setImmediate();
  expect(await find('"quince 1"')).toEqual(['quince 1']);
  expect(await find(`"quince ${old}"`)).toEqual([`quince ${old}`]);
  await sql`insert into search_words (search_words) values ('integrity-check')`.execute(db.query);
  await deleteSession(db, ann.scope, ann.session.id);
  expect([await countIndexed(db), await countIndexed(db, 'search_parts')]).toEqual([0, 0]);
});
