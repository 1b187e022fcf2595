import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMarkdown, plainText } from '../../../adapters/markdown.ts';
import { renderRich } from '../../../adapters/signal/text/render.ts';
import { toStyledText } from '../../../adapters/signal/text/styled.ts';
import type { RichText, Style } from '../../../adapters/signal/text/rich.ts';
import { parseStyled } from '../../support/signal/styled.ts';
import { KITCHEN_SINK } from '../../contracts/adapter-outbound.ts';

/** What readers see of markdown: the text, and the styled parts as `STYLE:text`. */
function seen(markdown: string) {
  const rich = renderRich(parseMarkdown(markdown));
  const styled = toStyledText(rich);
  const { text, styles } = styled === undefined ? { text: rich.text, styles: [] } : parseStyled(styled);
  return { text, styles: styles.map(({ style, start, length }) => `${style}:${text.slice(start, start + length)}`) };
}

describe('rendering', () => {
  it.each([
    ['**bold** and *italic*', 'bold and italic', ['BOLD:bold', 'ITALIC:italic']],
    ['~~gone~~ `code`', 'gone code', ['STRIKETHROUGH:gone', 'MONOSPACE:code']],
    ['***both***', 'both', ['BOLD:both', 'ITALIC:both']],
    ['**a *b* c**', 'a b c', ['ITALIC:b', 'BOLD:a b c']],
    ['# Title', 'Title', ['BOLD:Title']],
    ['```sh\nls *.ts | wc\n```', 'ls *.ts | wc', ['MONOSPACE:ls *.ts | wc']],
    ['> said **loudly**\n> twice', '> said loudly\n> twice', ['BOLD:loudly']],
    ['- one\n- **two**\n  1. `three`', '- one\n- two\n  1. three', ['BOLD:two', 'MONOSPACE:three']],
    ['[label](https://a.example/)', 'label (https://a.example/)', []],
    ['[**label**](https://a.example/)', 'label (https://a.example/)', ['BOLD:label']],
    ['<https://a.example/>', 'https://a.example/', []],
    ['2 \\* 3 \\* 4 and \\~x\\~ \\`y\\` ||z||', '2 * 3 * 4 and ~x~ `y` ||z||', []],
    ['**2 \\* 3** ~ | \\`', '2 * 3 ~ | `', ['BOLD:2 * 3']],
    ['`C:\\dir\\` **x**', 'C:\\dir\\ x', ['MONOSPACE:C:\\dir', 'BOLD:x']],
    ['`a*`', 'a*', ['MONOSPACE:a']],
    ['**bold**_italic_', 'bolditalic', ['BOLD:bold']],
  ])('%s', (markdown, text, styles) => {
    expect(seen(markdown)).toEqual({ text, styles });
  });

  it('is sent as it is when nothing is styled', () => {
    expect(toStyledText(renderRich(parseMarkdown('2 \\* 3, plain `'))) ?? 'normal').toBe('normal');
  });

  it('never loses or adds a character, whatever is in the text', () => {
    const blocks = parseMarkdown(KITCHEN_SINK);
    expect(seen(KITCHEN_SINK).text).toBe(plainText(blocks));
    const piece = fc.constantFrom(
      '*',
      '**',
      '_',
      '~~',
      '`',
      '|',
      '\\',
      '\\\\',
      '\n',
      '\n\n',
      '> ',
      '- ',
      '1. ',
      '# ',
      ' ',
      'a',
      'Zoë',
      '😀',
      '[x](https://y.example)',
      '```\n',
      '|-|\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const markdown = pieces.join('');
        expect(seen(markdown).text).toBe(plainText(parseMarkdown(markdown)));
      }),
      { numRuns: 3_000 },
    );
  });

  it('of any marks, those that are shown are where they were asked for', () => {
    const word = fc.constantFrom('a', 'b c', '*', '\\', '~', '`', '|', '😀');
    const style = fc.constantFrom<Style>('bold', 'italic', 'strike', 'mono');
    const run = fc.tuple(word, fc.uniqueArray(style, { maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 8 }), (runs) => {
        const rich = richOf(runs);
        const styled = toStyledText(rich);
        if (styled === undefined) return;
        const { text, styles } = parseStyled(styled);
        expect(text).toBe(rich.text);
        for (const { style: shown, start, length } of styles)
          for (let at = start; at < start + length; at++) expect(askedAt(rich, at)).toContain(shown);
      }),
      { numRuns: 3_000 },
    );
  });
});

function richOf(runs: readonly (readonly [string, readonly Style[]])[]): RichText {
  let text = '';
  const marks = runs.flatMap(([word, styles]) => {
    const from = text.length;
    text += word;
    return styles.map((style) => ({ style, from, to: text.length }));
  });
  return { text, marks };
}

const NAMES = { bold: 'BOLD', italic: 'ITALIC', strike: 'STRIKETHROUGH', mono: 'MONOSPACE' } as const;

function askedAt({ marks }: RichText, at: number): readonly string[] {
  return marks.filter((mark) => mark.from <= at && at < mark.to).map((mark) => NAMES[mark.style]);
}
