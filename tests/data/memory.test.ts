// What is remembered, as rows: batches that are undone exactly, forgetting that leaves nothing, a search that stays fast.
import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Db } from '../../data/db.ts';
import { changeMemory, listBatches, undoBatch, type MemoryEditor } from '../../data/memory/changes.ts';
import { foldText, getMemories, listCore, listLatestMemories } from '../../data/memory/entries.ts';
import { forgetMemories } from '../../data/memory/forget.ts';
import { searchMemoryParts, searchMemoryWords } from '../../data/memory/search.ts';
import { dropSnapshot, getSnapshot, keepSnapshot } from '../../data/memory/snapshots.ts';
import { migrations } from '../../data/migrations/index.ts';
import { createPerson } from '../../data/process/people.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { createSession } from '../../data/sessions.ts';
import { personId, sessionId, turnId } from '../../shared/ids.ts';
import { openTemporaryData } from './temporary-data.ts';

const ann = personScope(personId('ann'));
const bob = personScope(personId('bob'));
const by = { author: 'agent', origin: 'agent', title: 'test' } as const;

async function addText(db: Db, scope: Scope, text: string): Promise<number> {
  const made = await changeMemory(db, scope, by, (edit) =>
    edit.add({ target: 'memory', place: 'core', state: 'active', text }),
  );
  if (made === 'known') throw new Error('not a new batch');
  return made.result.id;
}

type Step =
  | { do: 'add'; text: string; target: 'memory' | 'user' }
  | { do: 'rewrite'; at: number; text: string }
  | { do: 'archive' | 'supersede' | 'approve' | 'block'; at: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    text: fc.string({ minLength: 1, maxLength: 12 }),
    target: fc.constantFrom('memory' as const, 'user' as const),
  }),
  fc.record({ do: fc.constant('rewrite' as const), at: fc.nat(9), text: fc.string({ minLength: 1, maxLength: 12 }) }),
  fc.record({
    do: fc.constantFrom('archive' as const, 'supersede' as const, 'approve' as const, 'block' as const),
    at: fc.nat(9),
  }),
);

async function carryOut(edit: MemoryEditor, step: Step, ids: number[]): Promise<void> {
  if (step.do === 'add') {
    const { target, text } = step;
    ids.push((await edit.add({ target, place: 'core', state: 'active', text })).id);
    return;
  }
  const id = ids[step.at % Math.max(1, ids.length)];
  if (id === undefined) return;
  if (step.do === 'rewrite') await edit.change(id, { text: step.text });
  else if (step.do === 'archive') await edit.change(id, { place: 'archive' });
  else if (step.do === 'supersede') await edit.change(id, { state: 'superseded', replacedBy: ids[0] });
  else if (step.do === 'approve') await edit.change(id, { approved: true });
  else await edit.change(id, { state: 'blocked', reason: 'x' });
}

const rowsOf = (db: Db) => db.query.selectFrom('memories').selectAll().orderBy('id').execute();

test('any batches, undone from the last on, give the rows before; undoing the undos gives the rows after', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(steps, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      async (batches) => {
        const { db, clock, close } = await openTemporaryData();
        await addText(db, bob, 'of Bob');
        const ids: number[] = [await addText(db, ann, 'first')];
        const states = [await rowsOf(db)];
        const made: string[] = [];
        for (const batch of batches) {
          await clock.advance(1_000);
          const done = await changeMemory(db, ann, by, async (edit) => {
            for (const step of batch) await carryOut(edit, step, ids);
          });
          if (done === 'known' || done.batch === undefined) continue;
          made.push(done.batch);
          states.push(await rowsOf(db));
        }
        const undos: string[] = [];
        for (const [at, batch] of [...made.entries()].toReversed()) {
          const undone = await undoBatch(db, ann, batch);
          expect(undone?.kept).toBe(0);
          expect(await rowsOf(db)).toEqual(states[at]);
          if (undone) undos.push(undone.batch);
        }
        for (const [at, undo] of undos.toReversed().entries()) {
          await undoBatch(db, ann, undo);
          expect(await rowsOf(db)).toEqual(states[at + 1]);
        }
        await close();
      },
    ),
    { numRuns: 25 },
  );
});

