import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countInbox,
  countQueued,
  endInbox,
  findWaiting,
  getInbox,
  insertInbox,
  listInbox,
  listQueuedSessions,
  moveInbox,
  queueInbox,
  rewriteWaiting,
} from '../../data/process/inbox.ts';
import type { InboxPayload } from '../../data/inbox-payload.ts';
import { INBOX_END_STATES } from '../../data/schema.ts';
import { messageId, sessionId, threadId, userId } from '../../shared/ids.ts';
import { begin, dmAddress, groupAddress, makeEvent, makePerson, makeSpeaker, queue, receive } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

describe('insertInbox', () => {
  test('a redelivery is recognized by platform, account, chat, message id, kind and revision', async () => {
    const { db } = await openTemporaryData();
    const event = makeEvent({ message: messageId('1') });
    expect(await insertInbox(db, event)).toBeDefined();
    expect(await insertInbox(db, event)).toBeUndefined();
    // The sender, the text and the thread do not make it another message.
    expect(
      await insertInbox(db, { ...event, user: userId('x'), payload: { ...event.payload, text: 'other' } }),
    ).toBeUndefined();
    expect(await insertInbox(db, { ...event, address: { ...event.address, thread: threadId('t') } })).toBeUndefined();
    const others = [
      { ...event, message: messageId('2') },
      { ...event, kind: 'edit' as const, revision: '100' },
      { ...event, kind: 'edit' as const, revision: '101' },
      { ...event, kind: 'delete' as const },
      { ...event, address: dmAddress('bob') },
      { ...event, address: dmAddress('ann', 'raven') },
    ];
    for (const other of others) {
      expect(await insertInbox(db, other)).toBeDefined();
      expect(await insertInbox(db, other)).toBeUndefined();
    }
    expect(await countInbox(db)).toEqual({ received: 7 });
  });

  test('what a platform said is read back as it was stored, all of it', async () => {
    const { db } = await openTemporaryData();
    const payload: Required<InboxPayload> = {
      text: 'hello',
      attachments: [{ kind: 'voice', ref: 'r', name: 'n', mime: 'audio/ogg', bytes: 5, durationMs: 7 }],
      senderName: 'Ann',
      senderUsername: 'ann',
      sentAt: 1,
      addressed: true,
      bot: false,
      verified: false,
      detached: true,
      foreign: true,
      chatTitle: 'Garden',
      replyTo: { message: messageId('9'), text: 't', author: 'a', mine: true },
      mediaGroup: 'g',
      partial: true,
      button: { data: 'yes', message: '8' },
      voice: { by: 'voice', text: 'heard', problem: 'none' },
      event: { origin: 'foreign' },
    };
    const row = await insertInbox(db, { ...makeEvent(), payload });
    const stored = row && (await getInbox(db, row.id));
    expect(stored?.payload).toEqual(payload);
  });

  test('of many deliveries of one event at the same time one is new', async () => {
    const { db } = await openTemporaryData();
    const event = makeEvent();
    const stored = await Promise.all(Array.from({ length: 20 }, () => insertInbox(db, event)));
    expect(stored.filter((row) => row !== undefined)).toHaveLength(1);
  });

  test('a redelivery is recognized in every state', async () => {
    const { db } = await openTemporaryData();
    for (const state of INBOX_END_STATES) {
      const event = makeEvent();
      const row = await insertInbox(db, event);
      await endInbox(db, row ? [row.id] : [], { state });
      expect(await insertInbox(db, event), state).toBeUndefined();
    }
  });

  test('keeps everything that the platform said', async () => {
    const { db, clock } = await openTemporaryData();
    const event = makeEvent({
      address: { ...groupAddress('g'), thread: threadId('7') },
      kind: 'button',
      payload: {
        text: 'a\u0000b \u{1f600} \ud800 end',
        attachments: [{ kind: 'voice', ref: 'r', name: 'n', mime: 'audio/ogg', bytes: 1, durationMs: 2 }],
        senderName: 'Ann',
        senderUsername: 'ann',
        sentAt: 5,
        addressed: false,
        bot: true,
        verified: false,
        foreign: true,
        chatTitle: 'Group',
        replyTo: { message: messageId('9'), text: 't', author: 'a', mine: true },
        mediaGroup: 'm',
        partial: true,
        button: { data: 'd', message: 'x' },
      },
    });
    const row = await insertInbox(db, event);
    expect(row && (await getInbox(db, row.id))).toEqual(row);
    expect(row).toEqual({
      ...event,
      id: row?.id,
      state: 'received',
      receivedAt: clock.now(),
      dueAt: clock.now(),
      reason: undefined,
      person: undefined,
      session: undefined,
      turn: undefined,
    });
  });

  test('any text comes back as it was', async () => {
    const { db } = await openTemporaryData();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
        const id = await receive(db, {}, text);
        expect((await getInbox(db, id))?.payload.text).toBe(text);
      }),
      { numRuns: 60 },
    );
  });
});

