import { describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import type { ProcessDb } from '../../data/db.ts';
import { countMessages } from '../../data/messages.ts';
import { getChat, setChat, touchChat } from '../../data/process/chats.ts';
import { endInbox } from '../../data/process/inbox.ts';
import { finishTurn } from '../../data/process/turns.ts';
import { indexMessages } from '../../data/derived/search-index.ts';
import { searchMessages } from '../../data/search.ts';
import {
  changeSession,
  createSession,
  currentSession,
  deleteSession,
  findSessions,
  getSession,
  listSessions,
  switchSession,
} from '../../data/sessions.ts';
import { sessionId } from '../../shared/ids.ts';
import { begin, converse, makePerson, makeSpeaker, queue } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

async function openConversation() {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  return { ...data, ann };
}

describe('the current session', () => {
  test('is the newest that was not made apart, or the one switched to', async () => {
    const { db, ann } = await openConversation();
    const second = await createSession(db, ann.scope, { like: { ...ann.session, model: 'm', personality: 'pirate' } });
    expect(second).toMatchObject({ model: 'm', personality: 'pirate', title: undefined });
    const apart = await createSession(db, ann.scope, { detached: true });
    expect((await currentSession(db, ann.scope))?.id).toBe(second.id);
    expect(await switchSession(db, ann.scope, apart.id)).toBe(true);
    expect((await currentSession(db, ann.scope))?.id).toBe(apart.id);
    expect(await switchSession(db, ann.scope, sessionId('none'))).toBe(false);
    expect((await currentSession(db, ann.scope))?.id).toBe(apart.id);
  });

  test('is none when it was deleted', async () => {
    const { db, ann } = await openConversation();
    await deleteSession(db, ann.scope, ann.session.id);
    expect(await currentSession(db, ann.scope)).toBeUndefined();
  });
});

describe('titles', () => {
  test('are unique in a space, also when two are given at the same time', async () => {
    const { db, ann } = await openConversation();
    const other = await createSession(db, ann.scope);
    const results = await Promise.all(
      [ann.session, other].map((one) => changeSession(db, ann.scope, one.id, { title: 'Trip' })),
    );
    expect(results.filter((given) => given)).toHaveLength(1);
    expect(await changeSession(db, ann.scope, ann.session.id, { title: 'Trip' })).toBe(true);
    const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
    expect(await changeSession(db, bob.scope, bob.session.id, { title: 'Trip' })).toBe(true);
    expect(await changeSession(db, ann.scope, ann.session.id, { title: null })).toBe(true);
    expect(await changeSession(db, ann.scope, other.id, { title: 'Trip' })).toBe(true);
  });

  test('a change leaves alone what it does not name', async () => {
    const { db, ann, clock } = await openConversation();
    await changeSession(db, ann.scope, ann.session.id, { title: 'T', model: 'm' });
    await clock.advance(7);
    await changeSession(db, ann.scope, ann.session.id, { personality: 'p' });
    expect(await getSession(db, ann.scope, ann.session.id)).toMatchObject({
      title: 'T',
      model: 'm',
      personality: 'p',
      updatedAt: clock.now(),
    });
    expect(await changeSession(db, ann.scope, sessionId('none'), { model: 'x' })).toBe(false);
  });
});

describe('lists', () => {
  test('latest first, with the number of messages and the first thing said', async () => {
    const { db, ann, clock } = await openConversation();
    const other = await createSession(db, ann.scope, { detached: true });
    await clock.advance(10);
    await converse(db, ann, 'about cats');
    await converse(db, ann, 'about dogs');
    expect(
      (await listSessions(db, ann.scope, 10)).map(({ id, messages, opening }) => ({ id, messages, opening })),
    ).toEqual([
      { id: ann.session.id, messages: 4, opening: 'about cats' },
      { id: other.id, messages: 0, opening: '' },
    ]);
    expect(await listSessions(db, ann.scope, 1)).toHaveLength(1);
  });

  test('found by id, title or a prefix of either, exact before prefix', async () => {
    const { db, ann } = await openConversation();
    const two = await createSession(db, ann.scope);
    const three = await createSession(db, ann.scope);
    await changeSession(db, ann.scope, ann.session.id, { title: 'Trip' });
    await changeSession(db, ann.scope, two.id, { title: 'Trip to Rome' });
    await changeSession(db, ann.scope, three.id, { title: '100% sure_' });
    const find = async (text: string) => (await findSessions(db, ann.scope, text)).map((one) => one.id);
    expect(await find('trip')).toEqual([ann.session.id]);
    expect((await find('tri')).toSorted()).toEqual([ann.session.id, two.id].toSorted());
    expect(await find('TRIP TO R')).toEqual([two.id]);
    expect(await find(three.id.toLowerCase())).toEqual([three.id]);
    expect(await find('100%')).toEqual([three.id]);
    for (const none of ['%', '_', 'rome', 'x']) expect(await find(none)).toEqual([]);
  });
});

describe('deleteSession', () => {
  const indexed = async (db: ProcessDb) => {
    const count = async (table: string) =>
      (await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db.query)).rows[0]?.n;
    return [await count('messages'), await count('search_words'), await count('search_parts')];
  };

  test('takes its messages and their index entries with it, and nothing else', async () => {
    const { db, ann } = await openConversation();
    await converse(db, ann, 'the secret is marmalade', 'noted');
    const next = { ...ann, session: await createSession(db, ann.scope) };
    await converse(db, next, 'marmalade again', 'fine');
    await indexMessages(db);
    expect(await indexed(db)).toEqual([4, 4, 4]);
    expect(await deleteSession(db, ann.scope, ann.session.id)).toBe(true);
    expect(await indexed(db)).toEqual([2, 2, 2]);
    for (const query of ['marmalade', 'armala'])
      expect((await searchMessages(db, ann.scope, { query, limit: 9 })).map((hit) => hit.text)).toEqual([
        'marmalade again',
      ]);
    expect(await countMessages(db, ann.scope, next.session.id)).toBe(2);
    expect(await deleteSession(db, ann.scope, ann.session.id)).toBe(false);
    await sql`insert into search_words (search_words) values ('integrity-check')`.execute(db.query);
  });

  test('deleting a person takes all of theirs', async () => {
    const { db, ann } = await openConversation();
    await converse(db, ann, 'one');
    const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
    await converse(db, bob, 'two');
    await indexMessages(db);
    await sql`delete from persons where id = ${ann.person.id}`.execute(db.query);
    expect(await indexed(db)).toEqual([2, 2, 2]);
    expect(await getSession(db, ann.scope, ann.session.id)).toBeUndefined();
  });

  test('a chat that showed it shows its space again', async () => {
    const { db, ann } = await openConversation();
    await touchChat(db, ann.address, 'Ann');
    await setChat(db, ann.address, { session: ann.session.id });
    await deleteSession(db, ann.scope, ann.session.id);
    expect((await getChat(db, ann.address))?.session).toBeUndefined();
  });

  test('not while a message waits in it or a turn runs: their answers would have no place', async () => {
    const { db, ann } = await openConversation();
    const waiting = await queue(db, ann);
    await expect(deleteSession(db, ann.scope, ann.session.id)).rejects.toMatchObject({ code: 'not_allowed' });
    await endInbox(db, [waiting], { state: 'superseded' });
    const { turn, row } = await begin(db, ann);
    await expect(deleteSession(db, ann.scope, ann.session.id)).rejects.toMatchObject({ code: 'not_allowed' });
    await finishTurn(db, {
      turn,
      state: 'done',
      messages: [],
      outbox: [],
      inbox: [{ rows: [row], state: 'answered' }],
    });
    expect(await deleteSession(db, ann.scope, ann.session.id)).toBe(true);
  });
});
