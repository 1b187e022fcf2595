// Collects the chunks of a streamed chat completion. Compatible services leave out, rename and repeat fields; each tolerance
// here names the service that needs it.
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';

import type { ChatOpaque } from './chat-request.ts';
import type { RawReply } from '../repair/reply.ts';
import type { JsonValue, StopReason, TokenUsage } from '../types.ts';

/** Reasoning fields beyond the SDK's types: DeepSeek, Kimi, Z.AI, vLLM; OpenRouter, Groq, Ollama; OpenRouter, MiniMax. */
interface CompatibleDelta extends Omit<ChatCompletionChunk.Choice.Delta, 'content'> {
  content?: unknown;
  reasoning_content?: unknown;
  reasoning?: unknown;
  reasoning_details?: unknown;
}

interface OpenCall {
  index: number | undefined;
  id: string;
  name: string;
  arguments: string;
  extra: JsonValue | undefined;
}

export interface ChatCollector {
  /** Takes a chunk in; returns what of it can be shown. */
  push(chunk: ChatCompletionChunk): { text: string; thinking: string };
  /** True once the model said why it stopped: only then is the reply whole. */
  readonly finished: boolean;
  /** True when the service reported a failure in place of a reason to stop (OpenRouter). */
  readonly failed: boolean;
  result(
    makeId: (index: number) => string,
  ): RawReply & { usage: TokenUsage | undefined; model: string; opaque: ChatOpaque };
}

export function makeChatCollector(requestedModel: string): ChatCollector {
  const calls: OpenCall[] = [];
  const details: { [key: string]: JsonValue }[] = [];
  let text = '';
  let thinking = '';
  let finish: string | undefined;
  let refused = false;
  let usage: TokenUsage | undefined;
  let model = requestedModel;

  const addDelta = (delta: CompatibleDelta): { text: string; thinking: string } => {
    const content = readContent(delta.content);
    const refusal = typeof delta.refusal === 'string' ? delta.refusal : '';
    if (refusal !== '') refused = true;
    addDetails(details, delta.reasoning_details);
    const shown = {
      text: content.text + refusal,
      thinking: content.thinking + readReasoning(delta),
    };
    text += shown.text;
    thinking += shown.thinking;
    for (const piece of delta.tool_calls ?? []) addCallPiece(calls, piece);
    return shown;
  };

  return {
    push(chunk) {
      if (typeof chunk.model === 'string' && chunk.model !== '') model = chunk.model;
      if (chunk.usage) usage = readUsage(chunk.usage);
      // Azure and some gateways send chunks without choices first.
      const choice = chunk.choices?.[0];
      if (choice === undefined) return { text: '', thinking: '' };
      if (choice.finish_reason) finish = choice.finish_reason;
      return choice.delta ? addDelta(choice.delta) : { text: '', thinking: '' };
    },
    get finished() {
      return finish !== undefined;
    },
    get failed() {
      return finish === 'error';
    },
    result(makeId) {
      const whole = calls.filter((call) => call.name !== '');
      const toolCalls = whole.map((call, index) => ({
        id: call.id === '' ? makeId(index) : call.id,
        name: call.name,
        arguments: call.arguments,
        extra: call.extra,
      }));
      const extras = toolCalls.flatMap((call) => (call.extra === undefined ? [] : [[call.id, call.extra] as const]));
      return {
        text,
        thinking,
        toolCalls: toolCalls.map(({ id, name, arguments: args }) => ({ id, name, arguments: args })),
        stop: stopReason(finish, toolCalls.length > 0, refused),
        usage,
        model,
        opaque: {
          ...(details.length > 0 ? { reasoning: details } : thinking === '' ? {} : { reasoning: thinking }),
          ...(extras.length > 0 ? { callExtras: Object.fromEntries(extras) } : {}),
        },
      };
    },
  };
}

