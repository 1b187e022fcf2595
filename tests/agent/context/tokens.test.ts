import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutMiddle } from '../../../agent/context/cut.ts';
import { estimateMessage, estimateTokens } from '../../../agent/context/tokens.ts';
import { fitTurn } from '../../../agent/context/window.ts';
import type { ModelMessage } from '../../../agent/providers/types.ts';

describe('estimateTokens', () => {
  // Counts of cl100k_base as published: https://lzwjava.github.io/notes/2025-09-28-tiktoken-tokenization-guide-en and
  // https://scrapbox.io/nikkie-memos/How_to_count_tokens_with_tiktoken (read 2026-11-21). The last follows from its pattern, which
  // takes at most three digits together and no space with them. The estimate must not be lower.
  it.each([
    ['The quick brown fox jumps over the lazy dog.', 10],
    ['Hello, how are you doing today?', 8],
    ['tiktoken is great!', 6],
    ['お誕生日おめでとう', 9],
    ['1 2 3 4 5 6 7 8 9', 17],
  ])('is not below what "%s" really takes (%i), nor more than twice that', (text, tokens) => {
    expect(estimateTokens(text)).toBeGreaterThanOrEqual(tokens);
    expect(estimateTokens(text)).toBeLessThanOrEqual(tokens * 2);
  });

  it('is about right for English prose: 4 to 4.7 characters per token are usual', () => {
    const prose = 'It was a bright cold day in April, and the clocks were striking thirteen. '.repeat(50);
    expect(estimateTokens(prose)).toBeGreaterThan(prose.length / 4);
    expect(estimateTokens(prose)).toBeLessThan(prose.length / 3);
  });

  it('grows with the text, and copes with any', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(estimateTokens(a + b)).toBeGreaterThanOrEqual(Math.max(estimateTokens(a), estimateTokens(b)));
        expect(estimateTokens(a + b)).toBeLessThanOrEqual(estimateTokens(a) + estimateTokens(b) + 1);
      }),
    );
    expect(estimateTokens('')).toBe(0);
  });
});

describe('cutMiddle', () => {
  it('never makes a text longer than allowed, and breaks no character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 3_000 }),
        fc.integer({ min: 200, max: 1_000 }),
        (text, max) => {
          const cut = cutMiddle(text, max, 'this text');
          expect(cut.length).toBeLessThanOrEqual(Math.max(max, 0));
          expect(cut.isWellFormed()).toBe(text.isWellFormed());
          if (text.length <= max) expect(cut).toBe(text);
          else expect(cut).toContain('are left out here');
        },
      ),
    );
  });
});

describe('fitTurn', () => {
  const result = (text: string, callId: string): ModelMessage => ({
    role: 'tool',
    callId,
    name: 'x',
    text,
    isError: false,
  });
  const user: ModelMessage = { role: 'user', content: [{ type: 'text', text: 'go' }] };

  it('leaves a turn alone that fits', () => {
    const messages = [user, result('x'.repeat(2_000), 'a')];
    expect(fitTurn(messages, 10_000)).toBe(messages);
  });

  it('shortens the oldest results first, the newest last', () => {
    const long = 'word '.repeat(1_000);
    const messages = [user, result(long, 'a'), result(long, 'b'), result(long, 'c')];
    const sizes = fitTurn(messages, 3_500).map((message) => (message.role === 'tool' ? message.text.length : 0));
    expect(sizes).toEqual([0, expect.any(Number), long.length, long.length]);
    expect(sizes[1]).toBeLessThanOrEqual(600);
    const tight = fitTurn(messages, 900);
    expect(tight.reduce((sum, message) => sum + estimateMessage(message), 0)).toBeLessThan(900);
    expect(tight).toHaveLength(4);
  });
});
