// The search by meaning: the extension and our own measuring come to the same order, and only what holds is found.
import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Db } from '../../data/db.ts';
import { hasVectors, listUnreadMemories, nearestVectors, putVectors } from '../../data/memory/vectors.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { personId } from '../../shared/ids.ts';
import { isExtensionInstalled } from '../support/sqlite-vec.ts';
import { openTemporaryData } from './temporary-data.ts';

const ann = personScope(personId('ann'));
const eve = personScope(personId('eve'));
const model = 'm';
const hasExtension = await isExtensionInstalled();

async function addEntry(db: Db, scope: Scope, text: string): Promise<{ id: number; text: string }> {
  const { id } = await db.query
    .insertInto('memories')
    .values({
      space_id: scope.space,
      person_id: scope.person,
      target: 'memory',
      place: 'archive',
      state: 'active',
      text,
      fold: text,
      author: 'agent',
      origin: 'agent',
      created_at: 1,
      updated_at: 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id, text };
}

async function add(db: Db, scope: Scope, parts: readonly number[], text = 'text'): Promise<number> {
  const entry = await addEntry(db, scope, text);
  await putVectors(db, scope, model, [{ ...entry, vector: Float32Array.from(parts) }]);
  return entry.id;
}

const unread = (db: Db, scope: Scope, dimensions?: number) =>
  listUnreadMemories(db, scope, { model, dimensions, after: 0, limit: 100 });

describe('vectors of what is remembered', () => {
  test('are found nearest first, by direction and not by length', async () => {
    const { db } = await openTemporaryData();
    const [far, near, opposite] = [
      await add(db, ann, [0, 5]),
      await add(db, ann, [3, 0.1]),
      await add(db, ann, [-1, 0]),
    ];
    for (const plain of [true, false]) {
      const found = await nearestVectors(db, ann, { model, vector: Float32Array.of(0.2, 0), limit: 10, plain });
      expect(found.map(({ id }) => id)).toEqual([near, far, opposite]);
      expect(found.map(({ distance }) => Number(distance.toFixed(2)))).toEqual([0, 1, 2]);
      expect(await nearestVectors(db, ann, { model, vector: Float32Array.of(1, 0), limit: 1, plain })).toHaveLength(1);
    }
  });

  test.skipIf(!hasExtension)('the extension measures where it is installed, in the same order', async () => {
    const { db } = await openTemporaryData();
    const part = fc.integer({ min: -20, max: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(part, { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 30 }),
        fc.array(part, { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        async (vectors, wanted, limit) => {
          await db.query.deleteFrom('memories').execute();
          const isZero = (parts: readonly number[]) => parts.every((one) => one === 0);
          fc.pre(!isZero(wanted));
          for (const parts of vectors) if (!isZero(parts)) await add(db, ann, parts);
          const query = { model, vector: Float32Array.from(wanted), limit };
          const there = await nearestVectors(db, ann, query);
          const here = await nearestVectors(db, ann, { ...query, plain: true });
          expect(here).toHaveLength(there.length);
          // Equal to a millionth is equal; the order among those is by id in neither.
          for (const [index, { id, distance }] of here.entries()) {
            expect(there[index]?.distance).toBeCloseTo(distance, 5);
            const rank = there.find((other) => other.id === id);
            if (rank) expect(rank.distance).toBeCloseTo(distance, 5);
          }
        },
      ),
      { numRuns: 60 },
    );
    const { rows } = await sql<{ version: string }>`select vec_version() as version`.execute(db.query);
    expect(rows[0]?.version).toMatch(/^v0\./);
  });

  test('stay within their space, their model and their dimensions, and are of entries that hold', async () => {
    const { db } = await openTemporaryData();
    const mine = await add(db, ann, [1, 0]);
    await add(db, eve, [1, 0]);
    await add(db, ann, [1, 0, 0]);
    const gone = await add(db, ann, [1, 0]);
    await db.query.updateTable('memories').set({ state: 'superseded' }).where('id', '=', gone).execute();
    for (const plain of [true, false]) {
      const query = { vector: Float32Array.of(1, 0), limit: 10, plain };
      const found = await nearestVectors(db, ann, { ...query, model });
      expect(found.map(({ id }) => id)).toEqual([mine]);
      expect(await nearestVectors(db, ann, { ...query, model: 'another' })).toEqual([]);
    }
    expect(await hasVectors(db, ann, model)).toBe(true);
    expect(await hasVectors(db, ann, 'another')).toBe(false);
  });

  test('more than one page of them is looked at', async () => {
    const { db } = await openTemporaryData();
    const entries = [];
    for (let i = 0; i < 1_050; i++) entries.push(await addEntry(db, ann, `entry ${i}`));
    await putVectors(
      db,
      ann,
      model,
      entries.map((entry, i) => ({ ...entry, vector: Float32Array.of(1, i < 1_048 ? 0 : 10 ** (i - 1_047)) })),
    );
    for (const plain of [true, false]) {
      const found = await nearestVectors(db, ann, { model, vector: Float32Array.of(0, 1), limit: 2, plain });
      expect(found.map(({ id }) => id)).toEqual([entries.at(-1)?.id, entries.at(-2)?.id]);
    }
  });

  test('an entry is unread until it has a vector of the model, and again when its text changes', async () => {
    const { db } = await openTemporaryData();
    const entry = await addEntry(db, ann, 'likes tea');
    await addEntry(db, eve, 'likes coffee');
    expect(await unread(db, ann)).toEqual([entry]);
    expect(await putVectors(db, ann, model, [{ ...entry, vector: Float32Array.of(1, 0) }])).toBe(1);
    expect(await unread(db, ann)).toEqual([]);
    expect(await unread(db, ann, 2)).toEqual([]);
    expect(await unread(db, ann, 3)).toEqual([entry]);
    await db.query.updateTable('memories').set({ text: 'likes juice' }).where('id', '=', entry.id).execute();
    expect(await unread(db, ann)).toEqual([{ id: entry.id, text: 'likes juice' }]);
    // What was read before the change does not count for it.
    expect(await putVectors(db, ann, model, [{ ...entry, vector: Float32Array.of(1, 0) }])).toBe(0);
    expect(await unread(db, ann)).toHaveLength(1);
  });

  test('nobody keeps a vector for the entry of another space, and it goes with its entry', async () => {
    const { db } = await openTemporaryData();
    const entry = await addEntry(db, eve, 'secret');
    expect(await putVectors(db, ann, model, [{ ...entry, vector: Float32Array.of(1, 0) }])).toBe(0);
    await add(db, ann, [1, 0]);
    await db.query.deleteFrom('memories').execute();
    expect(await db.query.selectFrom('memory_vectors').selectAll().execute()).toEqual([]);
  });
});
