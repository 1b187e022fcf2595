// What people say of themselves in so many words, and what they do not say.
import { describe, expect, it } from 'vitest';
import { ownWords } from '../../../agent/profile/own-words.ts';
import { findStatements, type KnownClaim } from '../../../agent/profile/statements.ts';
import type { OwnMessage } from '../../../data/profile/revision.ts';
import { sessionId } from '../../../shared/ids.ts';

const message = (text: string, id = 1): OwnMessage => ({
  id,
  session: sessionId('s'),
  turn: undefined,
  text,
  platform: undefined,
  saidAt: id,
  isCited: false,
});

const found = (text: string, known: readonly KnownClaim[] = []) =>
  findStatements([message(text)], known).map((change) =>
    change.op === 'new' ? change.text : `${change.op} ${change.claim}`,
  );

describe('statements', () => {
  it.each([
    ['Please call me Bo', ['Wants to be called Bo']],
    ['call me “Bo”, please', ['Wants to be called Bo']],
    ['Hi Herald, my name’s Ann Smith.', ['Is called Ann Smith']],
    ['I live in Graz and I work as a nurse', ['Lives in Graz', 'Works as a nurse']],
    ["By the way, I've moved to Vienna!", ['Lives in Vienna']],
    ['please always answer in German', ['Wants answers in German']],
    ['From now on, reply to me in French.', ['Wants answers in French']],
    ['Keep your answers short please', ['Wants answers short']],
    ['I prefer trains over planes because of the views', ['Prefers trains over planes']],
    ["I'd prefer tea", ['Prefers tea']],
    ['I really hate phone calls.', ['Dislikes phone calls']],
    ['I speak Portuguese, but badly', ['Speaks Portuguese']],
    ["I'm learning Rust", ['Learns Rust']],
    ['every morning I swim', ['Every morning I swim']],
    ['I’m allergic to nuts', ['Is allergic to nuts']],
    ['Ich wohne in Linz und ich spreche Italienisch', ['Lives in Linz', 'Speaks Italienisch']],
    ['Bitte antworte mir immer auf Deutsch', ['Wants answers in Deutsch']],
  ])('%s', (text, claims) => {
    expect(found(text)).toEqual(claims);
  });

  it.each([
    'Do I live in Graz?',
    'My friend said: I live in Graz',
    'She wrote "I prefer cash. I live in Rome."',
    'If I live in Graz, what taxes do I pay',
    'Translate: call me Bo',
    'I prefer the second one',
    'I like it',
    'I love this idea',
    "I'd prefer if you waited",
    'Please answer this question in detail',
    'Write a mail in French',
    '',
  ])('nothing in: %s', (text) => {
    expect(found(text)).toEqual([]);
  });

  it('one place at a time: a new one ends the one before, never the person’s own word, never what was said later', () => {
    const graz = { text: 'Lives in Graz', isFixed: false, seenAt: 0 };
    expect(found('I moved to Vienna', [graz])).toEqual(['retire Lives in Graz', 'Lives in Vienna']);
    expect(found('I moved to Vienna', [{ ...graz, isFixed: true }])).toEqual(['Lives in Vienna']);
    expect(found('I moved to Vienna', [{ ...graz, seenAt: 5 }])).toEqual(['Lives in Vienna']);
    expect(found('I like opera', [{ ...graz, text: 'Dislikes opera' }])).toEqual([
      'contradict Dislikes opera',
      'Likes opera',
    ]);
    expect(found('I no longer live in Graz', [graz])).toEqual(['retire Lives in Graz']);
  });
});

describe('own words', () => {
  it('are what is left without what was forwarded, quoted, fenced or answered', () => {
    expect(ownWords('Forwarded from Eve:\nI live in Rome')).toBe('');
    expect(ownWords('[answering Eve: "x"]\nForwarded from Eve:\nI live in Rome')).toBe('');
    expect(ownWords('[answering you: "I live in Rome"]\nnot me')).toBe('not me');
    expect(ownWords('> I live in Rome\nnot me')).toBe('not me');
    expect(ownWords('look:\n```\nI live in Rome\n```\nnot me')).toBe('look:\n \nnot me');
    expect(ownWords('```\nI live in Rome')).toBe('');
    expect(ownWords(`a${'x'.repeat(9_000)}z`).length).toBeLessThan(1_600);
  });
});
