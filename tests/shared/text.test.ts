import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanText, escapeHtml, measureText, preview, takePrefix } from '../../shared/text.ts';

const units = ['utf16', 'codepoint', 'utf8-byte'] as const;

describe('takePrefix', () => {
  it('never exceeds the limit, never splits a character, and is a prefix', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), fc.constantFrom(...units), (text, max, unit) => {
        const prefix = takePrefix(text, max, unit);
        expect(text.startsWith(prefix)).toBe(true);
        expect(measureText(prefix, unit)).toBeLessThanOrEqual(max);
        expect(prefix.isWellFormed()).toBe(text.isWellFormed());
      }),
    );
  });

  it('keeps a family emoji whole or leaves it out', () => {
    const family = '👨‍👩‍👧‍👦';
    expect(takePrefix(`ab${family}`, 5, 'utf16')).toBe('ab');
    expect(takePrefix(`ab${family}`, 2 + family.length, 'utf16')).toBe(`ab${family}`);
  });

  it('ends where the last grapheme that fits ends', () => {
    const signs = fc.constantFrom(
      'a',
      '1',
      ' ',
      '\r',
      '\n',
      '\u0000',
      'é',
      'e\u0301',
      '\ufe0f',
      '\u20e3',
      '\u200d',
      '👩‍👩‍👧',
      '🇩🇪',
      '한',
    );
    const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
    fc.assert(
      fc.property(fc.array(signs, { maxLength: 30 }), fc.nat(30), fc.constantFrom(...units), (pieces, max, unit) => {
        const text = pieces.join('');
        const heads = Array.from(graphemes.segment(text), ({ index, segment }) =>
          text.slice(0, index + segment.length),
        );
        const whole = heads.findLast((head) => measureText(head, unit) <= max);
        if (whole !== undefined) expect(takePrefix(text, max, unit)).toBe(whole);
      }),
      { numRuns: 500 },
    );
    expect(takePrefix('abc\r\ndef', 4, 'utf16')).toBe('abc');
  });

  it('takes as much as fits of a long text', () => {
    expect(takePrefix('x'.repeat(10_000), 4_096, 'utf16')).toHaveLength(4_096);
    expect(takePrefix('é'.repeat(10_000), 100, 'utf8-byte')).toHaveLength(50);
  });
});

describe('cleanText', () => {
  it('takes out what shows other than it reads, and keeps the rest', () => {
    expect(cleanText('a\u202eb\u0000c\u0007\r\nd\te')).toBe('abc\nd\te');
    expect(cleanText('\ud800x')).toBe('\ufffdx');
    expect(cleanText('שלום 東京 👨‍👩‍👧')).toBe('שלום 東京 👨‍👩‍👧');
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(cleanText(cleanText(text))).toBe(cleanText(text));
      }),
    );
  });
});

it('preview is one line of at most that many characters', () => {
  expect(preview('a\n\n b', 10)).toBe('a b');
  expect(preview('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`);
});

it('quotes what has a meaning in markup, once', () => {
  expect(escapeHtml(`<a href="x">&amp; 'ü'</a>`)).toBe(`&lt;a href=&quot;x&quot;&gt;&amp;amp; 'ü'&lt;/a&gt;`);
});
