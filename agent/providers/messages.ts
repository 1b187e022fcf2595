// Conversation rules that every API enforces, and the memory of a reply's inner order. APIs refuse a whole request for one
// unanswered tool call, so a history that lost a row would otherwise block its session for ever.

import { z } from 'zod';

import type { JsonValue, ModelMessage, ReasoningItem, ToolCall } from './types.ts';
import { sha256Hex } from '../../shared/digest.ts';

const LOST_RESULT = 'The result of this call was lost.';

/** `messages` with every tool call answered right after its message, and no answer without a call. */
export function pairToolCalls(messages: readonly ModelMessage[]): ModelMessage[] {
  const paired: ModelMessage[] = [];
  const open = new Map<string, ToolCall>();
  const closeOpen = () => {
    if (open.size === 0) return;
    for (const call of open.values()) {
      paired.push({ role: 'tool', callId: call.id, name: call.name, text: LOST_RESULT, isError: true });
    }
    open.clear();
  };
  for (const message of messages) {
    if (message.role === 'tool') {
      if (open.delete(message.callId)) paired.push(message);
      continue;
    }
    closeOpen();
    if (message.role === 'assistant') {
      if (message.text === '' && message.toolCalls.length === 0) continue;
      for (const call of message.toolCalls) open.set(call.id, call);
    }
    paired.push(message);
  }
  closeOpen();
  return paired;
}

/** Ids in the form that a service accepts: unchanged if they fit, else a stable rewriting (equal ids stay equal). */
export function fitToolId(id: string, form: 'any' | 'alnum9' | 'word64'): string {
  if (form === 'alnum9') {
    if (/^[A-Za-z0-9]{9}$/.test(id)) return id;
    return sha256Hex(id, 9);
  }
  const pattern = form === 'any' ? /^.{1,40}$/s : /^[A-Za-z0-9_-]{1,64}$/;
  return pattern.test(id) ? id : `call_${sha256Hex(id, 24)}`;
}

/** Arguments for sending back: byte for byte what the model wrote if that was JSON (caches), else what was understood. */
export function argumentsText(call: ToolCall): string {
  if (call.arguments === undefined) return '{}';
  return isJsonObject(call.rawArguments) ? call.rawArguments : JSON.stringify(call.arguments);
}

function isJsonObject(text: string): boolean {
  if (!text.startsWith('{')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One piece of a reply in its original order: text and calls by reference, the rest as the service sent it. */
export type LayoutPart = { text: number } | { call: string } | { opaque: JsonValue };

const layoutSchema = z.object({
  model: z.string(),
  layout: z.array(
    z.union([z.object({ text: z.number() }), z.object({ call: z.string() }), z.object({ opaque: z.json() })]),
  ),
});

/**
 * Reasoning of a reply with the order of its parts, for sending it back. Services bind reasoning to the model and to its
 * place between text and calls (https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5, read 2026-11-21).
 * Empty when the reply holds nothing opaque.
 */
export function packReasoning(provider: string, model: string, layout: readonly LayoutPart[]): ReasoningItem[] {
  if (!layout.some((part) => 'opaque' in part)) return [];
  return [{ provider, data: { model, layout: layout.map((part) => ({ ...part })) } }];
}

export type ArrangedPart =
  | { kind: 'text'; text: string }
  | { kind: 'call'; call: ToolCall }
  | { kind: 'opaque'; value: JsonValue };

/**
 * The parts of an assistant message in order, with reasoning only if the same provider and model made it. A message that was
 * changed since (repaired text, dropped call) keeps its reasoning first, then text, then calls.
 */
export function arrangeParts(
  message: Extract<ModelMessage, { role: 'assistant' }>,
  target: { provider: string; model: string },
): ArrangedPart[] {
  const plain: ArrangedPart[] = [
    ...(message.text === '' ? [] : [{ kind: 'text' as const, text: message.text }]),
    ...message.toolCalls.map((call) => ({ kind: 'call' as const, call })),
  ];
  const item = message.reasoning?.find((entry) => entry.provider === target.provider);
  if (item === undefined) return plain;
  const parsed = layoutSchema.safeParse(item.data);
  if (!parsed.success || parsed.data.model !== target.model) return plain;
  const { layout } = parsed.data;
  return (
    followLayout(message, layout) ?? [
      ...layout.flatMap((part) => ('opaque' in part ? [{ kind: 'opaque' as const, value: part.opaque }] : [])),
      ...plain,
    ]
  );
}

function followLayout(
  message: Extract<ModelMessage, { role: 'assistant' }>,
  layout: readonly LayoutPart[],
): ArrangedPart[] | undefined {
  const parts: ArrangedPart[] = [];
  const calls = new Map(message.toolCalls.map((call) => [call.id, call]));
  let at = 0;
  for (const part of layout) {
    if ('opaque' in part) parts.push({ kind: 'opaque', value: part.opaque });
    else if ('text' in part) {
      parts.push({ kind: 'text', text: message.text.slice(at, at + part.text) });
      at += part.text;
    } else {
      const call = calls.get(part.call);
      if (call === undefined) return undefined;
      calls.delete(part.call);
      parts.push({ kind: 'call', call });
    }
  }
  return at === message.text.length && calls.size === 0 ? parts : undefined;
}
