import { expect, test } from 'vitest';
import { setChat, touchChat } from '../../data/process/chats.ts';
import { endInbox, queueInbox } from '../../data/process/inbox.ts';
import { addIdentity, createPerson } from '../../data/process/people.ts';
import { enqueueOutbox, getOutboxByKey, insertPreview, updateOutbox } from '../../data/process/outbox.ts';
import { listTimeline } from '../../data/process/timeline.ts';
import { personScope } from '../../data/scope.ts';
import { createSession } from '../../data/sessions.ts';
import { accountId, chatId, personId, sessionId, turnId, userId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import { dmAddress, makeEvent, makeOutboxRow, receive } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const ann = { platform: 'pigeon', account: accountId('bot'), chat: chatId('ann') };

async function openChat() {
  const data = await openTemporaryData();
  const { db, clock } = data;
  for (let i = 1; i <= 3; i++) {
    await receive(db, {}, `q${i}`);
    await clock.advance(10);
    await enqueueOutbox(db, [makeOutboxRow(`a${i}`)]);
    await clock.advance(10);
  }
  const texts = async (page: { limit: number; before?: string }) =>
    (await listTimeline(db, ann, page)).map((row) => row.text);
  return { ...data, texts };
}

test('what was said in one chat, oldest first, a page at a time', async () => {
  const { db, texts } = await openChat();
  await receive(db, { address: dmAddress('bob') }, 'not here');
  expect(await texts({ limit: 9 })).toEqual(['q1', 'a1', 'q2', 'a2', 'q3', 'a3']);
  const last = await listTimeline(db, ann, { limit: 2 });
  expect(last.map((row) => [row.direction, row.text])).toEqual([
    ['in', 'q3'],
    ['out', 'a3'],
  ]);
  expect(await texts({ limit: 2, before: last[0]?.key ?? '' })).toEqual(['q2', 'a2']);
  expect(await texts({ limit: 9, before: 'no such line' })).toHaveLength(6);
});

test('leaves out what ran out or was a preview, keeps what was refused, names files', async () => {
  const { db, texts } = await openChat();
  await endInbox(db, [await receive(db, {}, 'refused')], { state: 'refused' });
  await insertPreview(db, { key: 'p', to: dmAddress('ann'), turn: turnId('t'), person: personId('x') });
  await enqueueOutbox(db, [makeOutboxRow('stale')]);
  const stale = await getOutboxByKey(db, 'stale');
  if (stale) await updateOutbox(db, stale.seq, { state: 'expired' });
  const { payload } = makeEvent();
  await receive(db, {
    payload: { ...payload, text: '', attachments: [{ kind: 'document', ref: 'r', name: 'a.pdf' }] },
  });
  expect((await texts({ limit: 9 })).slice(6)).toEqual(['refused', '📎 a.pdf']);
});

test('pages leave nothing out and show nothing twice, also when all lines are of one millisecond', async () => {
  const { db } = await openTemporaryData();
  for (let i = 0; i < 7; i++) {
    await receive(db, {}, `q${i}`);
    await enqueueOutbox(db, [makeOutboxRow(`a${i}`)]);
  }
  const all = (await listTimeline(db, ann, { limit: 50 })).map((row) => row.key);
  expect(all).toHaveLength(14);
  for (const limit of [1, 3, 5]) {
    const seen: string[] = [];
    for (let pages = 0; pages < 20; pages++) {
      const page = await listTimeline(db, ann, { limit, ...(seen[0] === undefined ? {} : { before: seen[0] }) });
      if (page.length === 0) break;
      seen.unshift(...page.map((row) => row.key));
    }
    expect(seen).toEqual(all);
  }
});

test("a person's direct chats that share a conversation show each other's questions and answers, and nobody else's", async () => {
  const { db, clock } = await openTemporaryData();
  const person = await createPerson(db, { name: 'Ann', role: 'owner' });
  const other = await createPerson(db, { name: 'Bob', role: 'member' });
  const identify = (platform: string, user: string, who = person) =>
    addIdentity(db, { platform, account: accountId('bot'), user: userId(user), person: who.id, name: user });
  await identify('pigeon', 'ann');
  await identify('raven', 'ann2');
  await identify('raven', 'bob', other);
  const say = async (address: Address, user: string, text: string, who = person) => {
    await clock.advance(10);
    const row = await receive(db, { address, user: userId(user) }, text);
    if (text.startsWith('/')) await endInbox(db, [row], { state: 'answered', person: who.id });
    else await queueInbox(db, row, { person: who.id, session: sessionId('s'), dueAt: 0 });
    await enqueueOutbox(db, [
      { ...makeOutboxRow(`${text}!`), to: address, person: who.id, kind: text.startsWith('/') ? 'command' : 'answer' },
    ]);
  };
  const raven = (chat: string): Address => ({ ...dmAddress(chat), platform: 'raven' });
  await say(dmAddress('ann'), 'ann', 'q1');
  await say(raven('ann2'), 'ann2', 'q2');
  await say(raven('ann2'), 'ann2', '/status');
  await say(raven('bob'), 'bob', 'of bob', other);
  await say({ ...raven('team'), kind: 'group' }, 'ann2', 'in a group');
  const at = (chat: Address) => listTimeline(db, chat, { limit: 50 });
  const lines = await at(dmAddress('ann'));
  expect(lines.map((line) => [line.text, line.via])).toEqual([
    ['q1', undefined],
    ['q1!', undefined],
    ['q2', 'raven'],
    ['q2!', 'raven'],
  ]);
  expect((await at(raven('bob'))).map((line) => line.text)).toEqual(['of bob', 'of bob!']);
  // A chat with a conversation of its own neither shows nor is shown.
  await touchChat(db, raven('ann2'), 'Ann');
  const own = await createSession(db, personScope(person.id), { detached: true });
  await setChat(db, raven('ann2'), { session: own.id });
  expect((await at(dmAddress('ann'))).map((line) => line.text)).toEqual(['q1', 'q1!']);
  expect((await at(raven('ann2'))).map((line) => line.text)).toEqual(['q2', 'q2!', '/status', '/status!']);
  // An account that went to somebody else takes nothing along.
  await setChat(db, raven('ann2'), { session: null });
  await identify('raven', 'ann2', other);
  expect((await at(raven('ann2'))).map((line) => line.text)).toEqual(['q2', 'q2!', '/status', '/status!']);
});