test('an undo out of order leaves alone what was changed since, and says so', async () => {
  const { db } = await openTemporaryData();
  const id = await addText(db, ann, 'one');
  const first = (await listBatches(db, ann, { limit: 1 }))[0];
  await changeMemory(db, ann, by, (edit) => edit.change(id, { text: 'two' }));
  expect(await undoBatch(db, ann, first?.id ?? '')).toMatchObject({ restored: 0, kept: 1 });
  expect((await getMemories(db, ann, [id]))[0]?.text).toBe('two');
});

test('a batch of the same id is made once, and one that fails changes nothing', async () => {
  const { db } = await openTemporaryData();
  const add = (edit: MemoryEditor) => edit.add({ target: 'memory', place: 'core', state: 'active', text: 'x' });
  expect(await changeMemory(db, ann, { ...by, id: 'call-1' }, add)).not.toBe('known');
  expect(await changeMemory(db, ann, { ...by, id: 'call-1' }, add)).toBe('known');
  await expect(
    changeMemory(db, ann, by, async (edit) => {
      await add(edit);
      throw new Error('half-way');
    }),
  ).rejects.toThrow('half-way');
  expect(await listCore(db, ann)).toHaveLength(1);
  expect(await listBatches(db, ann, { limit: 9 })).toHaveLength(1);
});

test('forgetting leaves nothing of an entry: no row, version, index, snapshot, nor what it had replaced', async () => {
  const { db } = await openTemporaryData();
  const person = await createPerson(db, { name: 'Cleo', role: 'member' });
  const scope = personScope(person.id);
  const session = await createSession(db, scope);
  const old = await addText(db, scope, 'the old zebra');
  const next = await addText(db, scope, 'the new zebra');
  await changeMemory(db, scope, by, (edit) => edit.change(old, { state: 'superseded', replacedBy: next }));
  await keepSnapshot(db, scope, session.id, { text: 'zebra', entries: [{ id: next, text: 'the new zebra' }] });
  expect(await forgetMemories(db, bob, { entries: [next] })).toBe(0);
  expect(await forgetMemories(db, scope, { entries: [next] })).toBe(2);
  for (const table of ['memories', 'memory_versions', 'memory_snapshots'] as const)
    expect(JSON.stringify(await db.query.selectFrom(table).selectAll().execute())).not.toContain('zebra');
  expect(await searchMemoryWords(db, scope, { words: ['zebra'], limit: 9, withSuperseded: true })).toEqual([]);
  // Its batches are still there, and bring nothing back.
  for (const { id } of await listBatches(db, scope, { limit: 9 })) await undoBatch(db, scope, id);
  expect(await listLatestMemories(db, scope, 9)).toEqual([]);
});

test('forgets by session, turn, author, origin and person', async () => {
  const { db } = await openTemporaryData();
  const content = { target: 'memory', place: 'archive', state: 'active' } as const;
  const add = (text: string, more: object) =>
    changeMemory(db, ann, { ...by, ...more }, (edit) => edit.add({ ...content, text }));
  await add('s', { session: sessionId('s1') });
  await add('t', { turn: turnId('t1') });
  await add('r', { author: 'review' });
  await add('f', { origin: 'foreign' });
  await add('p', {});
  const left = async () => (await listLatestMemories(db, ann, 9)).map(({ text }) => text).toReversed();
  await forgetMemories(db, ann, { session: sessionId('s1') });
  expect(await left()).toEqual(['t', 'r', 'f', 'p']);
  await forgetMemories(db, ann, { turn: turnId('t1') });
  await forgetMemories(db, ann, { author: 'review' });
  expect(await left()).toEqual(['f', 'p']);
  await forgetMemories(db, ann, { origin: 'foreign' });
  expect(await left()).toEqual(['p']);
  expect(await forgetMemories(db, ann, { person: true })).toBe(1);
});

test('a person who goes takes their memory along', async () => {
  const { db } = await openTemporaryData();
  const person = await createPerson(db, { name: 'Cleo', role: 'member' });
  const scope = personScope(person.id);
  await createSession(db, scope);
  await addText(db, scope, 'x');
  await addText(db, ann, 'of Ann');
  await db.query.deleteFrom('persons').where('id', '=', person.id).execute();
  for (const table of ['memories', 'memory_batches', 'memory_versions'] as const)
    expect(await db.query.selectFrom(table).select('space_id').execute()).toEqual([{ space_id: ann.space }]);
});

