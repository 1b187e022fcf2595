import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkMarkdown } from '../../adapters/chunk.ts';
import { parseMarkdown, plainText } from '../../adapters/markdown.ts';
import { measureText, type TextUnit } from '../../shared/text.ts';
import { cpuMs, growth } from '../support/cpu-time.ts';
import { makeRandom } from '../support/random.ts';

const units: readonly TextUnit[] = ['utf16', 'codepoint', 'utf8-byte'];
const fixtures = path.join(import.meta.dirname, '../fixtures/render');

/** Random documents whose words are all different, so that each can be looked for. */
function makeDocument(random: (below: number) => number): string {
  let words = 0;
  const word = () => `w${words++}x${['', 'é', '日本語', '😀', 'long'.repeat(random(12)), '_*['][random(6)] ?? ''}`;
  const sentence = () => `${Array.from({ length: 1 + random(12) }, word).join(' ')}. `;
  const inline = () => {
    const text = sentence().trim();
    const forms = [
      text,
      `**${text}**`,
      `*${text}*`,
      `~~${text}~~`,
      `\`${word()}\``,
      `[${text}](https://example.org/target)`,
      `**a *${text}* b**`,
    ];
    return forms[random(forms.length)] ?? text;
  };
  const line = () => Array.from({ length: 1 + random(4) }, inline).join(' ');
  const paragraph = () => Array.from({ length: 1 + random(4) }, line).join('\n');
  const indent = (text: string, prefix: string) => text.replaceAll('\n', `\n${prefix}`);
  const block = (depth: number): string => {
    const kind = random(depth > 1 ? 4 : 8);
    if (kind <= 1) return paragraph();
    if (kind === 2) return `${'#'.repeat(1 + random(6))} ${line()}`;
    if (kind === 3)
      return `\`\`\`js\n${Array.from({ length: random(14) }, () => `  ${word().replaceAll('`', '')} = ${word()};`).join('\n')}\n\`\`\``;
    if (kind === 4) return `> ${indent(blocks(depth + 1), '> ')}`;
    if (kind === 5)
      return Array.from({ length: 1 + random(5) }, () => `- ${indent(blocks(depth + 1), '  ')}`).join('\n');
    if (kind === 6)
      return Array.from({ length: 1 + random(5) }, (_, i) => `${i + 3}. ${indent(blocks(depth + 1), '   ')}`).join(
        '\n',
      );
    return `| head | head2 |\n| --- | --- |\n${Array.from({ length: random(12) }, () => `| ${word()} ${word()} | ${sentence()}|`).join('\n')}`;
  };
  const blocks = (depth: number): string => Array.from({ length: 1 + random(3) }, () => block(depth)).join('\n\n');
  return Array.from({ length: 1 + random(8) }, () => block(0)).join('\n\n');
}

/** The words of a document in order, also those that had to be cut. Each once: a split link repeats its target, a table its header. */
function wordsOf(text: string): readonly string[] {
  return [...new Set(text.replace(/[\s>]/g, '').match(/w\d+x/g))];
}

/** Each part says something and is within the limit, as markdown and as the plain text that is given back. */
function expectParts(parts: readonly string[], limit: { max: number; unit: TextUnit }): readonly string[] {
  const plain = parts.map((part) => plainText(parseMarkdown(part)));
  const isTooLong = (text: string) => measureText(text, limit.unit) > limit.max;
  expect(parts.filter((part) => isTooLong(part) || part.trim() === '')).toEqual([]);
  expect(plain.filter(isTooLong)).toEqual([]);
  return plain;
}

