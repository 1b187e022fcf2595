import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { PRESETS } from '../../../agent/providers/presets.ts';
import { priceOf, readPriceOverrides } from '../../../agent/providers/prices.ts';

const usage = (input: number, output: number, cacheRead = 0, cacheWrite = 0) => ({
  input,
  output,
  cacheRead,
  cacheWrite,
  reasoning: 0,
});

describe('prices', () => {
  it('counts each kind of token at its own price', () => {
    // Sonnet 5.5: $2 in, $10 out, $0.10 cache read, $2.50 cache write per million.
    const cost = priceOf('anthropic', 'claude-sonnet-5-5', usage(1_000, 200, 10_000, 400));
    expect(cost).toEqual({ microUsd: 2_000 + 2_000 + 1_000 + 1_000, known: true });
  });

  it('rounds up to whole millionths', () => {
    expect(priceOf('openai', 'gpt-6-luna', usage(1, 0)).microUsd).toBe(1);
    expect(priceOf('openai', 'gpt-6-luna', usage(10, 0)).microUsd).toBe(1);
    expect(priceOf('openai', 'gpt-6-luna', usage(11, 0)).microUsd).toBe(2);
    expect(priceOf('openai', 'gpt-6-luna', usage(0, 0)).microUsd).toBe(0);
  });

  it('knows dated ids, and OpenRouter’s names', () => {
    expect(priceOf('openai', 'gpt-5.5-2026-04-23', usage(1_000, 0)).microUsd).toBe(5_000);
    expect(priceOf('anthropic', 'claude-haiku-4-5-20251001', usage(1_000, 0)).microUsd).toBe(1_000);
    expect(priceOf('openrouter', 'anthropic/claude-opus-5.5', usage(1_000, 0)).microUsd).toBe(4_000);
    expect(priceOf('openrouter', 'openai/gpt-6.1-sol:nitro', usage(1_000, 0)).microUsd).toBe(2_000);
  });

  it.each(['ollama', 'vllm', 'sglang', 'lmstudio', 'demo'])('costs nothing on %s', (provider) => {
    expect(priceOf(provider, 'anything', usage(1_000_000, 1_000_000))).toEqual({ microUsd: 0, known: true });
  });

  it('admits what it does not know', () => {
    expect(priceOf('openai', 'gpt-99', usage(1_000, 0))).toEqual({ microUsd: 0, known: false });
    expect(priceOf('custom', 'gpt-5.5', usage(1_000, 0)).known).toBe(false);
  });

  it('lets the configuration win', () => {
    const overrides = readPriceOverrides({
      mine: { models: { big: { input_usd_per_million: 3, output_usd_per_million: 6, cache_read_usd_per_million: 1 } } },
      ollama: { models: { rented: { input_usd_per_million: 1, output_usd_per_million: 1 } } },
      half: { models: { set: { input_usd_per_million: 1 } } },
    });
    expect(priceOf('mine', 'big', usage(100, 10, 50, 20), overrides).microUsd).toBe(300 + 60 + 50 + 60);
    expect(priceOf('ollama', 'rented', usage(100, 0), overrides).microUsd).toBe(100);
    expect(priceOf('half', 'set', usage(100, 0), overrides).known).toBe(false);
    expect(priceOf('openai', 'gpt-5.5', usage(100, 0), { 'gpt-5.5': { input: 1, output: 1 } }).microUsd).toBe(100);
  });

  it('knows the default model of each of the large services', () => {
    for (const id of [
      'anthropic',
      'openai',
      'openrouter',
      'gemini',
      'kimi',
      'minimax',
      'zai',
      'deepseek',
      'xai',
      'mistral',
      'groq',
    ]) {
      const model = PRESETS.find((preset) => preset.id === id)?.defaultModel ?? '';
      expect({ id, known: priceOf(id, model, usage(1, 1)).known }).toEqual({ id, known: true });
    }
  });

  it('is a whole number that never falls as tokens grow', () => {
    const tokens = fc.nat({ max: 10_000_000 });
    fc.assert(
      fc.property(tokens, tokens, fc.nat({ max: 1_000 }), (input, output, more) => {
        const less = priceOf('deepseek', 'deepseek-v4-flash', usage(input, output)).microUsd;
        const grown = priceOf('deepseek', 'deepseek-v4-flash', usage(input + more, output)).microUsd;
        expect(Number.isInteger(less)).toBe(true);
        expect(grown).toBeGreaterThanOrEqual(less);
      }),
    );
  });
});