function stopReason(finish: string | undefined, hasCalls: boolean, refused: boolean): StopReason {
  if (finish === 'length' || finish === 'model_length' || finish === 'max_tokens') return 'max_tokens';
  if (finish === 'content_filter' || refused) return 'refusal';
  // Ollama and others say "stop" even when they call.
  return hasCalls ? 'tool_calls' : 'end';
}

/** Mistral's reasoning models stream content as a list of thinking and text parts. */
function readContent(content: unknown): { text: string; thinking: string } {
  if (typeof content === 'string') return { text: content, thinking: '' };
  if (!Array.isArray(content)) return { text: '', thinking: '' };
  let text = '';
  let thinking = '';
  for (const part of content) {
    if (!isRecord(part)) continue;
    if (typeof part['text'] === 'string') text += part['text'];
    if (part['type'] === 'thinking') thinking += readContent(part['thinking']).text;
  }
  return { text, thinking };
}

function readReasoning(delta: CompatibleDelta): string {
  if (typeof delta.reasoning_content === 'string') return delta.reasoning_content;
  if (typeof delta.reasoning === 'string') return delta.reasoning;
  if (!Array.isArray(delta.reasoning_details)) return '';
  return delta.reasoning_details
    .map((entry) => (isRecord(entry) ? (entry['text'] ?? entry['summary']) : undefined))
    .filter((entry) => typeof entry === 'string')
    .join('');
}

/** Pieces of one detail come one by one; they are joined, because services want the whole back. */
function addDetails(details: { [key: string]: JsonValue }[], pieces: unknown): void {
  if (!Array.isArray(pieces)) return;
  for (const piece of pieces) {
    if (!isRecord(piece)) continue;
    const last = details.at(-1);
    const continues = last !== undefined && last['type'] === piece['type'] && last['index'] === piece['index'];
    const target = continues ? last : {};
    for (const [key, value] of Object.entries(piece)) {
      const before = target[key];
      const grows = (key === 'text' || key === 'summary' || key === 'data') && typeof before === 'string';
      if (grows && typeof value === 'string') target[key] = before + value;
      else if (value !== null || before === undefined) target[key] = value;
    }
    if (!continues) details.push(target);
  }
}

function addCallPiece(calls: OpenCall[], piece: ChatCompletionChunk.Choice.Delta.ToolCall): void {
  // Read loosely: Gemini sends every parallel call with index 0, some servers send no index, some no id.
  const index = typeof piece.index === 'number' ? piece.index : undefined;
  const id = typeof piece.id === 'string' ? piece.id : '';
  const name = typeof piece.function?.name === 'string' ? piece.function.name : '';
  let call =
    index === undefined ? (id === '' ? calls.at(-1) : undefined) : calls.findLast((entry) => entry.index === index);
  if (call !== undefined && id !== '' && call.id !== '' && call.id !== id && name !== '') call = undefined;
  if (call === undefined) {
    call = { index, id: '', name: '', arguments: '', extra: undefined };
    calls.push(call);
  }
  if (call.id === '') call.id = id;
  // The name comes once, in the first piece; some servers repeat it in every piece.
  if (call.name === '') call.name = name;
  const args: unknown = piece.function?.arguments;
  if (typeof args === 'string') call.arguments += args;
  else if (isRecord(args)) call.arguments = JSON.stringify(args);
  const extra: unknown = Reflect.get(piece, 'extra_content');
  if (isRecord(extra)) call.extra = extra;
}

function readUsage(usage: NonNullable<ChatCompletionChunk['usage']>): TokenUsage {
  const cacheRead = usage.prompt_tokens_details?.cached_tokens ?? 0;
  const cacheWrite = usage.prompt_tokens_details?.cache_write_tokens ?? 0;
  return {
    input: Math.max(0, (usage.prompt_tokens ?? 0) - cacheRead - cacheWrite),
    output: usage.completion_tokens ?? 0,
    cacheRead,
    cacheWrite,
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
}

function isRecord(value: unknown): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
