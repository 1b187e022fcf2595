import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideApproval, listPendingApprovals, requestApproval } from '../../data/policy/approvals.ts';
import type { ProcessDb } from '../../data/db.ts';
import { listDmChats } from '../../data/process/chats.ts';
import { endInbox, getInbox, insertInbox, queueInbox, type NewInboxRow } from '../../data/process/inbox.ts';
import { enqueueOutbox, getOutboxByKey, updateOutbox } from '../../data/process/outbox.ts';
import { insertPairingCode, listOpenCodes, useCode } from '../../data/process/pairing.ts';
import { pruneEnded } from '../../data/process/retention.ts';
import { hasSpokenIn } from '../../data/process/schedule/reach.ts';
import { keepResult, openResult } from '../../data/work/results.ts';
import { finishTurn } from '../../data/process/turns.ts';
import { INBOX_END_STATES, OUTBOX_END_STATES, type InboxState, type OutboxState } from '../../data/schema.ts';
import { accountId, userId, type InboxId } from '../../shared/ids.ts';
import {
  begin,
  dmAddress,
  groupAddress,
  makeEvent,
  makeOutboxRow,
  makePerson,
  makeSpeaker,
  receive,
  type Speaker,
} from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const DAY = 24 * 3_600_000;
const inGroup = { address: groupAddress('g') };

async function bring(db: ProcessDb, id: InboxId, state: InboxState, speaker: Speaker): Promise<void> {
  if (state === 'received') return;
  if (state !== 'queued' && state !== 'running') return void (await endInbox(db, [id], { state }));
  await queueInbox(db, id, { person: speaker.person.id, session: speaker.session.id, dueAt: 0 });
  if (state === 'running') await db.query.updateTable('inbox').set({ state }).where('seq', '=', Number(id)).execute();
}

const rows = async (db: ProcessDb, table: 'inbox' | 'outbox' | 'pairing_codes' | 'approvals') =>
  (await db.query.selectFrom(table).selectAll().execute()).length;

describe('the inbox', () => {
  test('ended rows go after 30 days, and a redelivery is recognized until then', async () => {
    const { db, clock } = await openTemporaryData();
    const event: NewInboxRow = makeEvent(inGroup);
    const row = await insertInbox(db, event);
    if (row) await endInbox(db, [row.id], { state: 'answered' });
    await clock.advance(30 * DAY);
    expect(await pruneEnded(db)).toBe(0);
    expect(await insertInbox(db, event)).toBeUndefined();
    await clock.advance(1);
    expect(await pruneEnded(db)).toBe(1);
    expect(await rows(db, 'inbox')).toBe(0);
    expect(await pruneEnded(db)).toBe(0);
  });

  test('results still go to a group whose messages are gone, when the person was answered there; not to others', async () => {
    const { db, clock } = await openTemporaryData();
    const speaker = await makeSpeaker(db, await makePerson(db, 'ann'), 'g');
    const { turn, row } = await begin(db, speaker);
    await finishTurn(db, { turn, state: 'done', messages: [], outbox: [], inbox: [] });
    await endInbox(db, [row], { state: 'answered' });
    await clock.advance(31 * DAY);
    await pruneEnded(db);
    expect(await rows(db, 'inbox')).toBe(0);
    expect(await hasSpokenIn(db, speaker.person.id, inGroup.address)).toBe(true);
    expect(await hasSpokenIn(db, speaker.person.id, groupAddress('other'))).toBe(false);
    expect(await hasSpokenIn(db, (await makePerson(db, 'bob')).id, inGroup.address)).toBe(false);
  });

  test('rows that wait or run stay, however old; so does what ended lately', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            state: fc.constantFrom<InboxState>('received', 'queued', 'running', ...INBOX_END_STATES),
            age: fc.integer({ min: 0, max: 60 }),
            chat: fc.constantFrom(groupAddress('g'), dmAddress('ann'), dmAddress('bob')),
          }),
          { maxLength: 25 },
        ),
        fc.integer({ min: 1, max: 7 }),
        async (specs, batch) => {
          const { db, clock, close } = await openTemporaryData();
          const speaker = await makeSpeaker(db, await makePerson(db, 'ann'));
          const made: { id: InboxId; state: InboxState; age: number; chat: string; isDm: boolean }[] = [];
          let day = 60;
          for (const spec of specs.toSorted((a, b) => b.age - a.age)) {
            await clock.advance((day - spec.age) * DAY);
            day = spec.age;
            const id = await receive(db, { address: spec.chat });
            await bring(db, id, spec.state, speaker);
            made.push({ ...spec, id, chat: spec.chat.chat, isDm: spec.chat.kind === 'dm' });
          }
          await clock.advance(day * DAY + 1);
          const ends: readonly string[] = INBOX_END_STATES;
          const stays = made.filter(
            (row, index) =>
              !ends.includes(row.state) ||
              row.age < 30 ||
              (row.isDm && !made.slice(index + 1).some((later) => later.chat === row.chat)),
          );
          expect(await pruneEnded(db, { batch })).toBe(made.length - stays.length);
          for (const row of made)
            expect((await getInbox(db, row.id))?.state).toBe(stays.includes(row) ? row.state : undefined);
          await close();
        },
      ),
      { numRuns: 25 },
    );
  });

  test('a row that waited long and ended today stays for its 30 days', async () => {
    const { db, clock } = await openTemporaryData();
    const id = await receive(db, inGroup);
    await clock.advance(40 * DAY);
    await endInbox(db, [id], { state: 'expired' });
    expect(await pruneEnded(db)).toBe(0);
    await clock.advance(30 * DAY + 1);
    expect(await pruneEnded(db)).toBe(1);
  });

  test('a person who was silent for a year can still be written to', async () => {
    const { db, clock } = await openTemporaryData();
    const ann = await makePerson(db, 'ann');
    for (let i = 0; i < 5; i++) await endInbox(db, [await receive(db)], { state: 'answered' });
    await clock.advance(365 * DAY);
    expect(await pruneEnded(db)).toBe(4);
    expect((await listDmChats(db, ann.id)).map((chat) => chat.address)).toEqual([dmAddress('ann')]);
  });
});

