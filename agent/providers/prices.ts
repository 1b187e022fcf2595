// What calls cost. List prices in USD per million tokens, standard tier, prompts below the long-context step, 5-minute cache
// writes: an estimate for caps and /usage, not a bill.
import { isLocalProvider } from './presets.ts';
import type { TokenUsage } from './types.ts';

export interface TokenPrice {
  /** USD per million tokens. */
  input: number;
  output: number;
  /** Defaults to `input`. */
  cacheRead?: number | undefined;
  /** Defaults to `input`. */
  cacheWrite?: number | undefined;
}

/** By `provider/model`, or by model alone for every provider; from the configuration, before the bundled table. */
export type PriceOverrides = { readonly [model: string]: TokenPrice };

/** Entries of `providers.<id>.models` in the configuration. */
export interface PriceSettings {
  models?:
    | {
        readonly [model: string]: {
          input_usd_per_million?: number | undefined;
          output_usd_per_million?: number | undefined;
          cache_read_usd_per_million?: number | undefined;
          cache_write_usd_per_million?: number | undefined;
        };
      }
    | undefined;
}

/** Prices set in the configuration. An entry counts when it names input and output; the cache prices may be missing. */
export function readPriceOverrides(providers: { readonly [id: string]: PriceSettings }): PriceOverrides {
  const entries = Object.entries(providers).flatMap(([id, provider]) =>
    Object.entries(provider.models ?? {}).flatMap(([model, entry]): [string, TokenPrice][] => {
      const { input_usd_per_million: input, output_usd_per_million: output } = entry;
      if (input === undefined || output === undefined) return [];
      const price = { cacheRead: entry.cache_read_usd_per_million, cacheWrite: entry.cache_write_usd_per_million };
      return [[`${id}/${model}`, { input, output, ...price }]];
    }),
  );
  return Object.fromEntries(entries);
}

/**
 * Price of one call in millionths of a dollar, rounded up. `known: false` with 0 when the model is not in the table: the
 * caller decides whether an unknown price may be spent. Local models and the demo cost nothing. A dated id
 * (`gpt-5.5-2026-04-23`) goes by its family.
 */
export function priceOf(
  provider: string,
  model: string,
  usage: TokenUsage,
  overrides: PriceOverrides = {},
): { microUsd: number; known: boolean } {
  const price = findPrice(provider, model, overrides);
  if (price === undefined) return { microUsd: 0, known: false };
  // Dollars per million tokens are micro-dollars per token. The nudge keeps 0.1 + 0.2 from rounding up to a whole one.
  const exact =
    usage.input * price.input +
    usage.output * price.output +
    usage.cacheRead * (price.cacheRead ?? price.input) +
    usage.cacheWrite * (price.cacheWrite ?? price.input);
  return { microUsd: Math.max(0, Math.ceil(exact - 1e-6)), known: true };
}

function findPrice(provider: string, model: string, overrides: PriceOverrides): TokenPrice | undefined {
  const set = overrides[`${provider}/${model}`] ?? overrides[model];
  if (set !== undefined) return set;
  if (provider === 'demo' || isLocalProvider(provider)) return FREE;
  for (const name of [model, model.replace(/-(?:\d{4}-\d{2}-\d{2}|\d{8})$/, '')]) {
    const price = PRICES[`${provider}/${name}`] ?? (provider === 'openrouter' ? openRouterPrice(name) : undefined);
    if (price !== undefined) return price;
  }
  return undefined;
}

/** OpenRouter passes list prices on; its slugs write versions with dots (`anthropic/claude-opus-5.5`). */
function openRouterPrice(slug: string): TokenPrice | undefined {
  const name = slug.replace(/:.*$/, '');
  return PRICES[name] ?? (name.startsWith('anthropic/') ? PRICES[name.replaceAll('.', '-')] : undefined);
}

const FREE: TokenPrice = { input: 0, output: 0 };

