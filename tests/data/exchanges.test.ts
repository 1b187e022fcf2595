import { expect, test } from 'vitest';
import { readExchange } from '../../data/process/exchanges.ts';
import { endInbox, getInbox } from '../../data/process/inbox.ts';
import { enqueueOutbox, getOutboxByKey, updateOutbox } from '../../data/process/outbox.ts';
import { finishTurn } from '../../data/process/turns.ts';
import { accountId, chatId, messageId } from '../../shared/ids.ts';
import { begin, dmAddress, makeOutboxRow, makePerson, makeSpeaker, receive } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const ann = { platform: 'pigeon', account: accountId('bot'), chat: chatId('ann') };
const nothing = { asked: [], isOpen: false, said: [] };

test('a message, its turn and the parts of its answer belong together, whichever of them is asked for', async () => {
  const { db } = await openTemporaryData();
  const speaker = await makeSpeaker(db, await makePerson(db, 'ann'));
  const { turn, row } = await begin(db, speaker, 'question');
  const message = (await getInbox(db, row))?.message ?? messageId('');
  const asked = [message];
  expect(await readExchange(db, ann, { message })).toEqual({ asked, isOpen: true, said: [] });
  // The draft has the turn's key before anything was said.
  expect(await readExchange(db, ann, { line: turn.id })).toMatchObject({ asked });
  await enqueueOutbox(db, [
    makeOutboxRow('elsewhere'),
    makeOutboxRow(`${turn.id}.9`, { to: dmAddress('bob'), turn: turn.id }),
  ]);
  await finishTurn(db, {
    turn,
    state: 'done',
    messages: [],
    outbox: [1, 2].map((part) => makeOutboxRow(`${turn.id}.${part}`, { part, parts: 2, turn: turn.id })),
    inbox: [{ rows: [row], state: 'answered' }],
  });
  const whole = await readExchange(db, ann, { message });
  expect(whole).toMatchObject({ asked, isOpen: false });
  expect(whole.said.map(({ key }) => key)).toEqual([`${turn.id}.1`, `${turn.id}.2`]);
  expect(await readExchange(db, ann, { line: `${turn.id}.2` })).toEqual(whole);
});

test('the reply of a command belongs to its message alone', async () => {
  const { db } = await openTemporaryData();
  const ids = [await receive(db, {}, '/a'), await receive(db, {}, '/b')];
  for (const id of ids) await enqueueOutbox(db, [makeOutboxRow(`c${id}.1`), makeOutboxRow(`c${id}0.1`)]);
  await endInbox(db, ids, { state: 'answered' });
  for (const id of ids) {
    const message = (await getInbox(db, id))?.message ?? messageId('');
    const exchange = await readExchange(db, ann, { message });
    expect(exchange).toMatchObject({ asked: [message], isOpen: false });
    expect(exchange.said.map(({ key }) => key)).toEqual([`c${id}.1`]);
    expect(await readExchange(db, ann, { line: `c${id}.1` })).toEqual(exchange);
  }
});

test('nobody asked for what is unknown, of another chat, or said by itself; what expired was not said', async () => {
  const { db } = await openTemporaryData();
  await enqueueOutbox(db, [makeOutboxRow('news.1')]);
  for (const line of ['news.1', 'no such line', 'c99.1'])
    expect(await readExchange(db, ann, { line })).toEqual(nothing);
  const id = await receive(db, {}, '/a');
  const message = (await getInbox(db, id))?.message ?? messageId('');
  expect(await readExchange(db, { ...ann, chat: chatId('bob') }, { message })).toEqual(nothing);
  await enqueueOutbox(db, [makeOutboxRow(`c${id}.1`)]);
  const row = await getOutboxByKey(db, `c${id}.1`);
  if (row) await updateOutbox(db, row.seq, { state: 'expired' });
  expect(await readExchange(db, ann, { message })).toMatchObject({ asked: [message], said: [] });
});