test('sent and otherwise ended outbox rows go after 30 days, those on their way stay', async () => {
  const { db, clock } = await openTemporaryData();
  const states: readonly OutboxState[] = ['pending', 'sending', ...OUTBOX_END_STATES];
  for (const state of states) {
    await enqueueOutbox(db, [makeOutboxRow(state)]);
    const row = await getOutboxByKey(db, state);
    if (row) await updateOutbox(db, row.seq, { state });
  }
  await clock.advance(30 * DAY + 1);
  await enqueueOutbox(db, [makeOutboxRow('new')]);
  expect(await pruneEnded(db, { batch: 2 })).toBe(OUTBOX_END_STATES.length);
  const left = await db.query.selectFrom('outbox').select('key').orderBy('seq').execute();
  expect(left.map((row) => row.key)).toEqual(['pending', 'sending', 'new']);
});

test('dead pairing codes go after a week, open ones never', async () => {
  const { db, clock } = await openTemporaryData();
  const code = (expiresAt: number) =>
    insertPairingCode(db, {
      kind: 'pair',
      platform: 'p',
      account: accountId('a'),
      user: userId('u'),
      userName: 'U',
      person: null,
      address: null,
      salt: Buffer.alloc(16),
      hash: Buffer.alloc(32),
      createdAt: clock.now(),
      expiresAt,
    });
  const used = await code(clock.now() + 30 * DAY);
  await useCode(db, used);
  await code(clock.now() + 1);
  const open = await code(clock.now() + 30 * DAY);
  await clock.advance(7 * DAY);
  expect(await pruneEnded(db)).toBe(0);
  await clock.advance(1);
  expect(await pruneEnded(db)).toBe(2);
  expect((await listOpenCodes(db, { kinds: ['pair'] })).map((one) => one.id)).toEqual([open]);
});

test('approvals go 30 days after they ran out, but not while their turn runs', async () => {
  const { db, clock } = await openTemporaryData();
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  const { turn, row } = await begin(db, ann);
  const ask = (callId: string, ttlMs: number) =>
    requestApproval(db, ann.scope, {
      turn: turn.id,
      callId,
      chatKey: 'c',
      tool: 't',
      arguments: '{}',
      digest: 'd',
      ttlMs,
    });
  const [answered] = [await ask('1', DAY), await ask('2', DAY)];
  const open = await ask('3', 90 * DAY);
  await decideApproval(db, ann.scope, answered.id, { allow: true });
  await clock.advance(31 * DAY + 1);
  expect(await pruneEnded(db)).toBe(0);
  await finishTurn(db, { turn, state: 'done', messages: [], outbox: [], inbox: [{ rows: [row], state: 'answered' }] });
  expect(await pruneEnded(db)).toBe(2);
  expect((await listPendingApprovals(db, ann.scope)).map((one) => one.id)).toEqual([open.id]);
});

test('long results of tools go after 30 days', async () => {
  const { db, clock } = await openTemporaryData();
  const { scope, ...ann } = await makeSpeaker(db, await makePerson(db, 'ann'));
  const { turn } = await begin(db, { scope, ...ann });
  const keep = () => keepResult(db, scope, { tool: 't', text: 'long', origin: 'agent', turn: turn.id });
  const old = await keep();
  await clock.advance(20 * DAY);
  const young = await keep();
  await clock.advance(10 * DAY + 1);
  expect(await pruneEnded(db)).toBe(1);
  expect([await openResult(db, scope, old), await openResult(db, scope, young)]).toMatchObject([
    undefined,
    { text: 'long' },
  ]);
});

test('thousands of rows go in small steps, and others are served in between', async () => {
  const { db, clock } = await openTemporaryData();
  await db.query.transaction().execute(async (trx) => {
    await enqueueOutbox(
      db,
      Array.from({ length: 3_000 }, (_, i) => makeOutboxRow(`k${i}`)),
      trx,
    );
    await trx.updateTable('outbox').set({ state: 'sent' }).execute();
  });
  await clock.advance(31 * DAY);
  const pruning = pruneEnded(db, { batch: 100 });
  const left: number[] = [];
  while ((left.at(-1) ?? 3_000) > 0 && left.length < 1_000) {
    left.push(await rows(db, 'outbox'));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await pruning).toBe(3_000);
  expect(left.filter((count) => count > 0 && count < 3_000).length).toBeGreaterThan(5);
});
