import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderMarkdown, renderParts, renderPlain, renderWhole } from '../../../adapters/discord/send/render.ts';
import { parseMarkdown, plainText } from '../../../adapters/markdown.ts';
import { lettersOf } from '../../contracts/adapter-samples.ts';
import { readMarkdown } from '../../support/discord/read-markdown.ts';

const fixtures = path.join(import.meta.dirname, '../../fixtures/render');
const golden = path.join(import.meta.dirname, 'golden');
const render = (markdown: string) => renderMarkdown(parseMarkdown(markdown));

describe('renderMarkdown', () => {
  it.each(['kitchen', 'code', 'table', 'cjk', 'prose'])('renders %s.md as in its golden file', async (name) => {
    const shown = render(await readFile(path.join(fixtures, `${name}.md`), 'utf8'));
    await expect(`${shown}\n`).toMatchFileSnapshot(path.join(golden, `${name}.txt`));
  });

  it.each([
    ['**b** *i* ~~s~~ `c<d`', '**b** *i* ~~s~~ `c<d`'],
    ['# a **b** c', '# a **b** c'],
    ['#### a **b** c', '**a b c**'],
    ['***both***', '_**both**_'],
    ['[a `b` & c](https://x.y/?a=1&b=%22)', '[a `b` & c](https://x.y/?a=1&b=%22)'],
    ['[label](https://x.y/(z))', '[label](<https://x.y/(z)>)'],
    ['[https://bank.example](https://evil.example)', 'https://bank.example (https://evil.example)'],
    ['[mail](mailto:a@b.c)', 'mail (a@b.c)'],
    ['![picture](https://x.y/p.png)', '[picture](https://x.y/p.png)'],
    ['```ts\na < b\n```', '```ts\na < b\n```'],
    ['````\n```\n````', '```\n`\u200b`\u200b`\n```'],
    ['`` a`b ``', '``a`b``'],
    ['> a\n>\n> > b', '> a\n> \n> \\> b'],
    ['- [x] a\n- b\n  1. c\n     d', '- ☑ a\n- b\n  1. c\n     d'],
    ['| a | b |\n| - | - |\n| 1 | 2 |', '```\na | b\n--+--\n1 | 2\n```'],
    ['one\n\n---\n\ntwo', 'one\n\n———\n\ntwo'],
    ['||secret|| and a || b', '||secret|| and a \\|\\| b'],
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
  ])('renders %j', (markdown, shown) => {
    expect(render(markdown)).toBe(shown);
  });

  it.each([
    ['<@123> <@!123> <@&5> <#9>', '\\<@123> \\<@!123> \\<@&5> \\<#9>'],
    ['<a:wave:1> <:x:1> <t:0:R> </help:1> <id:home>', '\\<a:wave:1> \\<:x:1> \\<t:0:R> \\</help:1> \\<id:home>'],
    ['@everyone and @here', '@everyone and @here'],
    ['\\*stars\\* \\_lines\\_ a_b \\`ticks\\` \\~\\~', '\\*stars\\* \\_lines\\_ a\\_b \\`ticks\\` \\~\\~'],
    ['C:\\\\dir\\\\\\[x\\](https://y.z)', 'C:\\dir\\\\[x]\\(https://y.z)'],
    [
      '\\# no heading\n\n\\- no list\n\n1\\. no number\n\n\\> no quote',
      '\\# no heading\n\n\\- no list\n\n1\\. no number\n\n\\> no quote',
    ],
    ['see https://x.y/a_b_c*d and <https://x.y/_e_>', 'see https://x.y/a_b_c*d and https://x.y/_e_'],
  ])('leaves no markup and no mention in the text %j', (markdown, shown) => {
    expect(render(markdown)).toBe(shown);
    expect(readMarkdown(shown).text).not.toContain('[mention]');
  });

  it('shows all letters of any text, calls nobody, and fits as messages', () => {
    const pieces =
      'a|word |**|*|_|~~|`|```\n|\n|\n\n|> |- |1. |# |-# |\\|.|[x](https://y.z)|![i](https://y.z/i)|<|<@1|>|<#2>|:|---|- [ ] |😀|&lt;|    |https://x.y/z_|](|@everyone';
    const piece = fc.constantFrom('||', '| ', '| a | b |\n| - | - |\n', ...pieces.split('|'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (chosen) => {
        const blocks = parseMarkdown(chosen.join(''));
        const parts = renderParts(blocks, false);
        const shown = parts.map((part) => readMarkdown(part).text).join('\n');
        expect(shown).not.toContain('[mention]');
        expect(parts.every((part) => part.length <= 2_000)).toBe(true);
        const plain = readMarkdown(renderPlain(blocks));
        expect(plain.formatted).toBe(false);
        expect(lettersOf(plain.text)).toBe(lettersOf(plainText(blocks)));
      }),
      { numRuns: 400 },
    );
  });
});

describe('the limit', () => {
  const escapes = '\\*'.repeat(1_500);

  it('cuts nothing: text over it is refused', () => {
    expect(() => renderParts(parseMarkdown('word '.repeat(500)), false)).toThrow(/2000 are allowed/);
    expect(() => renderWhole(parseMarkdown('word '.repeat(500)), false)).toThrow(/2000 are allowed/);
  });

  it('is kept when escapes double the text: as messages, and as one edit', () => {
    const blocks = parseMarkdown(escapes);
    const parts = renderParts(blocks, false);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.every((part) => part.length <= 2_000)).toBe(true);
    expect(parts.map((part) => readMarkdown(part).text).join('')).toBe('*'.repeat(1_500));
    expect(renderWhole(blocks, false)).toHaveLength(1_500);
    expect(renderPlain(blocks)).toHaveLength(1_500);
  });
});
