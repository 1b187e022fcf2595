import { describe, expect, test } from 'vitest';
import type { ProcessDb } from '../../data/db.ts';
import {
  compactMessages,
  countMessages,
  lastExchange,
  listHistory,
  listTranscript,
  messagesOfTurn,
  parseFiles,
  undoTurn,
  type NewMessage,
} from '../../data/messages.ts';
import { finishTurn } from '../../data/process/turns.ts';
import { searchMessages } from '../../data/search.ts';
import { deleteSession } from '../../data/sessions.ts';
import { turnId } from '../../shared/ids.ts';
import { begin, converse, makePerson, makeSpeaker, type Speaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

async function openConversation() {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  return { ...data, ann };
}

const textsOf = async (db: ProcessDb, { scope, session }: Speaker, limit?: number) =>
  (await listHistory(db, scope, session.id, limit)).map((message) => message.text);

test('a message keeps all that the model needs to see again', async () => {
  const { db, ann, clock } = await openConversation();
  const { turn, row } = await begin(db, ann);
  const given: NewMessage[] = [
    {
      role: 'user',
      author: 'Ann',
      text: 'look',
      origin: 'owner',
      files: [{ kind: 'image', path: '/p', name: 'n', mime: 'image/png', bytes: 3 }],
    },
    { role: 'assistant', author: '', text: '', origin: 'agent', toolCalls: '[{"id":"1"}]', reasoning: '[{"x":1}]' },
    { role: 'tool', author: '', text: 'boom', origin: 'foreign', toolCallId: '1', toolName: 'fetch', isError: true },
  ];
  await finishTurn(db, {
    turn,
    state: 'done',
    messages: given,
    outbox: [],
    inbox: [{ rows: [row], state: 'answered' }],
  });
  const nothing = {
    toolCallId: undefined,
    toolName: undefined,
    toolCalls: undefined,
    reasoning: undefined,
    files: [],
    isError: false,
  };
  expect(await listHistory(db, ann.scope, ann.session.id)).toEqual(
    given.map((message) => ({
      ...nothing,
      ...message,
      id: expect.any(Number),
      session: ann.session.id,
      turn: turn.id,
      state: 'active',
      createdAt: clock.now(),
    })),
  );
});

test('history is the last messages, oldest first', async () => {
  const { db, ann } = await openConversation();
  for (let i = 1; i <= 4; i++) await converse(db, ann, `q${i}`, `a${i}`);
  expect(await textsOf(db, ann)).toEqual(['q1', 'a1', 'q2', 'a2', 'q3', 'a3', 'q4', 'a4']);
  expect(await textsOf(db, ann, 3)).toEqual(['a3', 'q4', 'a4']);
});

test('the messages of one turn, of a history', async () => {
  const { db, ann } = await openConversation();
  for (let i = 1; i <= 3; i++) await converse(db, ann, `q${i}`, `a${i}`);
  const history = await listHistory(db, ann.scope, ann.session.id);
  for (const { turn } of history) {
    if (turn === undefined) throw new Error('each message has its turn');
    expect(messagesOfTurn(history, turn)).toEqual(history.filter((message) => message.turn === turn));
  }
  expect(messagesOfTurn(history, turnId('another'))).toEqual([]);
  expect(messagesOfTurn([], turnId('another'))).toEqual([]);
});

test('a history that was read goes on where it was, over a summary and beyond the most that is kept', async () => {
  const { db, ann } = await openConversation();
  await converse(db, ann, 'q1', 'a1');
  const [, answer] = await listHistory(db, ann.scope, ann.session.id);
  await converse(db, ann, 'q2', 'a2');
  const compaction = { session: ann.session.id, throughId: answer?.id ?? 0, summary: 'sum' };
  expect(await compactMessages(db, ann.scope, compaction)).toBe(2);
  expect(await textsOf(db, ann)).toEqual(['sum', 'q2', 'a2']);
  await converse(db, ann, 'q3', 'a3');
  expect(await textsOf(db, ann)).toEqual(['sum', 'q2', 'a2', 'q3', 'a3']);
  const many = Array.from({ length: 1_995 }, (_, n): NewMessage => ({
    role: 'user',
    author: 'Ann',
    text: `m${n}`,
    origin: 'owner',
  }));
  const { turn, row } = await begin(db, ann);
  await finishTurn(db, {
    turn,
    state: 'done',
    messages: many,
    outbox: [],
    inbox: [{ rows: [row], state: 'answered' }],
  });
  expect(await textsOf(db, ann)).toEqual(['sum', 'q2', 'a2', 'q3', 'a3', ...many.map(({ text }) => text)]);
  await converse(db, ann, 'last', 'of all');
  const texts = await textsOf(db, ann);
  expect(texts.length).toBeGreaterThan(1_700);
  expect(texts.length).toBeLessThanOrEqual(2_000);
  expect([texts[0], ...texts.slice(-3)]).toEqual(['sum', 'm1994', 'last', 'of all']);
});

describe('undo', () => {
  test('takes the last exchange out, then the one before', async () => {
    const { db, ann } = await openConversation();
    await converse(db, ann, 'q1', 'a1');
    const second = await converse(db, ann, 'q2', 'a2');
    expect(await lastExchange(db, ann.scope, ann.session.id)).toEqual({ turn: second.id, text: 'q2' });
    expect(await undoTurn(db, ann.scope, second.id)).toBe(2);
    expect(await undoTurn(db, ann.scope, second.id)).toBe(0);
    expect(await textsOf(db, ann)).toEqual(['q1', 'a1']);
    expect((await lastExchange(db, ann.scope, ann.session.id))?.text).toBe('q1');
    expect(await searchMessages(db, ann.scope, { query: 'q2', limit: 5 })).toEqual([]);
    expect((await listTranscript(db, ann.scope, ann.session.id)).map((m) => [m.text, m.state])).toEqual([
      ['q1', 'active'],
      ['a1', 'active'],
      ['q2', 'undone'],
      ['a2', 'undone'],
    ]);
    expect(await countMessages(db, ann.scope, ann.session.id)).toBe(2);
  });

  test('there is no last exchange in an empty session', async () => {
    const { db, ann } = await openConversation();
    expect(await lastExchange(db, ann.scope, ann.session.id)).toBeUndefined();
  });
});

describe('compactMessages', () => {
  test('a summary stands before what it does not cover, replaces the one before, and what it covers stays searchable', async () => {
    const { db, ann } = await openConversation();
    for (let i = 1; i <= 3; i++) await converse(db, ann, `question${i}`, `answer${i}`);
    const through = async (text: string) =>
      (await listTranscript(db, ann.scope, ann.session.id)).find((m) => m.text === text)?.id ?? -1;
    const compact = async (text: string, summary: string) =>
      compactMessages(db, ann.scope, { session: ann.session.id, throughId: await through(text), summary });
    expect(await compact('answer1', 'S1')).toBe(2);
    expect(await textsOf(db, ann)).toEqual(['S1', 'question2', 'answer2', 'question3', 'answer3']);
    expect(await compact('answer2', 'S2')).toBe(3);
    expect(await textsOf(db, ann)).toEqual(['S2', 'question3', 'answer3']);
    expect((await searchMessages(db, ann.scope, { query: 'question1', limit: 5 })).map((hit) => hit.text)).toEqual([
      'question1',
    ]);
    expect(await searchMessages(db, ann.scope, { query: 'S2', limit: 5 })).toEqual([]);
    expect(await listTranscript(db, ann.scope, ann.session.id)).toHaveLength(8);
  });

  test('with nothing to cover it writes no summary', async () => {
    const { db, ann } = await openConversation();
    expect(await compactMessages(db, ann.scope, { session: ann.session.id, throughId: 99, summary: 'S' })).toBe(0);
    expect(await textsOf(db, ann)).toEqual([]);
  });
});

test('parseFiles reads stored files and refuses what is not', () => {
  const file = { kind: 'image' as const, path: '/p', name: 'n', mime: 'm', bytes: 1 };
  expect(parseFiles(null)).toEqual([]);
  expect(parseFiles('[]')).toEqual([]);
  expect(parseFiles(JSON.stringify([file]))).toEqual([file]);
  for (const broken of ['', '{}', '[{}]', JSON.stringify([{ ...file, kind: 'program' }])])
    expect(() => parseFiles(broken)).toThrow();
});

test('a history that was read before has what came since, and loses what was undone, replaced or deleted', async () => {
  const { db, ann } = await openConversation();
  await converse(db, ann, 'q1', 'a1');
  expect(await textsOf(db, ann)).toEqual(['q1', 'a1']);
  const second = await converse(db, ann, 'q2', 'a2');
  expect(await textsOf(db, ann)).toEqual(['q1', 'a1', 'q2', 'a2']);
  expect(await textsOf(db, ann, 3)).toEqual(['a1', 'q2', 'a2']);
  await undoTurn(db, ann.scope, second.id);
  expect(await textsOf(db, ann)).toEqual(['q1', 'a1']);
  await converse(db, ann, 'q3', 'a3');
  const [first] = await listHistory(db, ann.scope, ann.session.id);
  await compactMessages(db, ann.scope, { session: ann.session.id, throughId: (first?.id ?? 0) + 1, summary: 'S' });
  expect(await textsOf(db, ann)).toEqual(['S', 'q3', 'a3']);
  const failing = db.query.transaction().execute(async (trx) => {
    await trx.deleteFrom('messages').execute();
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  expect(await textsOf(db, ann)).toEqual(['S', 'q3', 'a3']);
  await deleteSession(db, ann.scope, ann.session.id);
  expect(await textsOf(db, ann)).toEqual([]);
});
