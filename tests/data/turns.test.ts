import { describe, expect, test } from 'vitest';
import type { ProcessDb } from '../../data/db.ts';
import { listSteps, writeStep, type JournalStep } from '../../data/journal.ts';
import { listHistory } from '../../data/messages.ts';
import { endInbox, getInbox, listInbox, rewriteWaiting } from '../../data/process/inbox.ts';
import { countOutbox, getOutboxByKey } from '../../data/process/outbox.ts';
import {
  answerInbox,
  beginTurn,
  countAttempt,
  finishTurn,
  listRunningTurns,
  listTurnRows,
  parkTurn,
  steerIntoTurn,
  type TurnFinish,
} from '../../data/process/turns.ts';
import { getSession } from '../../data/sessions.ts';
import { turnId, type InboxId } from '../../shared/ids.ts';
import {
  begin,
  makeExchange,
  makeOutboxRow,
  makePerson,
  makeSpeaker,
  queue,
  receive,
  type Speaker,
} from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const modelStep: JournalStep = { key: 'm1', kind: 'model', state: 'done', effect: undefined, payload: '{}' };

async function openConversation() {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  return { ...data, ann };
}

function startOf(speaker: Speaker, rows: readonly InboxId[]) {
  const { session, scope, person, address } = speaker;
  return { session: session.id, space: scope.space, person: person.id, address, rows };
}

const stateOf = async (db: ProcessDb, id: InboxId) => (await getInbox(db, id))?.state;

describe('beginTurn', () => {
  test('takes the waiting rows and makes one running turn', async () => {
    const { db, ann, clock } = await openConversation();
    const rows = [await queue(db, ann), await queue(db, ann)];
    const begun = await beginTurn(db, startOf(ann, rows));
    expect(begun?.turn).toMatchObject({
      state: 'running',
      attempts: 1,
      startedAt: clock.now(),
      person: ann.person.id,
      address: ann.address,
    });
    expect(begun?.taken.map((row) => [row.id, row.state])).toEqual(rows.map((id) => [id, 'running']));
    expect(begun && (await listTurnRows(db, begun.turn.id))).toEqual(begun?.taken);
    expect(await listRunningTurns(db)).toEqual([begun?.turn]);
  });

  test('of two that begin with the same rows one gets them', async () => {
    const { db, ann } = await openConversation();
    const rows = [await queue(db, ann)];
    const turns = await Promise.all([1, 2, 3].map(() => beginTurn(db, startOf(ann, rows))));
    expect(turns.filter((turn) => turn !== undefined)).toHaveLength(1);
    expect(await listRunningTurns(db)).toHaveLength(1);
  });

  test('leaves out what ended meanwhile, is not queued, or is of another session', async () => {
    const { db, ann } = await openConversation();
    const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
    const [ended, fresh, foreign, mine] = [
      await queue(db, ann),
      await receive(db),
      await queue(db, bob),
      await queue(db, ann),
    ];
    await endInbox(db, [ended], { state: 'superseded' });
    expect(await beginTurn(db, startOf(ann, [ended, fresh, foreign]))).toBeUndefined();
    expect(await beginTurn(db, startOf(ann, []))).toBeUndefined();
    const begun = await beginTurn(db, startOf(ann, [ended, fresh, foreign, mine]));
    expect(begun?.taken.map((row) => row.id)).toEqual([mine]);
    expect(begun && (await listTurnRows(db, begun.turn.id)).map((row) => row.id)).toEqual([mine]);
    expect(await stateOf(db, foreign)).toBe('queued');
  });
});

