import { describe, expect, test } from 'vitest';
import {
  countOutbox,
  enqueueOutbox,
  getOutboxByKey,
  insertPreview,
  listExpired,
  listOpenChats,
  nextOutbox,
  resendOutbox,
  updateOutbox,
  type OutboxChange,
} from '../../data/process/outbox.ts';
import { messageId, personId, threadId, turnId } from '../../shared/ids.ts';
import { addressKey } from '../../shared/messages.ts';
import type { ProcessDb } from '../../data/db.ts';
import { annKey, dmAddress, makeOutboxRow } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

async function change(db: ProcessDb, key: string, to: OutboxChange): Promise<void> {
  const row = await getOutboxByKey(db, key);
  if (!row) throw new Error(`no row ${key}`);
  await updateOutbox(db, row.seq, to);
}

test('a row keeps all that is to be sent, and its time to live counts from now', async () => {
  const { db, clock } = await openTemporaryData();
  const given = makeOutboxRow('k', {
    to: { ...dmAddress('ann'), thread: threadId('t') },
    turn: turnId('t1'),
    person: personId('p1'),
    part: 2,
    parts: 3,
    text: '**hi** \u{1f600}',
    files: [{ kind: 'image', path: '/x', name: 'x.png', mime: 'image/png', bytes: 5 }],
    buttons: [[{ label: 'Yes', data: 'y' }], [{ label: 'No', data: 'n' }]],
    replyTo: messageId('1'),
    editOf: messageId('2'),
    silent: true,
  });
  await enqueueOutbox(db, [given]);
  const { ttlMs, ...same } = given;
  expect(await getOutboxByKey(db, 'k')).toEqual({
    ...same,
    seq: expect.any(Number),
    plain: false,
    state: 'pending',
    attempts: 0,
    dueAt: clock.now(),
    expiresAt: clock.now() + ttlMs,
    sentIds: [],
    error: undefined,
    createdAt: clock.now(),
    updatedAt: clock.now(),
  });
});

test('one key is one row, however often and from wherever it is written', async () => {
  const { db } = await openTemporaryData();
  await Promise.all(
    Array.from({ length: 10 }, (_, i) => enqueueOutbox(db, [makeOutboxRow('same', { text: String(i) })])),
  );
  expect(await countOutbox(db)).toEqual({ pending: 1 });
  await change(db, 'same', { state: 'sent', sentIds: [messageId('7')] });
  await enqueueOutbox(db, [makeOutboxRow('same', { text: 'again' })]);
  expect(await getOutboxByKey(db, 'same')).toMatchObject({ state: 'sent', sentIds: ['7'] });
});

describe('order', () => {
  test('the next row of a chat is the oldest that has not ended, due or not', async () => {
    const { db, clock } = await openTemporaryData();
    await enqueueOutbox(db, [
      makeOutboxRow('1'),
      makeOutboxRow('2'),
      makeOutboxRow('b', { to: dmAddress('bob') }),
      makeOutboxRow('3'),
    ]);
    const next = async () => (await nextOutbox(db, annKey))?.row.key;
    await change(db, '1', { state: 'pending', dueAt: clock.now() + 60_000 });
    expect(await next()).toBe('1');
    expect((await nextOutbox(db, annKey))?.isLast).toBe(false);
    await change(db, '1', { state: 'sending' });
    expect(await next()).toBe('1');
    await change(db, '1', { state: 'uncertain', error: 'cut off' });
    expect(await next()).toBe('2');
    await change(db, '2', { state: 'dead' });
    expect(await next()).toBe('3');
    expect((await nextOutbox(db, annKey))?.isLast).toBe(true);
    await change(db, '3', { state: 'expired' });
    expect(await next()).toBeUndefined();
    expect((await listOpenChats(db)).map(addressKey)).toEqual([addressKey(dmAddress('bob'))]);
  });

  test('threads of one chat are chats of their own', async () => {
    const { db } = await openTemporaryData();
    const thread = { ...dmAddress('ann'), thread: threadId('t') };
    await enqueueOutbox(db, [makeOutboxRow('1'), makeOutboxRow('2', { to: thread })]);
    expect((await nextOutbox(db, addressKey(thread)))?.row.key).toBe('2');
    expect(await listOpenChats(db)).toEqual(expect.arrayContaining([dmAddress('ann'), thread]));
  });
});

