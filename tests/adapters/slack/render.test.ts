import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMarkdown, plainText } from '../../../adapters/markdown.ts';
import { escapeText, fallbackText, wholeText } from '../../../adapters/slack/outbound/fallback-text.ts';
import { plainBlocks, renderBlocks } from '../../../adapters/slack/outbound/render.ts';
import { checkMessage } from '../../support/slack/rules.ts';
import { textOf } from '../../support/slack/workspace.ts';

const fixtures = path.join(import.meta.dirname, '../../fixtures/render');
const golden = path.join(import.meta.dirname, 'golden');
const render = (markdown: string) => renderBlocks(parseMarkdown(markdown), { tables: 'native' });
const wordsOf = (text: string) => text.replace(/https?:[^\s)]*/g, '').replace(/\P{L}+/gu, '');
const section = (...elements: unknown[]) => [
  { type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] },
];

const PIECES =
  `a|word |**|*|_|~~|\`|\`\`\`\n|\n|\n\n|> |- |  - |1. |# |<|>|&|[x](https://y.z)|![i](https://y.z/i)|---\n|- [ ] |😀|    `
    .split('|')
    .concat('| a | b |\n| - | - |\n', '| c | ');

describe('renderBlocks', () => {
  it.each(['kitchen', 'code', 'table', 'cjk', 'prose'])('renders %s.md as in its golden file', async (name) => {
    const markdown = await readFile(path.join(fixtures, `${name}.md`), 'utf8');
    const blocks = render(markdown) ?? [];
    expect(checkMessage('chat.postMessage', { text: 'x', blocks })).toBeUndefined();
    await expect(`${JSON.stringify(blocks, null, 1)}\n`).toMatchFileSnapshot(path.join(golden, `${name}.txt`));
  });

  it('keeps text apart from style, so that nothing needs escaping and nothing becomes a mention', () => {
    expect(render('**b** _i_ ~~s~~ `c<d` <@U1> <!channel> @here & *x')).toEqual(
      section(
        { type: 'text', text: 'b', style: { bold: true } },
        { type: 'text', text: ' ' },
        { type: 'text', text: 'i', style: { italic: true } },
        { type: 'text', text: ' ' },
        { type: 'text', text: 's', style: { strike: true } },
        { type: 'text', text: ' ' },
        { type: 'text', text: 'c<d', style: { code: true } },
        { type: 'text', text: ' <@U1> <!channel> @here & *x' },
      ),
    );
  });

  it('shows links and pictures with their words', () => {
    expect(render('[a **b** `c`](https://x.y/?a=1&b=2) ![pic](https://x.y/p.png)')).toEqual(
      section(
        { type: 'link', url: 'https://x.y/?a=1&b=2', text: 'a b c' },
        { type: 'text', text: ' ' },
        { type: 'link', url: 'https://x.y/p.png', text: 'pic' },
      ),
    );
  });

  it('goes on with the numbers of a list after a list inside it', () => {
    const [block] = render('3. three\n   - inside\n4. four\n5. five') ?? [];
    expect(block).toMatchObject({
      elements: [
        { type: 'rich_text_list', style: 'ordered', indent: 0, offset: 2 },
        { type: 'rich_text_list', style: 'bullet', indent: 1 },
        { type: 'rich_text_list', style: 'ordered', indent: 0, offset: 3, elements: [{}, {}] },
      ],
    });
  });

  it('makes the first table a table and lays the others out as text', () => {
    const table = '| a | b |\n| - | - |\n| 1 | **2** |\n| | x |';
    const blocks = render(`${table}\n\nand\n\n${table}`) ?? [];
    expect(blocks.map((block) => block.type)).toEqual(['table', 'rich_text']);
    expect(checkMessage('chat.postMessage', { text: 'x', blocks })).toBeUndefined();
    expect(textOf({ blocks })).toContain('a | b\n1 | 2');
    expect(renderBlocks(parseMarkdown(table), { tables: 'text' })).toMatchObject([
      { type: 'rich_text', elements: [{ type: 'rich_text_preformatted' }] },
    ]);
  });

  it('lays a table out as text when it is larger than a table may be', () => {
    const wide = (cells: number) => `|${' a |'.repeat(cells)}\n|${' - |'.repeat(cells)}\n|${' b |'.repeat(cells)}`;
    expect(render(wide(20))?.[0]?.type).toBe('table');
    expect(render(wide(21))?.[0]?.type).toBe('rich_text');
    expect(render(`| a |\n| - |\n${'| b |\n'.repeat(100)}`)?.[0]?.type).toBe('rich_text');
  });

  it('drops style where it would be more than Slack takes, and gives up blocks at last', () => {
    const dense = render('**a** b '.repeat(400)) ?? [];
    expect(dense).toEqual(section({ type: 'text', text: 'a b '.repeat(400).trimEnd() }));
    expect(render('[a](https://x.y) b '.repeat(400))).toBeUndefined();
  });

  it('of any text Slack takes the blocks, and all letters are in them', () => {
    const piece = fc.constantFrom(...PIECES);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const body = parseMarkdown(pieces.join(''));
        const blocks = renderBlocks(body, { tables: 'native' }) ?? plainBlocks(plainText(body));
        expect(checkMessage('chat.postMessage', { text: 'x', blocks })).toBeUndefined();
        // An empty block of code has no letters, and no block.
        expect(wordsOf(blocks.length > 0 ? textOf({ blocks }) : '')).toBe(wordsOf(plainText(body)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('text beside blocks', () => {
  it('is escaped, and cut only as a whole character and entity', () => {
    expect(escapeText('<!channel> & <@U1>')).toBe('&lt;!channel&gt; &amp; &lt;@U1&gt;');
    expect(wholeText(parseMarkdown('a < b'))).toBe('a &lt; b');
    for (const text of ['a'.repeat(5_000), '&'.repeat(4_000), '😀'.repeat(2_000), '日'.repeat(3_999)]) {
      const body = parseMarkdown(text);
      expect(wholeText(body)).toBeUndefined();
      const cut = fallbackText(body);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(4_000);
      expect(Buffer.byteLength(cut)).toBeGreaterThan(2_500);
      expect(cut).toMatch(/^(?:a|&amp;|😀|日)+…$/u);
    }
  });
});