describe('finishTurn', () => {
  async function openFinish() {
    const world = await openConversation();
    const { turn, row } = await begin(world.db, world.ann);
    await writeStep(world.db, world.ann.scope, turn.id, modelStep);
    const finish: TurnFinish = {
      turn,
      state: 'done',
      messages: makeExchange('hello', 'hi'),
      outbox: [makeOutboxRow('o1', { turn: turn.id })],
      inbox: [{ rows: [row], state: 'answered' }],
    };
    return { ...world, turn, row, finish };
  }

  test('history, outbox, inbox, turn and session change together; the journal goes', async () => {
    const { db, ann, clock, turn, row, finish } = await openFinish();
    await clock.advance(5_000);
    expect(await finishTurn(db, finish)).toBe(true);
    expect((await listHistory(db, ann.scope, ann.session.id)).map((m) => [m.role, m.text, m.turn])).toEqual([
      ['user', 'hello', turn.id],
      ['assistant', 'hi', turn.id],
    ]);
    expect((await getOutboxByKey(db, 'o1'))?.state).toBe('pending');
    expect(await stateOf(db, row)).toBe('answered');
    expect(await listRunningTurns(db)).toEqual([]);
    expect(await listSteps(db, ann.scope, turn.id)).toEqual([]);
    expect((await getSession(db, ann.scope, ann.session.id))?.updatedAt).toBe(clock.now());
  });

  test('a second finish, at once or later, writes nothing', async () => {
    const { db, ann, finish, row } = await openFinish();
    const other: TurnFinish = {
      ...finish,
      state: 'failed',
      outbox: [makeOutboxRow('o2')],
      inbox: [{ rows: [row], state: 'dead' }],
    };
    const results = await Promise.all([finishTurn(db, finish), finishTurn(db, other), finishTurn(db, finish)]);
    expect(results).toEqual([true, false, false]);
    expect(await finishTurn(db, other)).toBe(false);
    expect(await listHistory(db, ann.scope, ann.session.id)).toHaveLength(2);
    expect(await countOutbox(db)).toEqual({ pending: 1 });
    expect(await stateOf(db, row)).toBe('answered');
  });

  test('when one part cannot be written, none is', async () => {
    const { db, ann, turn, row, finish } = await openFinish();
    // The schema refuses this part: it fails after the history and the first outbox row went through.
    const outbox = [...finish.outbox, makeOutboxRow('o2', { part: Number.NaN })];
    await expect(finishTurn(db, { ...finish, outbox })).rejects.toThrow(/NOT NULL/);
    expect(await listHistory(db, ann.scope, ann.session.id)).toEqual([]);
    expect(await countOutbox(db)).toEqual({});
    expect(await stateOf(db, row)).toBe('running');
    expect((await listRunningTurns(db)).map((one) => one.id)).toEqual([turn.id]);
    expect(await listSteps(db, ann.scope, turn.id)).toHaveLength(1);
    expect(await finishTurn(db, finish)).toBe(true);
  });

  test('a row of the turn that is named in no end waits again: it is never left without an answer', async () => {
    const { db, ann, turn, row, finish } = await openFinish();
    const late = await queue(db, ann, 'one more thing');
    await steerIntoTurn(db, { turn: turn.id, stepKey: 's1', rows: [late], payload: '[]' });
    await finishTurn(db, finish);
    expect(await stateOf(db, row)).toBe('answered');
    expect(await getInbox(db, late)).toMatchObject({ state: 'queued', turn: undefined });
  });
});

