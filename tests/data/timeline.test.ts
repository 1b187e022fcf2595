import { expect, test } from 'vitest';
import { endInbox } from '../../data/process/inbox.ts';
import { enqueueOutbox, getOutboxByKey, insertPreview, updateOutbox } from '../../data/process/outbox.ts';
import { listTimeline } from '../../data/process/timeline.ts';
import { accountId, chatId, personId, turnId } from '../../shared/ids.ts';
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
