import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { finishTurn } from '../../data/process/turns.ts';
import { searchMessages, searchWords } from '../../data/search.ts';
import { changeSession, createSession } from '../../data/sessions.ts';
import { begin, converse, makePerson, makeSpeaker, type Speaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

async function openConversation(...said: string[]) {
  const data = await openTemporaryData();
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  for (const text of said) await converse(data.db, ann, text, '…');
  const find = async (query: string, limit = 20) =>
    (await searchMessages(data.db, ann.scope, { query, limit })).map((hit) => hit.text);
  return { ...data, ann, find };
}

describe('words', () => {
  test('case and accents do not matter, all words come before any word', async () => {
    const { find } = await openConversation('Un CAFÉ à Orléans', 'the orleans trip', 'coffee');
    expect(await find('cafe')).toEqual(['Un CAFÉ à Orléans']);
    expect(await find('café')).toEqual(['Un CAFÉ à Orléans']);
    expect(await find('orleans cafe')).toEqual(['Un CAFÉ à Orléans']);
    expect((await find('orleans coffee')).toSorted()).toEqual(['Un CAFÉ à Orléans', 'coffee', 'the orleans trip']);
  });

  test('decomposed letters are found by composed ones and the other way round', async () => {
    const { find } = await openConversation('caf\u0065\u0301 one', 'caf\u00e9 two');
    for (const query of ['caf\u00e9', 'caf\u0065\u0301', 'cafe'])
      expect((await find(query)).toSorted()).toEqual(['caf\u0065\u0301 one', 'caf\u00e9 two']);
  });

  test('a part of a word is found when no whole word is', async () => {
    const { find } = await openConversation('the watchtower', 'tower of London');
    expect(await find('tower')).toEqual(['tower of London']);
    expect(await find('chtow')).toEqual(['the watchtower']);
  });
});

describe('scripts without spaces', () => {
  test('Chinese, Japanese, Thai and Korean are found by any part, from one sign on', async () => {
    const { find } = await openConversation(
      '我们明天去东京塔',
      '東京タワーに行きました',
      'ฉันรักแมวมาก',
      '서울에서 만나요',
    );
    expect(await find('明天去')).toEqual(['我们明天去东京塔']);
    expect(await find('东京')).toEqual(['我们明天去东京塔']);
    expect(await find('塔')).toEqual(['我们明天去东京塔']);
    expect(await find('京タワ')).toEqual(['東京タワーに行きました']);
    expect(await find('タワ')).toEqual(['東京タワーに行きました']);
    expect(await find('แมว')).toEqual(['ฉันรักแมวมาก']);
    expect(await find('서울')).toEqual(['서울에서 만나요']);
    expect(await find('没有')).toEqual([]);
  });
});

describe('what stands together', () => {
  test('quoted words, and words that a hyphen or a dot joins, come as they stand before they come apart', async () => {
    const { find } = await openConversation(
      'the red big car',
      'a big red car',
      'ticket APP-1003',
      'APP has 1003 users',
      'v1.2.3',
    );
    expect(await find('"big red"')).toEqual(['a big red car']);
    expect(await find('big red')).toHaveLength(2);
    expect(await find('APP-1003')).toEqual(['ticket APP-1003']);
    expect(await find('1003-APP')).toHaveLength(2);
    expect(await find('1.2.3')).toEqual(['v1.2.3']);
    expect(await find('"unfinished quote big')).toHaveLength(2);
  });

  test('signs that stand apart are no word', async () => {
    const { find } = await openConversation('明天不去东京', '天明去京东');
    expect(await find('明天去')).toEqual([]);
    expect(await find('东京')).toEqual(['明天不去东京']);
    expect(await find('京东')).toEqual(['天明去京东']);
    expect(await find('trip 东京')).toEqual(['明天不去东京']);
  });
});

describe('the order', () => {
  test('a rare word counts more than a common one, a whole word more than a part, a short message more than a long one', async () => {
    const filler = Array.from({ length: 30 }, (_, at) => `meeting ${at}`);
    const { find } = await openConversation(...filler, 'zebra', 'a meeting', 'zebras in a meeting');
    expect((await find('meeting zebra', 1))[0]).toBe('zebra');
    const long = `pear ${'and much else '.repeat(40)}`;
    const ordered = await openConversation(long, 'pear pie');
    expect(await ordered.find('pear')).toEqual(['pear pie', long]);
  });

  test('newest and oldest first; what matches as well comes newest first', async () => {
    const { db, ann, find } = await openConversation('kiwi a', 'kiwi b', 'kiwi c');
    expect(await find('kiwi')).toEqual(['kiwi c', 'kiwi b', 'kiwi a']);
    const sorted = async (sort: 'newest' | 'oldest') =>
      (await searchMessages(db, ann.scope, { query: 'kiwi', limit: 1, sort })).map((hit) => hit.text);
    expect([await sorted('newest'), await sorted('oldest')]).toEqual([['kiwi c'], ['kiwi a']]);
  });
});

describe('operators of the index are words like any other', () => {
  const hostile = [
    '"',
    '""',
    'a" OR "b',
    'NEAR(secret word)',
    'secret NOT word',
    'secret*',
    '*',
    '^secret',
    'text: secret',
    '{text} : secret',
    '- + ( )',
    "'; drop table messages; --",
    '\\',
    '%',
    '_',
    '\u0000secret',
    'AND',
    'OR',
    'NOT',
    '\u0301',
    '\ud800',
  ];
  test.each(hostile)('%j breaks nothing and opens nothing', async (query) => {
    const { db, ann, find } = await openConversation('secret word', 'plain');
    const eve = await makeSpeaker(db, await makePerson(db, 'eve'));
    expect(await searchMessages(db, eve.scope, { query, limit: 9 })).toEqual([]);
    await find(query);
    expect((await searchMessages(db, ann.scope, { query: 'plain', limit: 9 })).length).toBe(1);
  });

  test('NOT, OR, NEAR and prefixes do not act', async () => {
    const { find } = await openConversation('alpha beta', 'alpha only', 'alphabet');
    expect(await find('alpha NOT beta')).toEqual(expect.arrayContaining(['alpha beta']));
    expect((await find('alpha*')).toSorted()).toEqual(['alpha beta', 'alpha only']);
    expect(await find('NEAR(alpha beta)')).toContain('alpha beta');
    expect(await find('"alpha only"')).toEqual(['alpha only']);
    expect(await find('%')).toEqual([]);
    expect(await find('')).toEqual([]);
    expect(await find('?!')).toEqual([]);
  });

  test('any query at all is answered', async () => {
    const { find } = await openConversation('some text 東京');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 60 }),
          fc.string({ unit: fc.constantFrom(...'"*^():-+{}\\ aNEOR%_東'), maxLength: 30 }),
        ),
        async (query) => {
          for (const text of await find(query)) expect(['some text 東京', '…']).toContain(text);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a query of megabytes is cut to some words', async () => {
    const { find } = await openConversation('needle');
    expect(searchWords('word '.repeat(500_000))).toHaveLength(24);
    expect(await find(`needle ${'x'.repeat(1_000_000)}`)).toEqual(['needle']);
  });
});