describe('from received to an end', () => {
  test('each row ends once: the first end stays, whatever comes later', async () => {
    const { db } = await openTemporaryData();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...INBOX_END_STATES), { minLength: 1, maxLength: 6 }), async (ends) => {
        const id = await receive(db);
        const moved = await Promise.all(ends.map((state, n) => endInbox(db, [id], { state, reason: `r${n}` })));
        expect(moved).toEqual(ends.map((_, n) => (n === 0 ? 1 : 0)));
        expect(await getInbox(db, id)).toMatchObject({ state: ends[0], reason: 'r0' });
      }),
      { numRuns: 30 },
    );
  });

  test('an ended row is not queued, moved, rewritten or found waiting again', async () => {
    const { db } = await openTemporaryData();
    const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
    const id = await receive(db, { message: messageId('1') });
    await endInbox(db, [id], { state: 'refused', reason: 'no' });
    await queueInbox(db, id, { person: ann.person.id, session: ann.session.id, dueAt: 0 });
    await moveInbox(db, id, 'received', 'running');
    const row = await getInbox(db, id);
    expect(row && (await rewriteWaiting(db, id, { ...row.payload, text: 'new' }))).toBe(false);
    expect(await findWaiting(db, dmAddress('ann'), messageId('1'))).toBeUndefined();
    expect(await getInbox(db, id)).toMatchObject({ state: 'refused', payload: { text: 'hello' } });
  });

  test('endInbox ends many at once, counts what moved, and takes nothing for none', async () => {
    const { db } = await openTemporaryData();
    const [a, b, c] = [await receive(db), await receive(db), await receive(db)];
    await endInbox(db, [c], { state: 'expired' });
    expect(await endInbox(db, [a, b, c], { state: 'merged', mergedInto: a })).toBe(2);
    expect(await endInbox(db, [], { state: 'dead' })).toBe(0);
    expect(await countInbox(db)).toEqual({ merged: 2, expired: 1 });
  });

  test('a waiting message is rewritten by its edit, until its turn begins', async () => {
    const { db } = await openTemporaryData();
    const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
    const id = await queue(db, ann, 'frist');
    const waiting = await getInbox(db, id);
    if (!waiting) throw new Error('not stored');
    expect((await findWaiting(db, ann.address, waiting.message))?.id).toBe(id);
    expect(await rewriteWaiting(db, id, { ...waiting.payload, text: 'first' })).toBe(true);
    expect((await getInbox(db, id))?.payload.text).toBe('first');
    const { row } = await begin(db, ann);
    expect(await rewriteWaiting(db, row, { ...waiting.payload, text: 'late' })).toBe(false);
  });

  test('a command moves to running and back, and only from where it is said to be', async () => {
    const { db } = await openTemporaryData();
    const id = await receive(db);
    await moveInbox(db, id, 'running', 'received');
    expect((await getInbox(db, id))?.state).toBe('received');
    await moveInbox(db, id, 'received', 'running');
    expect((await getInbox(db, id))?.state).toBe('running');
  });
});

describe('the queue', () => {
  test('stands in order of arrival, per session', async () => {
    const { db } = await openTemporaryData();
    const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
    const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
    for (const text of ['1', '2', '3']) {
      await queue(db, ann, `ann ${text}`);
      await queue(db, bob, `bob ${text}`);
    }
    const texts = async (session = ann.session.id, limit = 10) =>
      (await listInbox(db, { state: 'queued', session, limit })).map((row) => row.payload.text);
    expect(await texts()).toEqual(['ann 1', 'ann 2', 'ann 3']);
    expect(await texts(bob.session.id, 2)).toEqual(['bob 1', 'bob 2']);
    expect((await listInbox(db, { state: 'queued', limit: 4 })).map((row) => row.payload.text)).toEqual([
      'ann 1',
      'bob 1',
      'ann 2',
      'bob 2',
    ]);
    expect((await listQueuedSessions(db)).toSorted()).toEqual([ann.session.id, bob.session.id].toSorted());
    expect(await countQueued(db, ann.session.id)).toBe(3);
    expect(await countQueued(db, sessionId('none'))).toBe(0);
  });
});