describe('steerIntoTurn', () => {
  test('gives waiting rows to the running turn and remembers it in the journal', async () => {
    const { db, ann } = await openConversation();
    const { turn, row } = await begin(db, ann);
    await writeStep(db, ann.scope, turn.id, modelStep);
    const late = await queue(db, ann, 'and this');
    expect(await steerIntoTurn(db, { turn: turn.id, stepKey: 's1', rows: [late], payload: '["x"]' })).toBe(true);
    expect((await listTurnRows(db, turn.id)).map((one) => one.id)).toEqual([row, late]);
    await writeStep(db, ann.scope, turn.id, { ...modelStep, key: 'm2' });
    expect((await listSteps(db, ann.scope, turn.id)).map((step) => [step.key, step.kind, step.payload])).toEqual([
      ['m1', 'model', '{}'],
      ['s1', 'steer', '["x"]'],
      ['m2', 'model', '{}'],
    ]);
  });

  test('against the end of the turn: whoever comes second changes nothing, and no message is lost', async () => {
    for (const steerFirst of [true, false]) {
      const { db, ann } = await openConversation();
      const { turn, row } = await begin(db, ann);
      const late = await queue(db, ann);
      const steer = () => steerIntoTurn(db, { turn: turn.id, stepKey: 's1', rows: [late], payload: '[]' });
      const finish = () =>
        finishTurn(db, { turn, state: 'done', messages: [], outbox: [], inbox: [{ rows: [row], state: 'answered' }] });
      const [taken] = steerFirst
        ? await Promise.all([steer(), finish()])
        : (await Promise.all([finish(), steer()])).toReversed();
      expect(taken).toBe(steerFirst);
      expect(await getInbox(db, late)).toMatchObject({ state: 'queued', turn: undefined });
      expect(
        (await listInbox(db, { state: 'queued', session: ann.session.id, limit: 5 })).map((one) => one.id),
      ).toEqual([late]);
    }
  });

  test('all or none: a row that ended, is of another session or was taken already keeps the others waiting', async () => {
    const { db, ann } = await openConversation();
    const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
    const { turn, row } = await begin(db, ann);
    const [waiting, ended, foreign] = [await queue(db, ann), await queue(db, ann), await queue(db, bob)];
    await endInbox(db, [ended], { state: 'superseded' });
    for (const other of [ended, foreign, row])
      expect(await steerIntoTurn(db, { turn: turn.id, stepKey: 's', rows: [waiting, other], payload: '[]' })).toBe(
        false,
      );
    expect(await steerIntoTurn(db, { turn: turn.id, stepKey: 's', rows: [], payload: '[]' })).toBe(false);
    expect(await stateOf(db, waiting)).toBe('queued');
    expect(await listSteps(db, ann.scope, turn.id)).toEqual([]);
  });

  test('of two that steer the same row one gets it', async () => {
    const { db, ann } = await openConversation();
    const { turn } = await begin(db, ann);
    const late = await queue(db, ann);
    const steer = (key: string) => steerIntoTurn(db, { turn: turn.id, stepKey: key, rows: [late], payload: '[]' });
    expect(await Promise.all([steer('s1'), steer('s2')])).toEqual([true, false]);
  });

  test('a steered row is not rewritten any more', async () => {
    const { db, ann } = await openConversation();
    const { turn } = await begin(db, ann);
    const late = await queue(db, ann);
    const row = await getInbox(db, late);
    await steerIntoTurn(db, { turn: turn.id, stepKey: 's1', rows: [late], payload: '[]' });
    expect(row && (await rewriteWaiting(db, late, row.payload))).toBe(false);
  });
});

describe('attempts', () => {
  test('count the starts, and an orderly end takes its own back', async () => {
    const { db, ann } = await openConversation();
    const { turn } = await begin(db, ann);
    expect(await countAttempt(db, turn.id)).toBe(2);
    await parkTurn(db, turn.id);
    expect(await countAttempt(db, turn.id)).toBe(2);
    expect(await countAttempt(db, turnId('none'))).toBe(0);
  });
});

describe('answerInbox', () => {
  test('writes the answer and ends the row together', async () => {
    const { db, ann } = await openConversation();
    const row = await receive(db);
    await answerInbox(db, {
      rows: [row],
      state: 'refused',
      reason: 'why',
      person: ann.person.id,
      outbox: [makeOutboxRow('a')],
    });
    expect(await getInbox(db, row)).toMatchObject({ state: 'refused', reason: 'why', person: ann.person.id });
    expect((await getOutboxByKey(db, 'a'))?.state).toBe('pending');
  });

  test('takes part in the transaction that it is given', async () => {
    const { db } = await openConversation();
    const row = await receive(db);
    const failing = db.query.transaction().execute(async (trx) => {
      await answerInbox(db, { rows: [row], state: 'answered', outbox: [makeOutboxRow('a')] }, trx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await stateOf(db, row)).toBe('received');
    expect(await getOutboxByKey(db, 'a')).toBeUndefined();
  });
});
