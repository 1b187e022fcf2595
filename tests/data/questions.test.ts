// Questions to people as rows: asked once per call, answered once, and gone when nobody waits for them any more.
import { expect, test } from 'vitest';
import type { ProcessDb } from '../../data/db.ts';
import { answerQuestion, findOpenQuestion, findQuestionById } from '../../data/process/approvals.ts';
import { pruneEnded } from '../../data/process/retention.ts';
import { finishTurn, type Turn } from '../../data/process/turns.ts';
import { askQuestion, endQuestion, getQuestion } from '../../data/work/questions.ts';
import { begin, makePerson, makeSpeaker, type Speaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const DAY = 24 * 3_600_000;

async function openTurn() {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  return { ...data, ann, ...(await begin(data.db, ann)) };
}

const ask = (db: ProcessDb, { scope }: Speaker, turn: Turn, more: { key?: string; expiresAt?: number } = {}) =>
  askQuestion(db, scope, {
    turn: turn.id,
    key: 'k',
    chatKey: 'chat',
    choices: ['a', 'b'],
    multi: false,
    canDecline: false,
    expiresAt: db.clock.now() + 60_000,
    ...more,
  });

const answer = { state: 'answered', values: ['a'], origin: 'member' } as const;

test('a resumed turn finds the question that it asked, and its time begins anew', async () => {
  const { db, ann, turn, clock } = await openTurn();
  const first = await ask(db, ann, turn);
  expect(first).toMatchObject({ state: 'open', person: ann.person.id, choices: ['a', 'b'], answer: [] });
  await clock.advance(90_000);
  expect(await ask(db, ann, turn)).toEqual({ ...first, expiresAt: clock.now() + 60_000 });
});

test('one that was answered stays so; one that was closed with its call opens again with it', async () => {
  const { db, ann, turn } = await openTurn();
  const answered = await ask(db, ann, turn, { key: '1' });
  expect(await Promise.all([1, 2].map(() => answerQuestion(db, answered.id, answer)))).toEqual([true, false]);
  expect(await endQuestion(db, ann.scope, answered.id, 'expired')).toMatchObject({ state: 'answered', answer: ['a'] });
  expect(await ask(db, ann, turn, { key: '1' })).toMatchObject({ state: 'answered', origin: 'member' });
  const closed = await ask(db, ann, turn, { key: '2' });
  await endQuestion(db, ann.scope, closed.id, 'closed');
  expect(await answerQuestion(db, closed.id, answer)).toBe(false);
  expect(await ask(db, ann, turn, { key: '2' })).toMatchObject({ id: closed.id, state: 'open' });
  await endQuestion(db, ann.scope, closed.id, 'expired');
  expect(await ask(db, ann, turn, { key: '2' })).toMatchObject({ state: 'expired' });
});

test('only in a turn of the person', async () => {
  const { db, turn, ann } = await openTurn();
  const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
  await expect(ask(db, bob, turn)).rejects.toMatchObject({ code: 'not_found' });
  const { id } = await ask(db, ann, turn);
  expect(await getQuestion(db, bob.scope, id)).toBeUndefined();
});

test('what is said next answers the latest open one of the person and chat, while its turn runs', async () => {
  const { db, ann, turn, row } = await openTurn();
  const at = { person: ann.person.id, chatKey: 'chat', isAwaited: () => true };
  expect(await findOpenQuestion(db, at)).toBeUndefined();
  const [first, second] = [await ask(db, ann, turn, { key: '1' }), await ask(db, ann, turn, { key: '2' })];
  expect((await findOpenQuestion(db, at))?.id).toBe(second.id);
  await answerQuestion(db, second.id, answer);
  expect((await findOpenQuestion(db, at))?.id).toBe(first.id);
  expect(await findOpenQuestion(db, { ...at, chatKey: 'other' })).toBeUndefined();
  expect(await findOpenQuestion(db, { ...at, isAwaited: () => false })).toBeUndefined();
  const bob = await makePerson(db, 'bob');
  expect(await findOpenQuestion(db, { ...at, person: bob.id })).toBeUndefined();
  expect((await findQuestionById(db, first.id))?.id).toBe(first.id);
  await finishTurn(db, {
    turn,
    state: 'stopped',
    messages: [],
    outbox: [],
    inbox: [{ rows: [row], state: 'answered' }],
  });
  expect(await findOpenQuestion(db, at)).toBeUndefined();
  expect(await findQuestionById(db, first.id)).toBeUndefined();
});

test('questions go 30 days after their time, but not while their turn runs', async () => {
  const { db, ann, turn, row, clock } = await openTurn();
  await ask(db, ann, turn);
  await ask(db, ann, turn, { key: 'long', expiresAt: clock.now() + 90 * DAY });
  await clock.advance(31 * DAY);
  expect(await pruneEnded(db)).toBe(0);
  await finishTurn(db, { turn, state: 'done', messages: [], outbox: [], inbox: [{ rows: [row], state: 'answered' }] });
  expect(await pruneEnded(db)).toBe(1);
  expect(await db.query.selectFrom('questions').select('key').execute()).toEqual([{ key: 'long' }]);
});
