import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMarkdown, plainText, serializeMarkdown } from '../../adapters/markdown.ts';
import { growth } from '../support/cpu-time.ts';

/** Pieces that between them hold every construct and every way to get it slightly wrong. */
const soup = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom('a', 'word', 'foo bar', 'é', '日本', '😀', '"', '.', ' ', ' ', '\n', '\n\n', '\n'),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        '*',
        '**',
        '***',
        '_',
        '__',
        '~~',
        '~',
        '`',
        '``',
        '```',
        '```js\n',
        '[',
        ']',
        '](http://x.y/a_b*c)',
        '![',
        '(',
        ')',
        '<',
        '>',
        '\\',
        '|',
        '!',
        '# ',
        '## ',
        '#',
        '- ',
        '+ ',
        '* ',
        '1. ',
        '7) ',
        '> ',
        '>',
        '    ',
        '  ',
        '\t',
        '---',
        '___',
        '===',
        ':-',
        '- [ ] ',
        '- [x] ',
        '[x] ',
        '| a | b |\n| --- | --- |\n',
        '| ',
        ' |\n',
        '<br>',
        '&amp;',
        '&',
        '&#32;',
        '&#98;',
        '&nbsp;',
        '<http://q.r/?a&b>',
        '[a]: http://z.z',
        '\u202e',
        '\u0007',
        '\u00a0',
      ),
    },
  ),
  { maxLength: 40 },
);

/** Any UTF-16 unit, halves of surrogate pairs among them, and ASCII as often as all others. */
const codeUnit = fc
  .oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff }))
  .map((unit) => String.fromCharCode(unit));

describe('parseMarkdown', () => {
  it('reads every kind of block and inline', () => {
    expect(parseMarkdown('# T *i*\n\na **b** ~~c~~ `d` [e](https://f.g) ![h](https://i.j)\nk')).toEqual([
      {
        type: 'heading',
        level: 1,
        children: [
          { type: 'text', text: 'T ' },
          { type: 'italic', children: [{ type: 'text', text: 'i' }] },
        ],
      },
      {
        type: 'paragraph',
        children: [
          { type: 'text', text: 'a ' },
          { type: 'bold', children: [{ type: 'text', text: 'b' }] },
          { type: 'text', text: ' ' },
          { type: 'strike', children: [{ type: 'text', text: 'c' }] },
          { type: 'text', text: ' ' },
          { type: 'code', text: 'd' },
          { type: 'text', text: ' ' },
          { type: 'link', href: 'https://f.g', children: [{ type: 'text', text: 'e' }] },
          { type: 'text', text: ' ' },
          { type: 'image', href: 'https://i.j', alt: 'h' },
          { type: 'break' },
          { type: 'text', text: 'k' },
        ],
      },
    ]);
    expect(parseMarkdown('3. x\n4. [x] y\n\n> q\n\n```ts\na\n\n```\n\n---')).toMatchObject([
      {
        type: 'list',
        ordered: true,
        start: 3,
        items: [
          { children: [{ type: 'paragraph' }] },
          { checked: true, children: [{ type: 'paragraph', children: [{ text: 'y' }] }] },
        ],
      },
      { type: 'quote', children: [{ type: 'paragraph' }] },
      { type: 'code', language: 'ts', text: 'a\n' },
      { type: 'rule' },
    ]);
    expect(parseMarkdown('| a | b |\n|---|---|\n| 1<br>2 | `x\\|y` |')).toEqual([
      {
        type: 'table',
        header: [[{ type: 'text', text: 'a' }], [{ type: 'text', text: 'b' }]],
        rows: [
          [
            [{ type: 'text', text: '1' }, { type: 'break' }, { type: 'text', text: '2' }],
            [{ type: 'code', text: 'x|y' }],
          ],
        ],
      },
    ]);
  });

  it('marks emphasis next to CJK text without spaces', () => {
    expect(parseMarkdown('これは**「強調」**です')).toMatchObject([
      { children: [{ text: 'これは' }, { type: 'bold' }, { text: 'です' }] },
    ]);
  });

  it.each([
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](data:text/html,a)',
    '[x](file:///etc/passwd)',
    '[x](vbscript:a)',
    '[x](other.md)',
    '<b onclick=x>',
  ])('leaves %s as text', (text) => {
    expect(parseMarkdown(text)).toEqual([{ type: 'paragraph', children: [{ type: 'text', text }] }]);
  });

  it('leaves out control and bidi characters, also those written as entities', () => {
    expect(plainText(parseMarkdown('a\u202eb\u0000c&#x202e;d&#8;e'))).not.toMatch(/[\u0000-\u0009\u202e]/);
  });

  it('keeps every word of text that nests deeper than is understood', () => {
    for (const mark of ['> ', '- ', '* ', '1. ']) {
      const text = `before\n\n${mark.repeat(3_000)}deep\n\nafter`;
      const plain = plainText(parseMarkdown(text));
      for (const word of ['before', 'deep', 'after']) expect(plain).toContain(word);
    }
    const emphasis = plainText(parseMarkdown(`${'**a *b '.repeat(5_000)}deep${'* **'.repeat(5_000)}`));
    expect(emphasis).toContain('deep');
  });

  it('takes any string', () => {
    fc.assert(
      fc.property(fc.array(codeUnit, { maxLength: 300 }), (units) => void plainText(parseMarkdown(units.join('')))),
      { numRuns: 300 },
    );
    for (const text of ['', ' ', '\n', '\ud800', '\u0000']) expect(parseMarkdown(text)).toBeInstanceOf(Array);
  });

  it.each([
    ['paragraphs', 'Some words **bold** and `code`.\n\n'],
    ['one line', 'word '],
    ['no spaces', 'x'],
    ['open brackets', '['],
    ['stars', '*a '],
    ['one fence', '```\nx\n'],
    ['lists', '- a\n'],
    ['tables', '| a | b |\n'],
    ['backslashes', '\\'],
  ])('takes time linear in the length: %s', (_name, piece) => {
    const times = growth(
      (chars) => piece.repeat(Math.ceil(chars / piece.length)),
      (text) => expect(parseMarkdown(text).length).toBeGreaterThan(0),
    );
    expect(times).toBeLessThan(30);
  });
});

