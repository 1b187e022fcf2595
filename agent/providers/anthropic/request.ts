// Builds the body of an Anthropic Messages request: thinking by model generation, cache breakpoints, blocks in their order.
import type {
  ContentBlockParam,
  MessageCreateParamsStreaming,
  MessageParam,
  OutputConfig,
  TextBlockParam,
  ThinkingConfigParam,
} from '@anthropic-ai/sdk/resources/messages';

import { arrangeParts, fitToolId, pairToolCalls } from '../messages.ts';
import type { ContentPart, JsonValue, ModelMessage, ModelRequest } from '../types.ts';

/** https://platform.claude.com/docs/en/build-with-claude/prompt-caching, read 2026-11-21. */
const MAX_BREAKPOINTS = 4;
/** So many of them for the system prompt; the rest follows the growing conversation. */
const SYSTEM_BREAKPOINTS = 2;

const EPHEMERAL = { type: 'ephemeral' } as const;

export function buildAnthropicRequest(request: ModelRequest, provider: string): MessageCreateParamsStreaming {
  const system = systemBlocks(request);
  const used = system.filter((block) => block.cache_control).length;
  const messages = toMessages(request, provider);
  const last = request.messages.at(-1);
  // What is different in each request stands behind the last breakpoint.
  const behind = last?.role === 'user' && last.isState === true ? last.content.length : 0;
  markNewest(messages, MAX_BREAKPOINTS - used, behind);
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    stream: true,
    ...(system.length > 0 ? { system } : {}),
    messages,
    ...(request.tools.length > 0 ? { tools: request.tools.map(toTool) } : {}),
    ...thinkingFields(request, messages),
  };
}

function systemBlocks(request: ModelRequest): TextBlockParam[] {
  const parts = request.system.filter((part) => part.text !== '');
  const marked = parts.filter((part) => part.cache).slice(-SYSTEM_BREAKPOINTS);
  return parts.map((part) => ({
    type: 'text',
    text: part.text,
    ...(marked.includes(part) ? { cache_control: EPHEMERAL } : {}),
  }));
}

function toTool(tool: ModelRequest['tools'][number]) {
  return {
    name: tool.name,
    description: tool.description,
    input_schema: { ...tool.parameters, type: 'object' as const },
  };
}

/** Messages of one role in a row become one, results of tools first: the API wants them right after their calls. */
function toMessages(request: ModelRequest, provider: string): MessageParam[] {
  const messages: { role: 'user' | 'assistant'; content: ContentBlockParam[] }[] = [];
  for (const message of pairToolCalls(request.messages)) {
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const blocks = toBlocks(message, { provider, model: request.model });
    if (blocks.length === 0) continue;
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else messages.push({ role, content: blocks });
  }
  return messages;
}

function toBlocks(message: ModelMessage, target: { provider: string; model: string }): ContentBlockParam[] {
  if (message.role === 'user') return message.content.flatMap(toContentBlock);
  if (message.role === 'tool') {
    const content = message.text === '' ? '(empty)' : message.text;
    return [
      { type: 'tool_result', tool_use_id: fitToolId(message.callId, 'word64'), content, is_error: message.isError },
    ];
  }
  return arrangeParts(message, target).flatMap((part): ContentBlockParam[] => {
    // Empty text blocks are refused.
    if (part.kind === 'text') return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text }];
    if (part.kind === 'opaque') return readThinkingBlock(part.value);
    const { call } = part;
    return [{ type: 'tool_use', id: fitToolId(call.id, 'word64'), name: call.name, input: call.arguments ?? {} }];
  });
}

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] as const;

function toContentBlock(part: ContentPart): ContentBlockParam[] {
  if (part.type === 'text') return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text }];
  const mime = IMAGE_TYPES.find((type) => type === part.mime);
  if (mime === undefined)
    return [{ type: 'text', text: `[An image of type ${part.mime} was sent; it cannot be shown.]` }];
  return [{ type: 'image', source: { type: 'base64', media_type: mime, data: part.base64 } }];
}

function readThinkingBlock(value: JsonValue): ContentBlockParam[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const { type, thinking, signature, data } = value;
  if (type === 'thinking' && typeof thinking === 'string' && typeof signature === 'string') {
    return [{ type, thinking, signature }];
  }
  return type === 'redacted_thinking' && typeof data === 'string' ? [{ type, data }] : [];
}

/**
 * Breakpoints on the newest messages of the user's side, newest first: the newest writes what the next call reads, the one
 * before it is where this call reads. `behind`: blocks at the end of the last message that are not worth keeping.
 */
function markNewest(messages: readonly MessageParam[], count: number, behind: number): void {
  const turns = messages.filter((message) => message.role === 'user').slice(-Math.min(count, 2));
  for (const [index, turn] of turns.entries()) {
    const skipped = index === turns.length - 1 ? behind : 0;
    const block = typeof turn.content === 'string' ? undefined : turn.content.at(-1 - skipped);
    if (block?.type === 'text' || block?.type === 'image' || block?.type === 'tool_result')
      block.cache_control = EPHEMERAL;
  }
}

type ThinkingFields = { thinking?: ThinkingConfigParam; output_config?: OutputConfig };

/**
 * Claude from 5 on thinks adaptively by default, and some models refuse to have it turned off, so effort is the only dial;
 * 4.6 to 4.8 think adaptively when asked; before that there is a token budget.
 * https://platform.claude.com/docs/en/models/opus-5-5/migration-guide, read 2026-11-21.
 */
function thinkingFields(request: ModelRequest, messages: readonly MessageParam[]): ThinkingFields {
  const effort = request.reasoningEffort;
  const version = claudeVersion(request.model);
  const adaptive: ThinkingConfigParam = { type: 'adaptive', display: 'summarized' };
  if (version !== undefined && version >= 5) {
    return {
      thinking: adaptive,
      ...(effort === undefined ? {} : { output_config: { effort: effort === 'none' ? 'low' : effort } }),
    };
  }
  if (effort === undefined || effort === 'none') return {};
  if (version !== undefined && version >= 4.6) return { thinking: adaptive, output_config: { effort } };
  const budget = Math.min(BUDGETS[effort], request.maxOutputTokens - ANSWER_TOKENS);
  // The API refuses smaller budgets, and thinking after a call of a tool that was made without it.
  if (budget < MIN_BUDGET || callsWithoutThinking(messages)) return {};
  return { thinking: { type: 'enabled', budget_tokens: budget } };
}

const BUDGETS = { low: 2_048, medium: 8_192, high: 16_384 };
/** https://platform.claude.com/docs/en/build-with-claude/extended-thinking */
const MIN_BUDGET = 1_024;
/** Left for the answer itself. */
const ANSWER_TOKENS = 1_024;

/** 5.5 for claude-opus-5-5, 4.5 for claude-haiku-4-5-20251001, undefined for other models. */
function claudeVersion(model: string): number | undefined {
  const match = /claude-(?:[a-z]+-)+(\d{1,2})(?:[-.](\d{1,2}))?(?![\d])/.exec(model);
  return match ? Number(`${match[1]}.${match[2] ?? 0}`) : undefined;
}

function callsWithoutThinking(messages: readonly MessageParam[]): boolean {
  const last = messages.findLast((message) => message.role === 'assistant');
  if (last === undefined || typeof last.content === 'string') return false;
  const kinds = last.content.map((block) => block.type);
  return kinds.includes('tool_use') && !kinds.includes('thinking') && !kinds.includes('redacted_thinking');
}
