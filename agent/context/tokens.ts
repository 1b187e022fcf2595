// Token estimates without a tokenizer: one pass over the text, by class of character. Calibrated upward, because an estimate that is
// too low overruns a window or a cap, and one that is too high only compresses a little early.
//
// Margin: English prose comes out about 10 to 35 % high (tests hold published counts against it). Other scripts, code and JSON are weighted
// by what their pieces must at least take, and are not measured. Worst case: long runs of random letters (base64, hashes) come out too
// low, by up to about 40 %. Windows and caps have their own slack for that, and the settlement uses the provider's figures.
import type { ModelMessage, ModelRequest, ToolSchema } from '../providers/types.ts';

/** Thousandths of a token per UTF-16 unit. */
const WEIGHT = {
  word: 290,
  digit: 1_000,
  moreDigits: 400,
  mark: 700,
  space: 260,
  latin: 620,
  alphabet: 700,
  wide: 1_400,
  surrogate: 1_300,
};
const SPACE = 0x20;

/** Role marks, separators and ids around each message. */
const MESSAGE_TOKENS = 6;
const TOOL_CALL_TOKENS = 14;
/** Around one tool definition, beyond its JSON. */
const TOOL_TOKENS = 10;
/**
 * What Anthropic scales larger images down to: https://docs.anthropic.com/en/docs/vision (read 2026-11-21). Other providers count in other
 * ways, mostly lower.
 */
const IMAGE_TOKENS = 1_600;

/** Estimated tokens of `text`; 0 for ''. */
export function estimateTokens(text: string): number {
  let sum = 0;
  let previous = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    sum += isDigit(code) ? digitWeight(previous) : weightOf(code);
    previous = code;
  }
  return Math.ceil(sum / 1_000);
}

/** Numbers are cut in groups of at most three digits, and unlike words they do not take the space before them in. */
function digitWeight(previous: number): number {
  if (isDigit(previous)) return WEIGHT.moreDigits;
  return previous === SPACE ? WEIGHT.digit + 1_000 - WEIGHT.space : WEIGHT.digit;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function weightOf(code: number): number {
  if (code < 0x80) {
    if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) return WEIGHT.word;
    return code === SPACE ? WEIGHT.space : WEIGHT.mark;
  }
  if (code < 0x250) return WEIGHT.latin;
  if (code < 0x1100) return WEIGHT.alphabet;
  if (code >= 0xd800 && code <= 0xdfff) return WEIGHT.surrogate;
  return WEIGHT.wide;
}

/** Estimates of what does not change and is asked for again and again: once per request, cut and reservation. */
const messageTokens = new WeakMap<ModelMessage, number>();
const toolTokens = new WeakMap<ToolSchema, number>();
const systemTokens = new WeakMap<ModelRequest['system'], number>();

function remember<Key extends object>(known: WeakMap<Key, number>, key: Key, count: (key: Key) => number): number {
  const before = known.get(key);
  if (before !== undefined) return before;
  const tokens = count(key);
  known.set(key, tokens);
  return tokens;
}

/** Estimated tokens of one message, with everything that travels with it. */
export function estimateMessage(message: ModelMessage): number {
  return remember(messageTokens, message, countMessage);
}

/** Of all of them. */
export function estimateMessages(messages: readonly ModelMessage[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0);
}

function countMessage(message: ModelMessage): number {
  switch (message.role) {
    case 'user':
      return message.content.reduce(
        (sum, part) => sum + (part.type === 'text' ? estimateTokens(part.text) : IMAGE_TOKENS),
        MESSAGE_TOKENS,
      );
    case 'assistant': {
      const calls = message.toolCalls.reduce(
        (sum, call) => sum + TOOL_CALL_TOKENS + estimateTokens(call.name) + estimateTokens(call.rawArguments),
        0,
      );
      const reasoning = (message.reasoning ?? []).reduce(
        (sum, item) => sum + estimateTokens(JSON.stringify(item.data)),
        0,
      );
      return MESSAGE_TOKENS + estimateTokens(message.text) + calls + reasoning;
    }
    case 'tool':
      return MESSAGE_TOKENS + TOOL_CALL_TOKENS + estimateTokens(message.text);
  }
}

/** Estimated tokens of one tool definition. */
export function estimateTool(tool: ToolSchema): number {
  return remember(toolTokens, tool, countTool);
}

function countTool(tool: ToolSchema): number {
  return (
    TOOL_TOKENS +
    estimateTokens(tool.name) +
    estimateTokens(tool.description) +
    estimateTokens(JSON.stringify(tool.parameters))
  );
}

function countSystem(system: ModelRequest['system']): number {
  return system.reduce((sum, part) => sum + estimateTokens(part.text) + 2, 0);
}

/** Estimated tokens of everything in the request that the model reads. */
export function estimateRequest(request: Pick<ModelRequest, 'system' | 'messages' | 'tools'>): number {
  const system = remember(systemTokens, request.system, countSystem);
  const messages = estimateMessages(request.messages);
  return system + messages + request.tools.reduce((sum, tool) => sum + estimateTool(tool), 0);
}
