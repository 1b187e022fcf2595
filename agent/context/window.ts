// How much a model can read, and fitting a running turn into it.
import type { ModelMessage } from '../providers/types.ts';
import { cutMiddle } from './cut.ts';
import { estimateMessage, estimateMessages } from './tokens.ts';

/** What is assumed of a model that nothing is known of: most hosted ones take more; a smaller local one answers with an overflow, which is handled. */
const DEFAULT_CONTEXT_TOKENS = 65_536;

/**
 * Windows by family: the smallest that is in use, so that no member is overrun; `model.context_length` says more. Sources, read 2026-11-21:
 * Claude 200k or more: https://support.claude.com/en/articles/8606395 · GPT-5 400k of which 128k are output, Gemini 1M:
 * https://docs.uipath.com/autopilot/other/latest/user-guide/supported-models-and-limits.md · GLM and DeepSeek 128k or more:
 * https://docs.rs/matrixcode-core/0.4.43 · Kimi 256k: https://docs.rs/codetether-agent (module limits). Taken lower where only one source was found.
 */
const FAMILIES: readonly { pattern: RegExp; tokens: number }[] = [
  { pattern: /\bclaude-/, tokens: 200_000 },
  { pattern: /\bgpt-[5-9]/, tokens: 272_000 },
  { pattern: /\bgemini-/, tokens: 1_000_000 },
  { pattern: /\bkimi-k|\bglm-[4-9]|\bdeepseek-/i, tokens: 128_000 },
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
  let total = estimateMessages(messages);
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
