import { describe, expect, test } from 'vitest';
import type { ProcessDb } from '../../data/db.ts';
import { decideApproval, listPendingApprovals, requestApproval, takeApproval } from '../../data/policy/approvals.ts';
import { begin, makePerson, makeSpeaker, type Speaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';
import type { Turn } from '../../data/process/turns.ts';

async function openTurn() {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  return { ...data, ann, ...(await begin(data.db, ann)) };
}

const request = (db: ProcessDb, { scope }: Speaker, turn: Turn, callId = 'c1') =>
  requestApproval(db, scope, {
    turn: turn.id,
    callId,
    chatKey: 'chat',
    tool: 'send',
    arguments: '{"a":1}',
    digest: `d-${callId}`,
    ttlMs: 60_000,
  });

test('a resumed turn finds the request that it made before, with its answer', async () => {
  const { db, ann, turn, clock } = await openTurn();
  const first = await request(db, ann, turn);
  expect(first).toMatchObject({ state: 'pending', person: ann.person.id, expiresAt: clock.now() + 60_000 });
  await decideApproval(db, ann.scope, first.id, { allow: false, reason: 'no' });
  await clock.advance(1_000);
  expect(await request(db, ann, turn)).toEqual({ ...first, state: 'denied', reason: 'no' });
});

test('requests wait in the order in which they were made', async () => {
  const { db, ann, turn } = await openTurn();
  const ids = [];
  for (const call of ['c', 'a', 'b', 'd', 'e']) ids.push((await request(db, ann, turn, call)).id);
  expect((await listPendingApprovals(db, ann.scope)).map((one) => one.id)).toEqual(ids);
});

describe('an answer', () => {
  test('counts once, and not after the request ran out', async () => {
    const { db, ann, turn, clock } = await openTurn();
    const [one, two] = [await request(db, ann, turn, 'c1'), await request(db, ann, turn, 'c2')];
    const answers = await Promise.all(
      [true, false, true].map((allow) => decideApproval(db, ann.scope, one.id, { allow })),
    );
    expect(answers).toEqual([true, false, false]);
    expect((await request(db, ann, turn, 'c1')).state).toBe('allowed');
    await clock.advance(60_000);
    expect(await decideApproval(db, ann.scope, two.id, { allow: true })).toBe(false);
    expect(await listPendingApprovals(db, ann.scope)).toEqual([]);
    expect(await takeApproval(db, ann.scope, two.id, two.digest)).toBe(false);
  });

  test('allows one run of exactly what was shown', async () => {
    const { db, ann, turn } = await openTurn();
    const { id, digest } = await request(db, ann, turn);
    expect(await takeApproval(db, ann.scope, id, digest)).toBe(false);
    await decideApproval(db, ann.scope, id, { allow: true });
    expect(await takeApproval(db, ann.scope, id, 'other bytes')).toBe(false);
    expect(await Promise.all([1, 2, 3].map(() => takeApproval(db, ann.scope, id, digest)))).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('a denied request never runs', async () => {
    const { db, ann, turn } = await openTurn();
    const { id, digest } = await request(db, ann, turn);
    await decideApproval(db, ann.scope, id, { allow: false });
    expect(await takeApproval(db, ann.scope, id, digest)).toBe(false);
  });

  test('of somebody else does not count, in another space or in the same group', async () => {
    const { db } = await openTemporaryData();
    const [annPerson, evePerson] = [await makePerson(db, 'ann'), await makePerson(db, 'eve')];
    const ann = await makeSpeaker(db, annPerson, 'family');
    const { turn } = await begin(db, ann);
    const { id, digest } = await request(db, ann, turn);
    for (const eve of [
      await makeSpeaker(db, evePerson),
      await makeSpeaker(db, evePerson, 'family'),
      await makeSpeaker(db, annPerson),
    ])
      expect(await decideApproval(db, eve.scope, id, { allow: true })).toBe(false);
    await decideApproval(db, ann.scope, id, { allow: true });
    expect(await takeApproval(db, (await makeSpeaker(db, evePerson, 'family')).scope, id, digest)).toBe(false);
    expect(await takeApproval(db, ann.scope, id, digest)).toBe(true);
  });
});

test("nobody asks in the name of another's turn, nor takes the place of its request", async () => {
  const { db, ann, turn } = await openTurn();
  const eve = await makeSpeaker(db, await makePerson(db, 'eve'));
  await expect(request(db, eve, turn)).rejects.toMatchObject({ code: 'not_found' });
  expect((await request(db, ann, turn)).state).toBe('pending');
  await expect(request(db, eve, turn)).rejects.toMatchObject({ code: 'not_found' });
});
