import { describe, expect, it } from 'vitest';
import { makeLimiter } from '../../../adapters/irc/send/limiter.ts';
import { makeCommandWriter, renderLines } from '../../../adapters/irc/send/render.ts';
import { MAX_LINE_BYTES, MAX_TEXT_BYTES } from '../../../adapters/irc/capabilities.ts';
import { chunkMarkdown } from '../../../adapters/chunk.ts';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { KITCHEN_SINK } from '../../contracts/adapter-outbound.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const command = makeCommandWriter(new Set(['help', 'approve']));
const render = (text: string, isPlain = false) => renderLines(parseMarkdown(text), { isPlain, command });

describe('renderLines', () => {
  it.each([
    ['# Title\n\ntext', ['\u0002Title\u0002', 'text']],
    ['**bold** *it* ~~no~~ `code`', ['\u0002bold\u0002 \u001dit\u001d \u001eno\u001e code']],
    ['**two\nlines**', ['\u0002two\u0002', '\u0002lines\u0002']],
    ['# A **bold** title', ['\u0002A bold title\u0002']],
    ['- a\n- b\n  1. c\n- [x] d', ['- a', '- b', '  1. c', '- [x] d']],
    ['> quoted\n> text', ['> quoted', '> text']],
    ['[label](https://example.org)', ['label (https://example.org)']],
    ['```\nif x:\n\n  y\n```', ['if x:', '  y']],
    ['a\n\n---\n\nb', ['a', '---', 'b']],
  ])('%j', (markdown, lines) => {
    expect(render(markdown)).toEqual(lines);
  });

  it('plain has no marks, and no text can bring its own', () => {
    expect(render('**bold** \u0002x\u0003 04', true)).toEqual(['bold x 04']);
    expect(render('a\r\nQUIT :b\u0000')).toEqual(['a', 'QUIT :b']);
  });

  it('writes commands as they can be typed, and nothing else', () => {
    const text = 'Send `/approve 01 me` or `/HELP`, not `/helpful`, `/usr/bin` or /help.';
    expect(render(text)).toEqual(['Send !approve 01 me or !HELP, not /helpful, /usr/bin or /help.']);
    expect(render(`- \`/help\`\n\n> **\`/help\`**`, true)).toEqual(['- !help', '> !help']);
    expect(render('```\n/help\n```')).toEqual(['/help']);
  });

  it('never makes a line longer than servers pass on', () => {
    const long = `${KITCHEN_SINK}\n\n**${'bold 日本 '.repeat(100)}**\n\n| a | b |\n| --- | --- |\n| **${'x'.repeat(150)}** | *y* |`;
    for (const part of chunkMarkdown(long, { max: MAX_TEXT_BYTES, unit: 'utf8-byte' }))
      for (const line of render(part)) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
  });
});

describe('the limiter', () => {
  it('lets five lines through, then one per interval, and refuses what is too far away', async () => {
    const clock = makeFakeClock();
    const limiter = makeLimiter(clock, 1_000);
    const { signal } = new AbortController();
    let passed = 0;
    for (let i = 0; i < 8; i++) void limiter.acquire(signal, true).then(() => passed++);
    await clock.advance(0);
    expect(passed).toBe(5);
    await clock.advance(2_000);
    expect(passed).toBe(7);
    for (let i = 0; i < 19; i++) void limiter.acquire(signal, false);
    await expect(limiter.acquire(signal, true)).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 21_000 });
    await clock.advance(60_000);
    await limiter.acquire(signal, true);
  });
});