describe('what is searched', () => {
  test('what people and the agent said, never tool output', async () => {
    const { db, ann, find } = await openConversation();
    const { turn, row } = await begin(db, ann);
    await finishTurn(db, {
      turn,
      state: 'done',
      messages: [
        { role: 'user', author: 'Ann', text: 'user word', origin: 'member' },
        { role: 'tool', author: '', text: 'tool word', origin: 'foreign', toolCallId: '1', toolName: 't' },
        { role: 'assistant', author: '', text: 'agent word', origin: 'agent' },
      ],
      outbox: [],
      inbox: [{ rows: [row], state: 'answered' }],
    });
    for (const query of ['word', 'wor', 'wo', 'w'])
      expect((await find(query)).toSorted(), query).toEqual(['agent word', 'user word']);
  });

  test('one session may be left out, and the limit holds', async () => {
    const { db, ann, find } = await openConversation('red one', 'red two', 'red three');
    const next: Speaker = { ...ann, session: await createSession(db, ann.scope) };
    await converse(db, next, 'red four');
    expect(await find('red')).toHaveLength(4);
    expect(await find('red', 2)).toHaveLength(2);
    const others = await searchMessages(db, ann.scope, { query: 'red', limit: 9, exceptSession: ann.session.id });
    expect(others.map((hit) => hit.text)).toEqual(['red four']);
  });

  test('a hit says where it comes from', async () => {
    const { db, ann, clock } = await openConversation('needle');
    await changeSession(db, ann.scope, ann.session.id, { title: 'Hay' });
    expect(await searchMessages(db, ann.scope, { query: 'needle', limit: 1 })).toEqual([
      {
        message: expect.any(Number),
        session: ann.session.id,
        sessionTitle: 'Hay',
        role: 'user',
        author: 'Ann',
        text: 'needle',
        origin: 'member',
        createdAt: clock.now(),
        platform: 'pigeon',
      },
    ]);
  });
});