describe('chunkMarkdown', () => {
  it('gives no part for blank input and refuses a limit that holds nothing', () => {
    for (const text of ['', ' ', '\n\n\t\n']) expect(chunkMarkdown(text, { max: 100, unit: 'utf16' })).toEqual([]);
    expect(() => chunkMarkdown('a', { max: 10, unit: 'utf16' })).toThrow(RangeError);
    expect(() => chunkMarkdown('a', { max: Number.NaN, unit: 'utf16' })).toThrow(RangeError);
  });

  it('keeps every part in the limit and every word of the text', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.constantFrom(64, 80, 120, 300, 1_000, 4_096),
        fc.constantFrom(...units),
        (seed, max, unit) => {
          const random = makeRandom(seed);
          const text = makeDocument((below) => Math.floor(random() * below));
          const plain = expectParts(chunkMarkdown(text, { max, unit }), { max, unit });
          expect(wordsOf(plain.join('\n'))).toEqual(wordsOf(plainText(parseMarkdown(text))));
        },
      ),
      { numRuns: 120 },
    );
  });

  it('loses no character of running text, whatever it is', () => {
    const letter = fc.constantFrom(
      'a',
      'b',
      '.',
      ' ',
      '\n',
      'é',
      '日',
      '。',
      '😀',
      '👩‍👩‍👧',
      'e\u0301',
      '*',
      '_',
      '`',
      '[',
      '<',
      '&',
      '\\',
      '#',
      '-',
      '1.',
      '|',
      '~',
    );
    fc.assert(
      fc.property(
        fc.array(letter, { maxLength: 900, size: 'max' }),
        fc.constantFrom(64, 100),
        fc.constantFrom(...units),
        (letters, max, unit) => {
          const text = letters.join('');
          // A table's row that is too long is told with the heads of its columns before each cell: more than the text says.
          fc.pre(!JSON.stringify(parseMarkdown(text)).includes('"type":"table"'));
          const plain = expectParts(chunkMarkdown(text, { max, unit }), { max, unit });
          // Marks of quotes, lists and tables are written anew; letters and symbols of the text itself are not.
          const bare = (said: string) => said.replace(/[\s>|+\d.-]/g, '');
          expect(bare(plain.join(''))).toBe(bare(plainText(parseMarkdown(text))));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('cuts one long word of signs that are escaped, wherever it ends near the limit', () => {
    for (const piece of ['<http:', '![](', '_a', '[', '\\', '&lt', '<'])
      for (let length = 60; length <= 460; length += 5) {
        const text = piece.repeat(Math.ceil(length / piece.length));
        const limit = { max: 150, unit: 'utf16' } as const;
        expect(expectParts(chunkMarkdown(text, limit), limit).join('')).toBe(plainText(parseMarkdown(text)));
      }
  });

  it('cuts between graphemes', () => {
    for (const unit of units) {
      for (const grapheme of ['👩‍👩‍👧‍👦', 'e\u0301', '🇩🇪', '한']) {
        const parts = chunkMarkdown(grapheme.repeat(200), { max: 100, unit });
        expectParts(parts, { max: 100, unit });
        for (const part of parts) expect(part.replaceAll(grapheme, '')).toBe('');
      }
    }
  });

  it('never cuts a link, inline code or a bare address', () => {
    const unbroken = [
      '[label of it](https://example.org/a/very/long/path?with=query)',
      '`some code here`',
      'https://example.org/another/very-long/address',
    ];
    const text = Array.from({ length: 40 }, (_, i) => `${'w '.repeat(i % 9)}${unbroken[i % 3]}`).join(' ');
    const parts = chunkMarkdown(text, { max: 90, unit: 'utf16' });
    const count = (piece: string) => parts.join('\u0000').split(piece).length - 1;
    expect(unbroken.map(count)).toEqual([14, 13, 13]);
  });

  it('cuts inline code that alone is too long, without letting its backticks run together', () => {
    const fillings = ['-', '. ', ' .', '-  -', '|', '``|'];
    for (const filling of fillings) {
      for (let count = 10; count < 150; count++) {
        const text = `a\`\`\` ${filling.repeat(count)}x \`\`\`a`;
        const limit = { max: 64, unit: 'utf16' } as const;
        const plain = expectParts(chunkMarkdown(text, limit), limit);
        const bare = (said: string) => said.replace(/\s/g, '');
        expect(bare(plain.join(''))).toBe(bare(plainText(parseMarkdown(text))));
      }
    }
  });

  it('closes a fence and opens it again with its language', () => {
    const code = Array.from({ length: 40 }, (_, i) => `line ${i} of the program`).join('\n');
    const parts = chunkMarkdown(`Before\n\n\`\`\`python\n${code}\n\`\`\`\n\nAfter`, { max: 200, unit: 'utf16' });
    expect(parts.length).toBeGreaterThan(4);
    const blocks = parts.flatMap((part) => parseMarkdown(part));
    const fences = blocks.filter((block) => block.type === 'code');
    expect(fences.every((fence) => fence.language === 'python')).toBe(true);
    expect(fences.map((fence) => fence.text).join('\n')).toBe(code);
  });

  it('repeats the header of a table and cuts between rows', () => {
    const rows = Array.from({ length: 30 }, (_, i) => `| ${i} | value ${i} |`).join('\n');
    const parts = chunkMarkdown(`| id | value |\n| --- | --- |\n${rows}`, { max: 150, unit: 'utf16' });
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) expect(part.startsWith('| id | value |\n| --- | --- |\n| ')).toBe(true);
    expect(parts.join('\n').match(/value \d+ \|/g)).toHaveLength(30);
  });

  it('goes on counting in a list that was cut', () => {
    const parts = chunkMarkdown(
      Array.from({ length: 12 }, (_, i) => `${i + 1}. ${'item words '.repeat(3)}`).join('\n'),
      { max: 120, unit: 'utf16' },
    );
    const numbers = parts.flatMap((part) => part.match(/^\d+/gm) ?? []);
    expect(numbers).toEqual(Array.from({ length: 12 }, (_, i) => String(i + 1)));
  });

  it('keeps a heading with what it heads', () => {
    const text = `${'Words of a paragraph. '.repeat(8)}\n\n## Heading\n\n${'More words here. '.repeat(8)}`;
    const parts = chunkMarkdown(text, { max: 200, unit: 'utf16' });
    expect(parts[1]).toMatch(/^## Heading\n\nMore words/);
  });

  it('prefers the end of a sentence to the middle of one', () => {
    const parts = chunkMarkdown(
      'The quick brown fox jumps over. The lazy dog sleeps all day long. It dreams of the fox again and again.',
      { max: 80, unit: 'utf16' },
    );
    expect(parts).toEqual([
      'The quick brown fox jumps over. The lazy dog sleeps all day long.',
      'It dreams of the fox again and again.',
    ]);
  });

  it.each(['kitchen', 'code', 'table', 'cjk', 'prose'])('cuts %s.md as in its golden file', async (name) => {
    const text = await readFile(path.join(fixtures, `${name}.md`), 'utf8');
    const parts = chunkMarkdown(text, { max: 280, unit: 'utf16' });
    expectParts(parts, { max: 280, unit: 'utf16' });
    await expect(`${parts.join('\n\n=====8<===== next part =====\n\n')}\n`).toMatchFileSnapshot(
      path.join(fixtures, `${name}.280.parts.md`),
    );
    await expect(`${plainText(parseMarkdown(text))}\n`).toMatchFileSnapshot(path.join(fixtures, `${name}.plain.txt`));
  });

  it.each([
    ['prose', 'Some **bold** words, `code` and a [link](https://example.org). Another sentence follows it.\n\n'],
    ['one paragraph', 'Some words and more words. '],
    ['one word', 'x'],
    ['one fence', '\u0060\u0060\u0060\nx = 1\n'],
  ])('cuts 1 MB of %s in a thousand parts, in seconds', (_name, piece) => {
    const max = 1_024;
    const text = piece.startsWith('```')
      ? `\`\`\`js\n${'const x = 1;\n'.repeat(80_000)}\`\`\``
      : piece.repeat(Math.ceil(1_000_000 / piece.length));
    let parts: readonly string[] = [];
    expect(cpuMs(() => (parts = chunkMarkdown(text, { max, unit: 'utf16' })))).toBeLessThan(3_000);
    expect(parts.length).toBeGreaterThan(900);
    expect(parts.every((part) => part.length <= max)).toBe(true);
  });

  it.each([
    ['list items', '- item of a list\n'],
    ['table rows', '| a cell | another |\n'],
    ['quotes', '> quoted words\n>\n'],
  ])('takes time linear in the length: %s', (_name, piece) => {
    const header = piece.startsWith('|') ? '| a | b |\n| --- | --- |\n' : '';
    const times = growth(
      (chars) => `${header}${piece.repeat(Math.ceil(chars / piece.length))}`,
      (text) => expect(chunkMarkdown(text, { max: 4_096, unit: 'utf16' }).length).toBeGreaterThan(8),
    );
    expect(times).toBeLessThan(30);
  });

  it('takes no longer for a table in which nothing stands than for one with words', () => {
    const costOf = (row: string) => {
      const text = `| a | b |\n| --- | --- |\n${row.repeat(4_000)}`;
      return cpuMs(() => void chunkMarkdown(text, { max: 64, unit: 'utf16' }));
    };
    const words = costOf('| a | b |\n');
    expect(costOf('|  |  |\n')).toBeLessThan(4 * words);
  });
});