describe('serializeMarkdown', () => {
  it('gives text that parses to the same tree', () => {
    fc.assert(
      fc.property(soup, (pieces) => {
        const tree = parseMarkdown(pieces.join(''));
        expect(parseMarkdown(serializeMarkdown(tree))).toEqual(tree);
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps the backticks of code side by side apart', () => {
    const tree = parseMarkdown('*`a`*_`b`_');
    expect(tree).toEqual([
      { type: 'paragraph', children: [{ type: 'italic', children: [{ type: 'code', text: 'ab' }] }] },
    ]);
    expect(parseMarkdown(serializeMarkdown(tree))).toEqual(tree);
  });

  it('writes what a person would write', () => {
    const text = [
      '# Title',
      'A **bold** and *soft* word, `code`, [link](https://x.y), snake_case, 2 * 3 and AT&T.\nSecond line',
      '- one\n- two\n  - nested\n- [x] done',
      '1. first\n2. second',
      '> quoted\n>\n> more',
      '```ts\nconst a = `x`;\n```',
      '| a | b |\n| --- | --- |\n| 1 | 2 |',
    ].join('\n\n');
    expect(serializeMarkdown(parseMarkdown(text))).toBe(text);
  });
});

describe('plainText', () => {
  it('is readable without markup', () => {
    const text = plainText(
      parseMarkdown(
        '# Title\n\nSee **the** [docs](https://x.y) or <https://z.z>.\n\n1. one\n   - two\n2. [ ] three\n\n> quote\n\n| name | n |\n|---|---|\n| a | 10 |\n| 日本 | 2 |\n\n```\ncode\n```',
      ),
    );
    expect(text).toBe(
      'Title\n\nSee the docs (https://x.y) or https://z.z.\n\n1. one\n   - two\n2. [ ] three\n\n> quote\n\nname | n\n-----+---\na    | 10\n日本 | 2\n\ncode',
    );
  });

  it('shows a wide table as records', () => {
    const long = 'x'.repeat(90);
    expect(plainText(parseMarkdown(`| name | text |\n|---|---|\n| a | ${long} |\n| b | ${long} |`))).toBe(
      `name: a\ntext: ${long}\n\nname: b\ntext: ${long}`,
    );
  });
});
