import { describe, expect, it } from 'vitest';
import { renderMessages, renderOne } from '../../../adapters/mattermost/send/render.ts';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { readMarkdown } from '../../support/mattermost/read-markdown.ts';

const render = (markdown: string, isPlain = false) => renderOne(parseMarkdown(markdown), isPlain);

describe('rendering', () => {
  it.each([
    ['# Title\n\n**bold** *it* ~~no~~ `a < b & c`', '# Title\n\n**bold** *it* ~~no~~ `a < b & c`'],
    ['a <b> &amp;lt; c', 'a &lt;b> &amp;lt; c'],
    ['[a & b](https://x.org/?a=1&b=2)', '[a &amp; b](https://x.org/?a=1&b=2)'],
    ['```html\n<b>&amp;</b> @all\n```', '```html\n<b>&amp;</b> @all\n```'],
    ['| a | b |\n| --- | --- |\n| <x> | 2 |', '| a | b |\n| --- | --- |\n| &lt;x> | 2 |'],
    ['- one\n- [x] two', '- one\n- [x] two'],
    ['> <quoted>', '> &lt;quoted>'],
  ])('%j', (markdown, expected) => {
    expect(render(markdown)).toBe(expected);
  });

  it('calls nobody who was not called by name', () => {
    for (const word of ['all', 'channel', 'HERE']) {
      expect(render(`hey @${word}, you`)).toBe(`hey @\u200b${word}, you`);
      expect(render(`**@${word}**`, true)).not.toContain(`@${word}`);
    }
    expect(render('@ann, @allen and @channels')).toBe('@ann, @allen and @channels');
  });

  it('an image is a link that the reader may open, not one that is opened for them', () => {
    expect(render('![chart](https://evil.example/?q=secret)')).toBe('[chart](https://evil.example/?q=secret)');
    expect(render('![](https://x.org/a.png)')).toMatch(/^\[https.*\]\(https:\/\/x\.org\/a\.png\)$/);
  });

  it('keeps signs that stand for others meanwhile', () => {
    const odd = '\u204c < \u204d & \u2e3f';
    expect(readMarkdown(render(odd)).text).toBe(odd);
  });

  it('plain shows no markup at all', () => {
    const seen = readMarkdown(render('**bold** # no `code` <b>\n\n- item\n\n1. one', true));
    expect(seen.formatted).toBe(false);
    expect(seen.text).toContain('<b>');
    expect(seen.text).toContain('item');
  });

  it('a text that only its marks make too long comes in parts that hold all of it', () => {
    const text = '<&'.repeat(8_000);
    const parts = renderMessages(parseMarkdown(text), false);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect([...part].length).toBeLessThanOrEqual(16_383);
    expect(parts.map((part) => readMarkdown(part).text).join('')).toBe(text);
  });

  it('an empty body is no message, one that is too long is refused', () => {
    expect(renderMessages([], false)).toEqual([]);
    expect(() => renderMessages(parseMarkdown('word '.repeat(16_383)), false)).toThrow(/at most 16383/);
  });
});
