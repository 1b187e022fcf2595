import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMarkdown, plainText, serializeMarkdown } from '../../../adapters/markdown.ts';
import { countHtmlChars, renderHtml } from '../../../adapters/telegram/render.ts';
import { parseHtml } from '../../support/bot-api/html.ts';

const fixtures = path.join(import.meta.dirname, '../../fixtures/render');
const render = (markdown: string) => renderHtml(parseMarkdown(markdown));

describe('renderHtml', () => {
  it.each(['kitchen', 'code', 'table', 'cjk', 'prose'])('renders %s.md as in its golden file', async (name) => {
    const html = render(await readFile(path.join(fixtures, `${name}.md`), 'utf8'));
    expect(() => parseHtml(html)).not.toThrow();
    await expect(`${html}\n`).toMatchFileSnapshot(path.join(fixtures, `${name}.telegram.html`));
  });

  it.each([
    ['**b** *i* ~~s~~ `c<d`', '<b>b</b> <i>i</i> <s>s</s> <code>c&lt;d</code>'],
    ['# a **b** c', '<b>a b c</b>'],
    ['[a `b` & c](https://x.y/?a=1&b=%22)', '<a href="https://x.y/?a=1&amp;b=%22">a b &amp; c</a>'],
    ['```ts\na < b\n```', '<pre><code class="language-ts">a &lt; b</code></pre>'],
    ['> a\n>\n> > b', '<blockquote>a\n\n&gt; b</blockquote>'],
    ['- [x] a\n- b\n  1. c\n     d', '• ☑ a\n• b\n  1. c\n     d'],
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  ])('renders %j', (markdown, html) => {
    expect(render(markdown)).toBe(html);
  });

  it('gives HTML that the server takes, never longer than what parts are measured by', () => {
    const piece = fc.constantFrom(
      'a',
      'word ',
      '**',
      '*',
      '~~',
      '`',
      '```\n',
      '\n',
      '\n\n',
      '> ',
      '- ',
      '1. ',
      '# ',
      '[x](https://y.z)',
      '![i](https://y.z/i)',
      '<',
      '>',
      '&',
      '"',
      '| a | b |\n| - | - |\n',
      '| ',
      '---',
      '- [ ] ',
      '😀',
      '&lt;',
      '    ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const blocks = parseMarkdown(pieces.join(''));
        const html = renderHtml(blocks);
        expect(parseHtml(html).text.length).toBe(countHtmlChars(html));
        expect(countHtmlChars(html)).toBeLessThanOrEqual(
          Math.max(plainText(blocks).length, serializeMarkdown(blocks).length),
        );
      }),
      { numRuns: 1_500 },
    );
  });
});