// Anthropic: https://platform.claude.com/docs/en/about-claude/pricing; 5.5 models: docs.rs/synaps 0.10.2, which cites that page.
// Haiku 5.5 is counted at its price above 100k tokens of prompt ($0.50/$2.50), not at $0.10/$0.50: caps must not undercount.
// OpenAI: https://developers.openai.com/api/docs/pricing as cited by docs.litellm.ai/blog (gpt-6*, gpt-6.1*) and
// github.com/simonw/llm-prices 2026-08-05 (older). Others: github.com/anomalyco/models.dev 2026-07-02, kimi-k3:
// https://platform.kimi.ai/docs/pricing/chat-k3. All read 2026-11-21. Inferred, not read: cache writes of gpt-6.1-sol and gpt-5.6-*
// (1.25 times input, as for their siblings). Sources differ on gpt-5.6-sol ($5/$30 and $4/$20): the higher one stands.
const PRICES: { readonly [model: string]: TokenPrice } = {
  'anthropic/claude-fable-5-1': { input: 10, output: 50, cacheRead: 0.25, cacheWrite: 12.5 },
  'anthropic/claude-fable-5': { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 },
  'anthropic/claude-opus-5-5': { input: 4, output: 20, cacheRead: 0.2, cacheWrite: 5 },
  'anthropic/claude-opus-5': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic/claude-opus-4-8': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic/claude-opus-4-7': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic/claude-opus-4-6': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic/claude-opus-4-5': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic/claude-sonnet-5-5': { input: 2, output: 10, cacheRead: 0.1, cacheWrite: 2.5 },
  'anthropic/claude-sonnet-5': { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 },
  'anthropic/claude-sonnet-4-6': { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
  'anthropic/claude-sonnet-4-5': { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
  'anthropic/claude-haiku-5-5': { input: 0.5, output: 2.5, cacheRead: 0.05, cacheWrite: 0.625 },
  'anthropic/claude-haiku-4-5': { input: 1, output: 5, cacheRead: 0.1, cacheWrite: 1.25 },
  'openai/gpt-6-astra': { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 },
  'openai/gpt-6.1-sol': { input: 2, output: 10, cacheRead: 0.1, cacheWrite: 2.5 },
  'openai/gpt-6.1-terra': { input: 1, output: 5, cacheRead: 0.05, cacheWrite: 1.25 },
  'openai/gpt-6-sol': { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 },
  'openai/gpt-6-luna': { input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite: 0.125 },
  'openai/gpt-5.6-sol': { input: 5, output: 30, cacheRead: 0.5, cacheWrite: 6.25 },
  'openai/gpt-5.6-terra': { input: 2, output: 12, cacheRead: 0.2, cacheWrite: 2.5 },
  'openai/gpt-5.6-luna': { input: 0.2, output: 1.2, cacheRead: 0.02, cacheWrite: 0.25 },
  'openai/gpt-5.5': { input: 5, output: 30, cacheRead: 0.5 },
  'openai/gpt-5.4': { input: 2.5, output: 15, cacheRead: 0.25 },
  'openai/gpt-5.4-mini': { input: 0.75, output: 4.5, cacheRead: 0.075 },
  'openai/gpt-5.4-nano': { input: 0.2, output: 1.25, cacheRead: 0.02 },
  'gemini/gemini-3.6-flash': { input: 1.5, output: 7.5, cacheRead: 0.15 },
  'gemini/gemini-3.5-flash': { input: 1.5, output: 9, cacheRead: 0.15 },
  'gemini/gemini-3.5-flash-lite': { input: 0.3, output: 2.5, cacheRead: 0.03 },
  'gemini/gemini-3.1-pro-preview': { input: 2, output: 12, cacheRead: 0.2 },
  'gemini/gemini-3.1-flash-lite': { input: 0.25, output: 1.5, cacheRead: 0.025 },
  'gemini/gemini-2.5-pro': { input: 1.25, output: 10, cacheRead: 0.125 },
  'gemini/gemini-2.5-flash': { input: 0.3, output: 2.5, cacheRead: 0.03 },
  'kimi/kimi-k3': { input: 3, output: 15, cacheRead: 0.3 },
  'kimi/kimi-k2.7-code': { input: 0.95, output: 4, cacheRead: 0.19 },
  'kimi/kimi-k2.6': { input: 0.95, output: 4, cacheRead: 0.16 },
  'minimax/MiniMax-M3': { input: 0.3, output: 1.2, cacheRead: 0.06 },
  'minimax/MiniMax-M2.7': { input: 0.3, output: 1.2, cacheRead: 0.06, cacheWrite: 0.375 },
  'zai/glm-5.2': { input: 1.4, output: 4.4, cacheRead: 0.26 },
  'zai/glm-5.1': { input: 1.4, output: 4.4, cacheRead: 0.26 },
  'zai/glm-4.7': { input: 0.6, output: 2.2, cacheRead: 0.11 },
  'deepseek/deepseek-v4-pro': { input: 0.435, output: 0.87, cacheRead: 0.003625 },
  'deepseek/deepseek-v4-flash': { input: 0.14, output: 0.28, cacheRead: 0.0028 },
  'xai/grok-4.3': { input: 1.25, output: 2.5, cacheRead: 0.2 },
  'mistral/mistral-large-latest': { input: 0.5, output: 1.5 },
  'mistral/mistral-medium-latest': { input: 0.4, output: 2 },
  'mistral/mistral-small-latest': { input: 0.15, output: 0.6 },
  'groq/openai/gpt-oss-120b': { input: 0.15, output: 0.6, cacheRead: 0.075 },
  'groq/llama-3.3-70b-versatile': { input: 0.59, output: 0.79 },
  'together/moonshotai/Kimi-K2.6': { input: 1.2, output: 4.5, cacheRead: 0.2 },
  'together/meta-llama/Llama-3.3-70B-Instruct-Turbo': { input: 0.88, output: 0.88 },
};
