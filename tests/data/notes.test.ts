import { expect, test } from 'vitest';
import { addNote, findNotes } from '../../data/notes.ts';
import { groupScope, personScope } from '../../data/scope.ts';
import { personId } from '../../shared/ids.ts';
import { groupAddress } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const ann = personScope(personId('ann'));

async function openNotes(...texts: string[]) {
  const data = await openTemporaryData();
  for (const text of texts) await addNote(data.db, ann, { text, origin: 'member' });
  const find = async (query: string, limit = 10) =>
    (await findNotes(data.db, ann, query, limit)).map((note) => note.text);
  return { ...data, find };
}

test('the same text is kept once per space, also when it is told several times at once', async () => {
  const { db, find } = await openNotes();
  const kept = await Promise.all(Array.from({ length: 5 }, () => addNote(db, ann, { text: 'milk', origin: 'member' })));
  expect(kept.filter((note) => note.isNew)).toHaveLength(1);
  expect(new Set(kept.map((note) => note.id)).size).toBe(1);
  const group = groupScope(ann.person, groupAddress('g'));
  expect((await addNote(db, group, { text: 'milk', origin: 'member' })).isNew).toBe(true);
  expect(await find('')).toEqual(['milk']);
});

test('most shared words first, then the latest; the latest ones for an empty query', async () => {
  const { find } = await openNotes('buy milk', 'buy bread and milk', 'call mum', 'milk is white');
  expect(await find('milk bread')).toEqual(['buy bread and milk', 'milk is white', 'buy milk']);
  expect(await find('')).toEqual(['milk is white', 'call mum', 'buy bread and milk', 'buy milk']);
  expect(await find('', 2)).toEqual(['milk is white', 'call mum']);
  expect(await find('milk', 1)).toEqual(['milk is white']);
  expect(await find('nothing')).toEqual([]);
});

test('case, accents and script do not matter', async () => {
  const { find } = await openNotes('ÄRGER mit Élodie', '東京タワーの入場券', 'ПРИВЕТ');
  expect(await find('ärger')).toEqual(['ÄRGER mit Élodie']);
  expect(await find('elodie')).toEqual(['ÄRGER mit Élodie']);
  expect(await find('東京')).toEqual(['東京タワーの入場券']);
  expect(await find('привет')).toEqual(['ПРИВЕТ']);
  expect(await find('%')).toEqual(await find(''));
});
