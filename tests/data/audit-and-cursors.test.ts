import { expect, test } from 'vitest';
import { listAudit, writeAudit } from '../../data/process/audit.ts';
import { getCursor, listCursors, setCursor, updateCursors } from '../../data/process/cursors.ts';
import { openTemporaryData } from './temporary-data.ts';

test('the audit keeps who did what to whom and when, the latest first', async () => {
  const { db, clock } = await openTemporaryData();
  await writeAudit(db, { actor: 'cli', action: 'a.one', subject: 's', detail: { n: 1, deep: { x: [2] } } });
  await clock.advance(5);
  await writeAudit(db, { actor: 'p1', action: 'a.two', subject: '' });
  const one = { at: clock.now() - 5, actor: 'cli', action: 'a.one', subject: 's', detail: { n: 1, deep: { x: [2] } } };
  const two = { at: clock.now(), actor: 'p1', action: 'a.two', subject: '', detail: {} };
  expect(await listAudit(db, 9)).toEqual([two, one]);
  expect(await listAudit(db, 1)).toEqual([two]);
});

test('an audit entry belongs to the transaction that did the thing', async () => {
  const { db } = await openTemporaryData();
  const failing = db.query.transaction().execute(async (trx) => {
    await writeAudit(db, { actor: 'cli', action: 'a', subject: 's' }, trx);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await listAudit(db, 9)).toEqual([]);
});

test('a cursor is one value per platform, account and key; the last one counts', async () => {
  const { db } = await openTemporaryData();
  expect(await getCursor(db, 'p', 'a', 'offset')).toBeUndefined();
  await setCursor(db, { platform: 'p', account: 'a', key: 'offset', value: '1' });
  await setCursor(db, { platform: 'p', account: 'a', key: 'offset', value: '2' });
  await setCursor(db, { platform: 'p', account: 'b', key: 'offset', value: '3' });
  expect(await getCursor(db, 'p', 'a', 'offset')).toBe('2');
  expect(await getCursor(db, 'p', 'b', 'offset')).toBe('3');
  expect(await getCursor(db, 'q', 'a', 'offset')).toBeUndefined();
});

test('several cursors change together or not at all, and are found by how their key begins', async () => {
  const { db } = await openTemporaryData();
  const at = { platform: 'p', account: 'a' };
  await updateCursors(db, { ...at, values: { 'key:1': 'x', 'key:2': 'y', other: 'z' } });
  await updateCursors(db, { ...at, values: { 'key:1': undefined, 'key:3': 'w', 'key:\u{1f600}': 'v' } });
  await updateCursors(db, { platform: 'q', account: 'a', values: { 'key:9': 'not ours' } });
  const found = await listCursors(db, { ...at, prefix: 'key:' });
  expect([...found]).toEqual([
    ['key:2', 'y'],
    ['key:3', 'w'],
    ['key:\u{1f600}', 'v'],
  ]);
  expect(await listCursors(db, { ...at, prefix: 'none' })).toEqual(new Map());
});
