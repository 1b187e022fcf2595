import { describe, expect, test } from 'vitest';
import {
  addressColumns,
  addressOf,
  ensureGroupSpace,
  getChat,
  listDmChats,
  setChat,
  touchChat,
} from '../../data/process/chats.ts';
import { addIdentity, removeIdentity } from '../../data/process/people.ts';
import { groupScope } from '../../data/scope.ts';
import { createSession } from '../../data/sessions.ts';
import { accountId, threadId, userId } from '../../shared/ids.ts';
import { dmAddress, groupAddress, makePerson, makeSpeaker, receive } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

test('an address goes into columns and comes back', () => {
  for (const at of [dmAddress('a'), groupAddress('g'), { ...groupAddress('g'), thread: threadId('t') }])
    expect(addressOf(addressColumns(at))).toEqual(at);
});

describe('a chat', () => {
  test('is known from its first message, with settings and a session of its own', async () => {
    const { db, clock } = await openTemporaryData();
    const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
    expect(await getChat(db, ann.address)).toBeUndefined();
    await touchChat(db, ann.address, 'Ann');
    await setChat(db, ann.address, { settings: { queueMode: 'steer' }, session: ann.session.id });
    await clock.advance(9);
    await touchChat(db, ann.address, 'Ann B');
    expect(await getChat(db, ann.address)).toEqual({
      address: ann.address,
      title: 'Ann B',
      session: ann.session.id,
      settings: { queueMode: 'steer' },
      lastInboundAt: clock.now(),
    });
    await setChat(db, ann.address, { session: null });
    expect(await getChat(db, ann.address)).toMatchObject({ session: undefined, settings: { queueMode: 'steer' } });
  });

  test('is another one in each thread', async () => {
    const { db } = await openTemporaryData();
    const thread = { ...groupAddress('g'), thread: threadId('t') };
    await touchChat(db, groupAddress('g'), 'G');
    await touchChat(db, thread, 'T');
    await setChat(db, thread, { settings: { queueMode: 'interrupt' } });
    expect((await getChat(db, groupAddress('g')))?.settings).toEqual({});
  });
});

test('a group space is made once and keeps its session', async () => {
  const { db } = await openTemporaryData();
  const ann = await makePerson(db, 'ann');
  const scope = groupScope(ann.id, groupAddress('g'));
  await ensureGroupSpace(db, scope.space, 'G');
  const session = await createSession(db, scope);
  await ensureGroupSpace(db, scope.space, 'G2');
  const row = await db.query.selectFrom('spaces').selectAll().where('id', '=', scope.space).executeTakeFirst();
  expect(row).toMatchObject({ kind: 'group', person_id: null, title: 'G', session_id: session.id });
});

describe('listDmChats', () => {
  test('where the person wrote in private, from whatever account is theirs, the latest first', async () => {
    const { db, clock } = await openTemporaryData();
    const ann = await makePerson(db, 'ann');
    await addIdentity(db, {
      platform: 'raven',
      account: accountId('bot'),
      user: userId('ann2'),
      person: ann.id,
      name: 'Ann',
    });
    await receive(db, { address: dmAddress('dm1'), user: userId('ann') });
    await clock.advance(5);
    await receive(db, { address: dmAddress('dm2', 'raven'), user: userId('ann2') });
    await receive(db, { address: groupAddress('g'), user: userId('ann') });
    await receive(db, { address: dmAddress('bob'), user: userId('bob') });
    await receive(db, { address: dmAddress('dm1', 'raven'), user: userId('ann') });
    expect(await listDmChats(db, ann.id)).toEqual([
      { address: dmAddress('dm2', 'raven'), lastInboundAt: clock.now() },
      { address: dmAddress('dm1'), lastInboundAt: clock.now() - 5 },
    ]);
    await receive(db, { address: dmAddress('dm1'), user: userId('ann') });
    await clock.advance(5);
    await receive(db, { address: dmAddress('dm1'), user: userId('ann') });
    expect((await listDmChats(db, ann.id)).map((chat) => chat.address)).toEqual([
      dmAddress('dm1'),
      dmAddress('dm2', 'raven'),
    ]);
  });

  test('a chat of an account that was taken away, or belongs to somebody else by now, is none', async () => {
    const { db } = await openTemporaryData();
    const [ann, bob] = [await makePerson(db, 'ann'), await makePerson(db, 'bob')];
    await receive(db, { address: dmAddress('dm'), user: userId('ann') });
    await addIdentity(db, {
      platform: 'pigeon',
      account: accountId('bot'),
      user: userId('ann'),
      person: bob.id,
      name: 'x',
    });
    expect(await listDmChats(db, ann.id)).toEqual([]);
    expect(await listDmChats(db, bob.id)).toHaveLength(1);
    await removeIdentity(db, 'pigeon', userId('ann'));
    expect(await listDmChats(db, bob.id)).toEqual([]);
  });
});