test('a snapshot is kept once, and goes when it is to be made anew', async () => {
  const { db } = await openTemporaryData();
  const person = await createPerson(db, { name: 'Cleo', role: 'member' });
  const scope = personScope(person.id);
  const { id } = await createSession(db, scope);
  const first = { text: 'a', entries: [{ id: 1, text: 'b' }] };
  expect(await keepSnapshot(db, scope, id, first)).toEqual(first);
  expect(await keepSnapshot(db, scope, id, { text: 'later', entries: [] })).toEqual(first);
  expect(await getSnapshot(db, bob, id)).toBeUndefined();
  expect((await keepSnapshot(db, bob, id, { text: 'mine', entries: [] })).text).toBe('mine');
  await dropSnapshot(db, bob, id);
  expect(await getSnapshot(db, scope, id)).toEqual(first);
  await dropSnapshot(db, scope, id);
  expect(await getSnapshot(db, scope, id)).toBeUndefined();
});

test('case, accents, parts of words and scripts without spaces do not matter', async () => {
  const { db } = await openTemporaryData();
  for (const text of ['ÄRGER mit Élodie', '東京タワーの入場券', 'ПРИВЕТ', 'Donaudampfschifffahrt'])
    await addText(db, ann, text);
  const find = async (...words: string[]) => [
    ...(await searchMemoryWords(db, ann, { words: words.map(foldText), limit: 9 })),
    ...(await searchMemoryParts(db, ann, { words: words.map(foldText), limit: 9 })),
  ];
  const texts = async (...words: string[]) => [...new Set((await find(...words)).map(({ entry }) => entry.text))];
  expect(await texts('ärger')).toEqual(['ÄRGER mit Élodie']);
  expect(await texts('elodie')).toEqual(['ÄRGER mit Élodie']);
  expect(await texts('東京')).toEqual(['東京タワーの入場券']);
  expect(await texts('入場券はどこ')).toEqual(['東京タワーの入場券']);
  expect(await texts('привет')).toEqual(['ПРИВЕТ']);
  expect(await texts('dampfschiff')).toEqual(['Donaudampfschifffahrt']);
  expect(await texts('"', '*', 'OR')).toEqual([]);
});

test('notes of before become archived entries; what was noted after words of others waits', async () => {
  const before = await openTemporaryData({ migrations: migrations.slice(0, 5) });
  await sql`insert into notes (space_id, person_id, turn_id, text, origin, created_at) values
    (${ann.space}, ${ann.person}, 't1', 'milk', 'member', 5), (${ann.space}, ${ann.person}, null, 'evil', 'foreign', 6)`.execute(
    before.db.query,
  );
  await before.close();
  const { db } = await openTemporaryData({ home: before.home });
  const rows = await db.query.selectFrom('memories').selectAll().orderBy('id').execute();
  expect(rows).toMatchObject([
    { text: 'milk', place: 'archive', state: 'active', turn_id: 't1', created_at: 5 },
    { text: 'evil', place: 'archive', state: 'pending', turn_id: null },
  ]);
  expect((await searchMemoryWords(db, ann, { words: ['milk'], limit: 9 })).map(({ entry }) => entry.id)).toEqual([1]);
});

test('ten thousand entries stay fast', { timeout: 60_000 }, async () => {
  const { db } = await openTemporaryData();
  await changeMemory(db, ann, by, async (edit) => {
    for (let at = 0; at < 10_000; at++)
      await edit.add({
        target: 'memory',
        place: at < 20 ? 'core' : 'archive',
        state: 'active',
        text: `Customer ${at} of town ${at % 97} likes colour ${at % 11} and pays by card number${at}`,
      });
  });
  const started = performance.now();
  const runs = 20;
  for (let at = 0; at < runs; at++) {
    await listCore(db, ann);
    const hits = await searchMemoryWords(db, ann, { words: [`number${at * 400}`, 'likes', 'colour'], limit: 60 });
    expect(hits[0]?.entry.text).toContain(`number${at * 400}`);
    await searchMemoryParts(db, ann, { words: [`umber${at * 400}`], limit: 60 });
  }
  // About 15 ms each; ten times that is no accident.
  expect((performance.now() - started) / runs).toBeLessThan(200);
});
