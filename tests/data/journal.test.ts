import { expect, test } from 'vitest';
import { listSteps, writeStep, type JournalStep } from '../../data/journal.ts';
import { finishTurn } from '../../data/process/turns.ts';
import { turnId } from '../../shared/ids.ts';
import { begin, makePerson, makeSpeaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const step = (key: string, change: Partial<JournalStep> = {}): JournalStep => ({
  key,
  kind: 'tool',
  state: 'started',
  effect: 'once',
  payload: `{"key":"${key}"}`,
  ...change,
});

async function openTurn() {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  return { ...data, ann, ...(await begin(data.db, ann)) };
}

test('steps stand in the order in which they began, whatever their keys and whenever they end', async () => {
  const { db, ann, turn } = await openTurn();
  for (const key of ['z', 'm', 'a']) await writeStep(db, ann.scope, turn.id, step(key));
  await writeStep(db, ann.scope, turn.id, step('m', { state: 'done', payload: '"ended"' }));
  await writeStep(db, ann.scope, turn.id, step('b'));
  expect(await listSteps(db, ann.scope, turn.id)).toEqual([
    step('z'),
    step('m', { state: 'done', payload: '"ended"' }),
    step('a'),
    step('b'),
  ]);
});

test('many written at the same time keep the order in which they were asked for', async () => {
  const { db, ann, turn } = await openTurn();
  const keys = Array.from({ length: 30 }, (_, i) => `k${(i * 7) % 30}`);
  await Promise.all(keys.map((key) => writeStep(db, ann.scope, turn.id, step(key))));
  expect((await listSteps(db, ann.scope, turn.id)).map((one) => one.key)).toEqual(keys);
});

test('a turn that has ended, or never was, takes no step: nothing may be done that is not written down', async () => {
  const { db, ann, turn, row } = await openTurn();
  await writeStep(db, ann.scope, turn.id, step('a'));
  await finishTurn(db, {
    turn,
    state: 'stopped',
    messages: [],
    outbox: [],
    inbox: [{ rows: [row], state: 'superseded' }],
  });
  for (const id of [turn.id, turnId('none')])
    await expect(writeStep(db, ann.scope, id, step('b'))).rejects.toMatchObject({ code: 'cancelled' });
  expect(await listSteps(db, ann.scope, turn.id)).toEqual([]);
});

test("another person's turn takes no step and shows none", async () => {
  const { db, ann, turn } = await openTurn();
  const eve = await makeSpeaker(db, await makePerson(db, 'eve'));
  await writeStep(db, ann.scope, turn.id, step('a'));
  await expect(writeStep(db, eve.scope, turn.id, step('a', { state: 'done', payload: 'evil' }))).rejects.toMatchObject({
    code: 'cancelled',
  });
  await expect(writeStep(db, eve.scope, turn.id, step('b'))).rejects.toMatchObject({ code: 'cancelled' });
  expect(await listSteps(db, eve.scope, turn.id)).toEqual([]);
  expect(await listSteps(db, ann.scope, turn.id)).toEqual([step('a')]);
});
