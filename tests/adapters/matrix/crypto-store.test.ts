// The database of the crypto library: order and ranges of keys, indexes, and that a transaction is complete only when it is on disk.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Database } from '../../../adapters/matrix/crypto/store/database.ts';
import { compareKeys, KeyRange, prefixOf, readKey, type Key } from '../../../adapters/matrix/crypto/store/keys.ts';
import type { Rows } from '../../../adapters/matrix/crypto/store/rows.ts';
import { OpenRequest, type StoreRequest } from '../../../adapters/matrix/crypto/store/transaction.ts';

function makeRows() {
  const values = new Map<string, string>();
  const state = { isFailing: false, gate: Promise.resolve() };
  const rows: Rows = {
    get: async (name) => values.get(name),
    list: async (prefix) => new Map([...values].filter(([name]) => name.startsWith(prefix))),
    async update(changes) {
      await state.gate;
      if (state.isFailing) throw new Error('disk full');
      for (const [name, value] of Object.entries(changes))
        if (value === undefined) values.delete(name);
        else values.set(name, value);
    },
  };
  return { rows, values, state };
}

/** Opened and upgraded to a table with two indexes. */
async function openDatabase(rows: Rows): Promise<Database> {
  const request = new OpenRequest();
  request.onupgradeneeded = () => {
    const table = (request.result as Database).createObjectStore('people');
    table.createIndex('age', 'age');
    table.createIndex('place', ['town', 'street']);
  };
  const opened = answerOf(request);
  await new Database('test', rows).open(1, request);
  return (await opened) as Database;
}

function answerOf(request: StoreRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('failed'));
  });
}

type Table = ReturnType<Database['createObjectStore']>;
const tableOf = (database: Database) => {
  const transaction = database.transaction('people', 'readwrite');
  return { transaction, table: transaction.objectStore('people') as Table };
};

const people = {
  ann: { age: 30, town: 'a', street: 'x' },
  bob: { age: 20, town: 'a', street: 'y' },
  cid: { age: 100, town: 'b', street: 'x' },
};

async function fill(database: Database): Promise<void> {
  const { transaction, table } = tableOf(database);
  for (const [name, person] of Object.entries(people)) table.put(person, name);
  expect(await transaction.ended).toBe(true);
}

it('keys sort as the standard says, and every key of a range begins with its prefix', () => {
  // Any code point; the library's own unit for it takes a second to be made.
  const unit = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code));
  const leaf = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.string({ unit, maxLength: 4 }));
  const key: fc.Arbitrary<Key> = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }));
  const isLess = (one: Key, other: Key) => compareKeys(one, other) < 0;
  fc.assert(
    fc.property(key, key, key, (one, two, three) => {
      const [low, middle, high] = [one, two, three].toSorted(compareKeys) as [Key, Key, Key];
      expect(isLess(high, low)).toBe(false);
      const range = KeyRange.bound(low, high);
      expect(range.includes(middle)).toBe(true);
      expect(JSON.stringify(middle).startsWith(prefixOf(range))).toBe(true);
      expect(Math.sign(compareKeys(low, high)) + Math.sign(compareKeys(high, low))).toBe(0);
    }),
    { numRuns: 500 },
  );
  expect([['b'], 'a', 7, ['a', 1], ['a'], 'B', -1].toSorted(compareKeys)).toEqual([
    -1,
    7,
    'B',
    'a',
    ['a'],
    ['a', 1],
    ['b'],
  ]);
  expect(() => readKey(true)).toThrow('no valid key');
});

it('reads by key, range and index, in order', async () => {
  const { rows } = makeRows();
  const database = await openDatabase(rows);
  await fill(database);
  const { table } = tableOf(database);
  const [all, from, byAge, keys, place, count, none] = await Promise.all(
    [
      table.getAll(),
      table.getAllKeys(KeyRange.lowerBound('ann', true)),
      table.index('age').getAll(KeyRange.upperBound(30)),
      table.index('age').getAllKeys(),
      table.index('place').getAll(KeyRange.bound(['a', 'x'], ['a', 'z'], true)),
      table.index('place').count(),
      table.get('zoe'),
    ].map(answerOf),
  );
  expect(all).toEqual([people.ann, people.bob, people.cid]);
  expect(from).toEqual(['bob', 'cid']);
  expect(byAge).toEqual([people.bob, people.ann]);
  expect(keys).toEqual(['bob', 'ann', 'cid']);
  expect(place).toEqual([people.bob]);
  expect(count).toBe(3);
  expect(none).toBeUndefined();
});

it('an index follows changes, and a restart finds all of it', async () => {
  const { rows } = makeRows();
  const first = await openDatabase(rows);
  await fill(first);
  const change = tableOf(first);
  change.table.put({ ...people.ann, age: 31 }, 'ann');
  change.table.delete('cid');
  await change.transaction.ended;
  const request = new OpenRequest();
  const opened = answerOf(request);
  await new Database('test', rows).open(undefined, request);
  const { table } = tableOf((await opened) as Database);
  const index = table.index('age');
  expect(await Promise.all([answerOf(index.getAllKeys()), answerOf(index.get(30))])).toEqual([
    ['bob', 'ann'],
    undefined,
  ]);
});

it('a transaction sees its own changes, others see them when it is complete, and complete means on disk', async () => {
  const { rows, values, state } = makeRows();
  const database = await openDatabase(rows);
  const before = new Map(values);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.gate = promise;
  const writing = tableOf(database);
  const told: string[] = [];
  writing.transaction.oncomplete = () => told.push('complete');
  writing.table.put(people.ann, 'ann');
  expect(await answerOf(writing.table.get('ann'))).toEqual(people.ann);
  writing.transaction.commit();
  const reading = answerOf(tableOf(database).table.get('ann')).then((found) => told.push(found ? 'read' : 'nothing'));
  await new Promise((done) => setImmediate(done));
  expect([told, values]).toEqual([[], before]);
  resolve();
  await reading;
  expect(told).toEqual(['complete', 'read']);
});

it('what is aborted, or cannot be written, leaves nothing behind and says so', async () => {
  const { rows, values, state } = makeRows();
  const database = await openDatabase(rows);
  const before = new Map(values);
  const aborted = tableOf(database);
  aborted.table.put(people.ann, 'ann');
  aborted.transaction.abort();
  expect(await aborted.transaction.ended).toBe(false);
  state.isFailing = true;
  const failing = tableOf(database);
  failing.table.put(people.ann, 'ann');
  expect(await failing.transaction.ended).toBe(false);
  expect(failing.transaction.error?.name).toBe('UnknownError');
  expect(values).toEqual(before);
  state.isFailing = false;
  await fill(database);
});

it('a cursor goes through a table, changing and deleting', async () => {
  const { rows } = makeRows();
  const database = await openDatabase(rows);
  await fill(database);
  const { transaction, table } = tableOf(database);
  const seen: unknown[] = [];
  const request = table.openCursor();
  request.onsuccess = () => {
    const cursor = request.result as { key: unknown; continue(): void; delete(): void } | null;
    if (!cursor) return;
    seen.push(cursor.key);
    if (cursor.key === 'bob') cursor.delete();
    cursor.continue();
  };
  await transaction.ended;
  expect(seen).toEqual(['ann', 'bob', 'cid']);
  expect(await answerOf(tableOf(database).table.index('age').getAllKeys())).toEqual(['ann', 'cid']);
});