describe('ends', () => {
  test('what was sent stays sent', async () => {
    const { db } = await openTemporaryData();
    await enqueueOutbox(db, [makeOutboxRow('1')]);
    await change(db, '1', { state: 'sent', sentIds: [messageId('7')] });
    for (const state of ['pending', 'sending', 'uncertain', 'expired', 'dead'] as const) {
      await change(db, '1', { state, attempts: 9, error: 'late' });
      expect(await getOutboxByKey(db, '1'), state).toMatchObject({
        state: 'sent',
        attempts: 0,
        sentIds: ['7'],
        error: undefined,
      });
    }
  });

  test('a change leaves alone what it does not name', async () => {
    const { db, clock } = await openTemporaryData();
    await enqueueOutbox(db, [makeOutboxRow('1', { editOf: messageId('5') })]);
    await change(db, '1', { state: 'pending', attempts: 2, dueAt: 99, plain: true, error: 'format' });
    expect(await getOutboxByKey(db, '1')).toMatchObject({
      attempts: 2,
      dueAt: 99,
      plain: true,
      error: 'format',
      editOf: '5',
      expiresAt: clock.now() + 60_000,
    });
    await change(db, '1', { state: 'pending', editOf: null });
    expect(await getOutboxByKey(db, '1')).toMatchObject({ attempts: 2, plain: true, editOf: undefined });
  });

  test('only rows that wait expire, oldest first', async () => {
    const { db, clock } = await openTemporaryData();
    await enqueueOutbox(
      db,
      ['1', '2', '3', '4'].map((key) => makeOutboxRow(key, { ttlMs: key === '4' ? 99_999 : 1_000 })),
    );
    await change(db, '2', { state: 'sending' });
    expect(await listExpired(db, annKey)).toEqual([]);
    await clock.advance(1_000);
    expect((await listExpired(db, annKey)).map((row) => row.key)).toEqual(['1', '3']);
    expect(await listExpired(db, 'another chat')).toEqual([]);
  });
});

describe('insertPreview', () => {
  const preview = { key: 'p', to: dmAddress('ann'), turn: turnId('t'), person: personId('x') };

  test('is uncertain until its ids are known, and never next to be sent', async () => {
    const { db } = await openTemporaryData();
    await insertPreview(db, preview);
    expect(await getOutboxByKey(db, 'p')).toMatchObject({ state: 'uncertain', part: 0 });
    expect(await nextOutbox(db, annKey)).toBeUndefined();
    await change(db, 'p', { state: 'sent', sentIds: [messageId('1')] });
    expect(await getOutboxByKey(db, 'p')).toMatchObject({ state: 'sent', sentIds: ['1'] });
  });

  test('a second start of the turn does not forget that it was sent', async () => {
    const { db } = await openTemporaryData();
    await insertPreview(db, preview);
    await change(db, 'p', { state: 'sent', sentIds: [messageId('1')] });
    await insertPreview(db, preview);
    expect(await getOutboxByKey(db, 'p')).toMatchObject({ state: 'sent', sentIds: ['1'] });
  });
});

describe('resendOutbox', () => {
  test('sends again what ended without certainty, for its own person only', async () => {
    const { db, clock } = await openTemporaryData();
    const [ann, eve] = [personId('ann'), personId('eve')];
    for (const state of ['uncertain', 'expired', 'dead', 'sent', 'sending', 'pending'] as const) {
      await enqueueOutbox(db, [makeOutboxRow(state, { person: ann })]);
      await change(db, state, { state, attempts: 4, error: 'x' });
      const allowed = state === 'uncertain' || state === 'expired' || state === 'dead';
      await clock.advance(5);
      expect(await resendOutbox(db, state, eve, 1_000), state).toBe(false);
      expect(await resendOutbox(db, state, ann, 1_000), state).toBe(allowed);
      expect(await resendOutbox(db, state, ann, 1_000), `${state} twice`).toBe(false);
      if (allowed)
        expect(await getOutboxByKey(db, state)).toMatchObject({
          state: 'pending',
          attempts: 0,
          dueAt: clock.now(),
          expiresAt: clock.now() + 1_000,
        });
    }
    expect(await resendOutbox(db, 'no such key', ann, 1_000)).toBe(false);
  });

  test('a preview is not a message to send again', async () => {
    const { db } = await openTemporaryData();
    await insertPreview(db, { key: 'p', to: dmAddress('ann'), turn: turnId('t'), person: personId('x') });
    expect(await resendOutbox(db, 'p', personId('x'), 1_000)).toBe(false);
  });
});
