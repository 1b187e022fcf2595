// Markdown in a terminal: shape, widths, colors, and that nothing in a text can steer the terminal.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { renderAnsi } from '../../../cli/tui/ansi.ts';
import { graphemeWidth, lineWidth, makeCells, paintLine, textWidth, wrapCells } from '../../../cli/tui/cells.ts';

const plain = (text: string, width = 40) => renderAnsi(parseMarkdown(text), { width, color: false }).join('\n');

describe('widths', () => {
  it.each([
    ['a', 1],
    ['é', 1],
    ['日', 2],
    ['Ａ', 2],
    ['한', 2],
    ['😀', 2],
    ['👩‍👩‍👧', 2],
    ['🇦🇹', 2],
    ['❤️', 2],
    ['\u0301', 0],
    ['\u200d', 0],
    ['✓', 1],
  ])('%s takes %i', (grapheme, width) => expect(graphemeWidth(grapheme)).toBe(width));

  it('counts tabs as four', () => expect(textWidth('\tx')).toBe(5));
});

describe('wrapping', () => {
  const wrap = (text: string, width: number, hard = false) =>
    wrapCells(makeCells(text), width, hard).map((line) => paintLine(line, false));

  it('breaks between words, between wide characters, and inside of long words', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrap('日本語日本語', 5)).toEqual(['日本', '語日', '本語']);
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
    expect(wrap('a  b', 2)).toEqual(['a', 'b']);
    expect(wrap('x\n\ny', 10)).toEqual(['x', '', 'y']);
  });

  it('never makes a line wider than the width, and loses nothing but blanks', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.integer({ min: 2, max: 30 }),
        fc.boolean(),
        (text, width, hard) => {
          const cells = makeCells(text);
          const lines = wrapCells(cells, width, hard);
          for (const line of lines) expect(lineWidth(line)).toBeLessThanOrEqual(width);
          const letters = (parts: readonly string[]) => parts.join('').replace(/[ \n]/g, '');
          expect(letters(lines.flat().map((cell) => cell.text))).toBe(letters(cells.map((cell) => cell.text)));
        },
      ),
    );
  });
});

describe('renderAnsi', () => {
  it('lays out each kind of block', () => {
    expect(plain('# Title\n\nSome **bold** text with `code` and a [link](https://example.org).')).toBe(
      ['Title', '', 'Some bold text with code and a link', '(https://example.org).'].join('\n'),
    );
    expect(plain('- a\n- b\n  1. c\n  2. d\n- [x] e\n- [ ] f')).toBe('• a\n• b\n  1. c\n  2. d\n☑ e\n☐ f');
    expect(plain('> quote\n> more\n>\n> > deep')).toBe('│ quote\n│ more\n│\n│ │ deep');
    expect(plain('```ts\nif (x) {\n  y();\n}\n```')).toBe('  ts\n  if (x) {\n    y();\n  }');
    expect(plain('| a | b |\n|---|---|\n| 1 | 日本 |')).toBe('a │ b\n──┼─────\n1 │ 日本');
    expect(plain('---')).toBe('─'.repeat(40));
    expect(plain('<https://example.org>')).toBe('https://example.org');
  });

  it('turns a table that does not fit into records', () => {
    expect(plain('| name | note |\n|---|---|\n| alpha | a long note |\n| beta | x |', 16)).toBe(
      'name: alpha\nnote: a long\nnote\n\nname: beta\nnote: x',
    );
  });

  it('colors with escape sequences that end on their line, and writes none without color', () => {
    const text = '# T\n\n**bold over a line that is long enough to wrap**\n\n`code` [x](https://example.org)';
    for (const line of renderAnsi(parseMarkdown(text), { width: 20, color: true })) {
      const last = [...line.matchAll(/\u001b\[([\d;]*)m/g)].at(-1)?.[1];
      expect(last ?? '0').toBe('0');
    }
    expect(renderAnsi(parseMarkdown('**b**'), { width: 20, color: true })).toEqual(['\u001b[1mb\u001b[0m']);
    expect(plain(text)).not.toContain('\u001b');
  });

  it('fits any width, and lets no control character through', () => {
    const piece = fc.constantFrom(
      '\u001b[2J',
      '\u001b]0;title\u0007',
      '\u009b31m',
      '**',
      '`',
      '- ',
      '> ',
      '| a | b |\n|---|---|\n| c | d |\n',
      '```\n',
      '\n\n',
      '\r',
      '\u202e',
    );
    const source = fc
      .array(fc.oneof(piece, fc.string({ unit: 'grapheme', maxLength: 15 })), { maxLength: 15 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(source, fc.integer({ min: 20, max: 100 }), (text, width) => {
        for (const line of renderAnsi(parseMarkdown(text), { width, color: false })) {
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
          expect(textWidth(line)).toBeLessThanOrEqual(width);
        }
      }),
      { numRuns: 300 },
    );
  });
});
