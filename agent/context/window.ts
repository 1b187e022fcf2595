// How much a model can read, and fitting a running turn into it.
import type { ModelMessage } from '../providers/types.ts';
import { cutMiddle } from './cut.ts';
import { estimateMessage } from './tokens.ts';

/** What is assumed of a model that nothing is known of: most hosted ones take more; a smaller local one answers with an overflow, which is handled. */
const DEFAULT_CONTEXT_TOKENS = 65_536;

/**
 * Windows by family, the smallest of each, so that a new member is not overrun. Sources, read 2026-11-21:
 * https://platform.claude.com/docs/en/about-claude/models/overview · https://developers.openai.com/api/docs/models ·
 * https://ai.google.dev/gemini-api/docs/models · https://api-docs.deepseek.com/quick_start/pricing
 */
const FAMILIES: readonly { pattern: RegExp; tokens: number }[] = [
  { pattern: /\bclaude-/, tokens: 200_000 },
  { pattern: /\bgpt-[5-9]/, tokens: 272_000 },
  { pattern: /\bgemini-/, tokens: 1_000_000 },
  { pattern: /\bkimi-k|\bglm-[4-9]|\bminimax|\bdeepseek-/i, tokens: 128_000 },
];

/** Tokens that fit `model`, by its family. */
export function contextTokensOf(model: string): number {
  return FAMILIES.find((family) => family.pattern.test(model))?.tokens ?? DEFAULT_CONTEXT_TOKENS;
}

const SHORT_RESULT_CHARS = 600;
const KEEP_RESULTS = 1;

/**
 * The messages of a running turn within `budgetTokens`, as far as that goes: its older tool results are shortened, oldest first, and
 * the newest one last of all. What people said is left alone (present.ts caps it).
 */
export function fitTurn(messages: readonly ModelMessage[], budgetTokens: number): readonly ModelMessage[] {
  let total = messages.reduce((sum, message) => sum + estimateMessage(message), 0);
  if (total <= budgetTokens) return messages;
  const results = messages.flatMap((message, index) => (message.role === 'tool' ? [index] : []));
  const fitted = [...messages];
  for (const index of [...results.slice(0, -KEEP_RESULTS), ...results.slice(-KEEP_RESULTS)]) {
    const message = fitted[index];
    if (total <= budgetTokens) break;
    if (message?.role !== 'tool') continue;
    const short = { ...message, text: cutMiddle(message.text, SHORT_RESULT_CHARS, 'this result') };
    total -= estimateMessage(message) - estimateMessage(short);
    fitted[index] = short;
  }
  return fitted;
}
