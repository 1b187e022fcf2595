import { describe, expect, it } from 'vitest';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { renderText } from '../../../adapters/whatsapp/render.ts';
import { stripMarks } from '../../support/whatsapp/seen.ts';

const render = (markdown: string) => renderText(parseMarkdown(markdown), false);

describe('renderText', () => {
  it.each([
    ['bold', 'a **bold** word', 'a *bold* word'],
    ['italic', 'an *italic* word', 'an _italic_ word'],
    ['strike', '~~gone~~', '~gone~'],
    ['code', 'run `npm i`', 'run `npm i`'],
    ['both', '***both***', '_*both*_'],
    ['nested', '**bold with *italic* in it**', '*bold with _italic_ in it*'],
    ['one mark over neighbours', '**a `b` c**', '*a `b` c*'],
    ['over lines', '**one\ntwo**', '*one*\n*two*'],
    ['inside a word, where marks do not work', 'un**believ**able', 'unbelievable'],
    ['a mark within its own text', '**2*3**', '2*3'],
    ['beside punctuation', '(**a**), **b**.', '(*a*), *b*.'],
    ['heading', '# Title *x*', '*Title _x_*'],
    ['heading with bold', '## **Title**', '*Title*'],
    ['block', '```ts\nlet a = `1`;\n```', '```\nlet a = `1`;\n```'],
    ['block that holds the mark', '````\n```\n````', '```'],
    ['list', '- one\n- two\n  - deep\n    more', '- one\n- two\n  - deep\n    more'],
    ['numbers', '3. three\n4. four', '3. three\n4. four'],
    ['tasks', '- [x] done\n- [ ] open', '- ☑ done\n- ☐ open'],
    ['quote', '> one\n>\n> two\n>\n> > deep', '> one\n>\n> two\n>\n> > deep'],
    ['link', '[label](https://example.org/)', 'label (https://example.org/)'],
    ['bare link', '<https://example.org/>', 'https://example.org/'],
    ['bold link', '**[label](https://example.org/)**', '*label (https://example.org/)*'],
    ['image', '![alt](https://example.org/a.png)', 'alt (https://example.org/a.png)'],
    ['rule', 'a\n\n---\n\nb', 'a\n\n———\n\nb'],
    ['table', '| a | b |\n| - | - |\n| 1 | **2** |', '```\na | b\n--+--\n1 | 2\n```'],
    ['nothing', '', ''],
  ])('%s', (_name, markdown, expected) => {
    expect(render(markdown)).toBe(expected);
  });

  it('moves white space out of marks', () => {
    const bold = { type: 'bold', children: [{ type: 'text', text: ' b ' }] } as const;
    const children = [{ type: 'text', text: 'a' } as const, bold, { type: 'text', text: 'c' } as const];
    expect(renderText([{ type: 'paragraph', children }], false)).toBe('a *b* c');
  });

  it('plain has no marks at all', () => {
    expect(renderText(parseMarkdown('**a** `b` ~~c~~ # d'), true)).toBe('a b c # d');
  });

  it('what readers see holds every word', () => {
    const seen = stripMarks(render('**bold** *it* `code` ~~gone~~\n\n```\nx = *y*\n```\n\n| a |\n| - |\n| b |'));
    expect(seen).toBe('bold it code gone\n\nx = *y*\n\na\n-\nb');
  });

  it('takes linear time over crafted text', () => {
    const text = '**a *b ~~c '.repeat(3_000);
    const started = performance.now();
    render(text);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
