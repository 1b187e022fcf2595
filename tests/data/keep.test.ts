import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { makeKeeper } from '../../data/query/keep.ts';
import { setChat, touchChat } from '../../data/process/chats.ts';
import { addIdentity, changePerson, deletePerson } from '../../data/process/people.ts';
import { getPersonSettings, setPersonSettings } from '../../data/process/person-settings.ts';
import { effectOf } from '../../data/query/table-writes.ts';
import { createSession } from '../../data/sessions.ts';
import { accountId, userId } from '../../shared/ids.ts';
import { dmAddress, makePerson, makeSpeaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

describe('effectOf', () => {
  test.each([
    ['insert into "inbox" ("a") values (+?)', { kind: 'insert', table: 'inbox' }],
    [
      'insert into "inbox" ("a") values (+?) on conflict do nothing returning "seq"',
      { kind: 'insert', table: 'inbox' },
    ],
    [
      'insert into "chats" ("a") values (+?) on conflict ("a") do update set "a" = +?',
      { kind: 'update', table: 'chats' },
    ],
    ['update "turns" set "state" = +?', { kind: 'update', table: 'turns' }],
    ['delete from "journal" where "turn_id" = +?', { kind: 'delete', table: 'journal' }],
    ["insert into meta values ('x', '1')", { kind: 'insert', table: 'meta' }],
    ['insert or ignore into meta values (1)', { kind: 'insert', table: 'meta' }],
    ['delete from meta', { kind: 'delete', table: 'meta' }],
    ['replace into meta values (1)', 'all'],
    ['insert or replace into meta values (1)', 'all'],
    ['update or ignore meta set value = 1', 'all'],
    ['with x as (select 1) insert into meta select * from x', 'all'],
    ['alter table meta add column more text', 'all'],
    ['', 'all'],
  ])('%s', (text, effect) => expect(effectOf(text)).toEqual(effect));
});

/** A reader of the persons' names that counts how often it really reads. */
async function openNames() {
  const opened = await openTemporaryData();
  const { db } = opened;
  const keep = makeKeeper<readonly string[]>('persons');
  let reads = 0;
  const names = () =>
    keep(db, 'names', async () => {
      reads++;
      const rows = await db.query.selectFrom('persons').select('name').orderBy('name').execute();
      return rows.map((row) => row.name);
    });
  return { ...opened, names, reads: () => reads };
}

describe('makeKeeper', () => {
  test('reads once until the table is written to', async () => {
    const { db, names, reads } = await openNames();
    const ann = await makePerson(db, 'ann');
    expect(await names()).toEqual(['ann']);
    expect(await names()).toEqual(['ann']);
    await touchChat(db, dmAddress('ann'), 'Ann');
    expect(await names()).toEqual(['ann']);
    expect(reads()).toBe(1);
    await changePerson(db, ann.id, { name: 'anna' });
    expect(await names()).toEqual(['anna']);
    await deletePerson(db, ann.id);
    expect(await names()).toEqual([]);
    expect(reads()).toBe(3);
  });

  test('what was read within a transaction that was undone is read again', async () => {
    const { db, names } = await openNames();
    const began = Promise.withResolvers<void>();
    const failing = db.query.transaction().execute(async (trx) => {
      await sql`insert into persons values ('p', 'bob', 'member', 1)`.execute(trx);
      began.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('changed my mind');
    });
    await began.promise;
    const during = names();
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await during).toEqual([]);
    expect(await names()).toEqual([]);
  });

  test('a write while it reads makes what was read old', async () => {
    const { db, names } = await openNames();
    const reading = names();
    await makePerson(db, 'ann');
    await reading;
    expect(await names()).toEqual(['ann']);
  });

  test('what goes with a row of another table is gone', async () => {
    const { db } = await openTemporaryData();
    const ann = await makePerson(db, 'ann');
    await setPersonSettings(db, ann.id, { dmScope: 'chat' });
    expect(await getPersonSettings(db, ann.id)).toEqual({ dmScope: 'chat' });
    await deletePerson(db, ann.id);
    expect(await getPersonSettings(db, ann.id)).toEqual({});
  });

  test('a reference that is set to null counts as a change', async () => {
    const { db } = await openTemporaryData();
    const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
    await touchChat(db, ann.address, 'Ann');
    const own = await createSession(db, ann.scope, { detached: true });
    await setChat(db, ann.address, { session: own.id });
    const before = db.writes.countChanges('chats');
    await sql`delete from sessions where id = ${own.id}`.execute(db.query);
    expect(db.writes.countChanges('chats')).toBeGreaterThan(before);
  });

  test('rows that are only added are told from changes', async () => {
    const { db } = await openTemporaryData();
    const ann = await makePerson(db, 'ann');
    const before = { count: db.writes.count('identities'), changes: db.writes.countChanges('persons') };
    const who = { platform: 'p', account: accountId('a'), user: userId('u'), person: ann.id, name: 'Ann' };
    await addIdentity(db, who);
    await makePerson(db, 'bob');
    expect(db.writes.count('identities')).toBeGreaterThan(before.count);
    expect(db.writes.countChanges('persons')).toBe(before.changes);
  });

  test('asked twice at the same time it reads once, but what a transaction asks does not wait for others', async () => {
    const { db } = await openTemporaryData();
    const keep = makeKeeper<string>('persons');
    let read = () => {};
    const waiting = new Promise<void>((resolve) => (read = resolve));
    const slow = async () => {
      await waiting;
      return 'outside';
    };
    const both = [keep(db, 'k', slow), keep(db, 'k', async () => 'a second read')];
    const inside = await db.query
      .transaction()
      .execute((trx) => keep({ ...db, query: trx }, 'k', async () => 'inside'));
    expect(inside).toBe('inside');
    read();
    expect(await Promise.all(both)).toEqual(['outside', 'outside']);
  });

  test('a read that failed is made anew', async () => {
    const { db } = await openTemporaryData();
    const keep = makeKeeper<string>('persons');
    await expect(keep(db, 'k', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await keep(db, 'k', async () => 'yes')).toBe('yes');
  });

  test('databases do not share what is kept, and nobody can change it', async () => {
    const keep = makeKeeper<{ name: string }>('persons');
    const [one, two] = [await openTemporaryData(), await openTemporaryData()];
    const first = await keep(one.db, 'k', async () => ({ name: 'one' }));
    expect(await keep(two.db, 'k', async () => ({ name: 'two' }))).toEqual({ name: 'two' });
    expect(() => (first.name = 'three')).toThrow(TypeError);
  });
});
