// Foreign text in replies stays text: parsed as markdown it is what it was, and nothing else.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMarkdown, type Block, type Inline } from '../../../adapters/markdown.ts';
import {
  ago,
  amount,
  code,
  commandButtons,
  counted,
  fenced,
  money,
  plain,
  span,
} from '../../../gateway/commands/format.ts';

const nasty = fc
  .array(
    fc.constantFrom(
      'a',
      ' ',
      '*',
      '_',
      '`',
      '[x](http://evil.example)',
      '![i](u)',
      '<b>',
      '#',
      '|',
      '~~',
      '\\',
      '&lt;',
      '\n',
      '1.',
      '-',
      '>',
      '\u202e',
      'é',
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

function inlines(text: string): readonly Inline[] {
  const blocks: readonly Block[] = parseMarkdown(text);
  const [only] = blocks;
  if (blocks.length !== 1 || only?.type !== 'paragraph')
    throw new Error(`not one paragraph: ${JSON.stringify(blocks)}`);
  return only.children;
}

test('escaped text in a sentence reads as it was written, without any markup', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const line = text.replaceAll('\u202e', '').replace(/\s+/g, ' ').trim();
      const shown = inlines(`Name: ${plain(text, 1_000)}.`);
      expect(shown.map((each) => (each.type === 'text' ? each.text : `<${each.type}>`)).join('')).toBe(
        `Name: ${line}.`,
      );
    }),
    { numRuns: 500 },
  );
});

test('inline code holds any text', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const line = text.replaceAll('\u202e', '').replace(/\s+/g, ' ').trim();
      fc.pre(line !== '');
      expect(inlines(`x ${code(text)} y`)[1]).toEqual({ type: 'code', text: line });
    }),
    { numRuns: 500 },
  );
});

test('a code block holds any text', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const [block] = parseMarkdown(fenced(text, 'json'));
      expect(block).toEqual({ type: 'code', language: 'json', text: text.replaceAll('\u202e', '') });
    }),
    { numRuns: 500 },
  );
});

test('long text is cut before it is escaped', () => {
  expect(plain('*'.repeat(100), 10)).toBe(`${'\\*'.repeat(9)}…`);
});

describe('numbers and times', () => {
  test.each([
    [0, '$0'],
    [42, 'less than $0.0001'],
    [1_234, '$0.0012'],
    [9_999, '$0.0100'],
    [10_000, '$0.01'],
    [12_345_678, '$12.35'],
  ])('%d millionths are %s', (microUsd, text) => expect(money(microUsd)).toBe(text));

  test.each([
    [999, '999'],
    [1_000, '1.0k'],
    [12_345, '12.3k'],
    [999_949, '999.9k'],
    [999_950, '1.0M'],
    [4_500_000, '4.5M'],
  ])('%d tokens are %s', (count, text) => expect(amount(count)).toBe(text));

  test.each([
    [0, '1 s'],
    [45_000, '45 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [47 * 3_600_000, '47 h'],
    [48 * 3_600_000, '2 days'],
  ])('%d ms are %s', (ms, text) => expect(span(ms)).toBe(text));

  test('a moment ago, and longer', () => {
    expect(ago(1_000, 30_000)).toBe('just now');
    expect(ago(0, 7_200_000)).toBe('2 h ago');
  });

  test('plural', () => expect([counted(1, 'message'), counted(0, 'message')]).toEqual(['1 message', '0 messages']));
});

test('buttons whose command no platform could carry are left out', () => {
  const rows = commandButtons(
    [
      { label: 'a', command: '/a' },
      { label: 'long', command: `/model ${'é'.repeat(29)}` }, // 36 characters, 65 bytes
      { label: 'b', command: '/b' },
      { label: 'c', command: '/c' },
    ],
    2,
  );
  expect(rows.map((row) => row.map((button) => button.data))).toEqual([['/a', '/b'], ['/c']]);
});
