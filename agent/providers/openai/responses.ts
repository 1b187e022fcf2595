// Provider for the OpenAI Responses API, without stored state: the conversation is sent whole, reasoning items come back
// encrypted and are sent again in their place.
import type { OpenAI } from 'openai';
import type {
  Response,
  ResponseCreateParamsStreaming,
  ResponseInputItem,
  ResponseOutputItem,
  ResponseReasoningItem,
  ResponseStreamEvent,
} from 'openai/resources/responses/responses';

import type { ProviderInput } from '../connection.ts';
import { makeModelError, protocolError, translateModelError } from '../errors.ts';
import { parseArguments } from '../repair/json-arguments.ts';
import { argumentsText, arrangeParts, fitToolId, packReasoning, pairToolCalls, type LayoutPart } from '../messages.ts';
import { makeOpenAiProvider } from './client.ts';
import type {
  ContentPart,
  JsonValue,
  ModelEvent,
  ModelMessage,
  ModelReply,
  ModelRequest,
  Provider,
  StopReason,
  ToolCall,
} from '../types.ts';

/** Makes no call and loads no SDK until the first request. */
export function makeOpenAiResponsesProvider(input: ProviderInput): Provider {
  return makeOpenAiProvider(input, streamReply);
}

async function* streamReply(
  client: OpenAI,
  request: ModelRequest,
  input: ProviderInput,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const stream = await client.responses.create(buildResponsesRequest(request, input), { signal });
  let final: Response | undefined;
  const items: ResponseOutputItem[] = [];
  try {
    for await (const event of stream) {
      if (event.type === 'response.output_item.done') items[event.output_index] = event.item;
      if (event.type === 'response.completed' || event.type === 'response.incomplete') final = event.response;
      if (event.type === 'response.failed') throw failure(event.response.error, input, signal);
      const shown = showEvent(event);
      if (shown) yield shown;
    }
  } catch (error) {
    // Read to the end, so that the connection can be used again; but a cut after the last event loses nothing.
    if (final === undefined || signal.aborted) throw error;
  }
  signal.throwIfAborted();
  if (final === undefined) throw protocolError(input.id, 'the stream ended before response.completed');
  // Compatible servers may leave the output of the last event empty; the finished items are the same.
  const output = final.output?.length > 0 ? final.output : items.filter((item) => item !== undefined);
  yield { type: 'done', reply: readReply(final, output, request, input.id) };
}

function showEvent(event: ResponseStreamEvent): ModelEvent | undefined {
  switch (event.type) {
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      return { type: 'text', delta: event.delta };
    case 'response.reasoning_summary_text.delta':
    case 'response.reasoning_text.delta':
      return { type: 'thinking', delta: event.delta };
    default:
      return undefined;
  }
}

function failure(error: { code?: string; message: string } | null, input: ProviderInput, signal: AbortSignal): Error {
  if (error === null) return makeModelError('model_overloaded', input.id);
  const context = { provider: input.id, signal, secrets: input.keys.keys, now: input.clock.now() };
  return translateModelError({ error }, context);
}

function readReply(
  response: Response,
  output: readonly ResponseOutputItem[],
  request: ModelRequest,
  provider: string,
): ModelReply {
  const complete = response.status !== 'incomplete';
  const reply = { text: '', thinking: '', refused: false };
  const toolCalls: ToolCall[] = [];
  const layout: LayoutPart[] = [];
  for (const item of output) {
    if (item.type === 'message') {
      const text = item.content.map((part) => (part.type === 'refusal' ? part.refusal : part.text)).join('');
      if (item.content.some((part) => part.type === 'refusal')) reply.refused = true;
      reply.text += text;
      layout.push({ text: text.length });
    } else if (item.type === 'function_call') {
      const rawArguments = item.arguments;
      const args = parseArguments(rawArguments, complete ? 'lenient' : 'strict');
      toolCalls.push({ id: item.call_id, name: item.name, arguments: args, rawArguments });
      layout.push({ call: item.call_id });
    } else if (item.type === 'reasoning') {
      reply.thinking += item.summary.map((part) => part.text).join('\n\n');
      const opaque = toOpaque(item);
      if (opaque !== undefined) layout.push({ opaque });
    }
  }
  return {
    text: reply.text,
    thinking: reply.thinking,
    toolCalls,
    reasoning: packReasoning(provider, request.model, layout),
    stop: stopReason(response, toolCalls.length > 0, reply.refused),
    usage: readUsage(response),
    model: response.model || request.model,
  };
}

/** Only encrypted reasoning can be read again by the service when nothing is stored there. */
function toOpaque(item: ResponseReasoningItem): JsonValue | undefined {
  if (typeof item.encrypted_content !== 'string' || item.encrypted_content === '') return undefined;
  const summary = item.summary.map((part) => ({ type: 'summary_text', text: part.text }));
  return { type: 'reasoning', id: item.id, summary, encrypted_content: item.encrypted_content };
}

function stopReason(response: Response, hasCalls: boolean, refused: boolean): StopReason {
  if (response.incomplete_details?.reason === 'content_filter' || refused) return 'refusal';
  if (response.status === 'incomplete') return 'max_tokens';
  return hasCalls ? 'tool_calls' : 'end';
}

function readUsage(response: Response): ModelReply['usage'] {
  const usage = response.usage;
  if (!usage) return undefined;
  const cacheRead = usage.input_tokens_details?.cached_tokens ?? 0;
  const cacheWrite = usage.input_tokens_details?.cache_write_tokens ?? 0;
  return {
    input: Math.max(0, usage.input_tokens - cacheRead - cacheWrite),
    output: usage.output_tokens,
    cacheRead,
    cacheWrite,
    reasoning: usage.output_tokens_details?.reasoning_tokens ?? 0,
  };
}

/** Body of the request; exported for its own tests. */
export function buildResponsesRequest(request: ModelRequest, input: ProviderInput): ResponseCreateParamsStreaming {
  const instructions = request.system.flatMap((part) => (part.text === '' ? [] : [part.text])).join('\n\n');
  const target = { provider: input.id, model: request.model };
  return {
    ...input.quirks.extraBody,
    model: request.model,
    ...(instructions === '' ? {} : { instructions }),
    input: pairToolCalls(request.messages).flatMap((message) => toInputItems(message, target)),
    ...(request.tools.length > 0 ? { tools: request.tools.map(toTool) } : {}),
    max_output_tokens: request.maxOutputTokens,
    prompt_cache_key: request.cacheKey,
    store: false,
    stream: true,
    ...(reasons(request.model) ? { include: ['reasoning.encrypted_content'] } : {}),
    ...(request.reasoningEffort === undefined ? {} : { reasoning: { effort: request.reasoningEffort } }),
  };
}

/** Models before the reasoning ones refuse the request for encrypted reasoning. */
function reasons(model: string): boolean {
  return !/^(?:gpt-[34]|chatgpt-)/.test(model);
}

function toTool(tool: ModelRequest['tools'][number]) {
  // strict would demand that every property is required; tools of ours have optional ones.
  return {
    type: 'function' as const,
    name: tool.name,
    description: tool.description,
    parameters: tool.parameters,
    strict: false,
  };
}

function toInputItems(message: ModelMessage, target: { provider: string; model: string }): ResponseInputItem[] {
  if (message.role === 'user') return [{ role: 'user', content: toUserContent(message.content) }];
  if (message.role === 'tool') {
    return [{ type: 'function_call_output', call_id: fitToolId(message.callId, 'word64'), output: message.text }];
  }
  return arrangeParts(message, target).flatMap((part): ResponseInputItem[] => {
    if (part.kind === 'text') return part.text === '' ? [] : [{ role: 'assistant', content: part.text }];
    if (part.kind === 'opaque') return readOpaque(part.value);
    const { call } = part;
    const id = fitToolId(call.id, 'word64');
    return [{ type: 'function_call', call_id: id, name: call.name, arguments: argumentsText(call) }];
  });
}

/** One string when there is nothing but text. */
function toUserContent(parts: readonly ContentPart[]) {
  const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  return texts.length === parts.length ? texts.join('\n\n') : parts.map(toInputContent);
}

function toInputContent(part: ContentPart) {
  if (part.type === 'text') return { type: 'input_text' as const, text: part.text };
  const url = `data:${part.mime};base64,${part.base64}`;
  return { type: 'input_image' as const, image_url: url, detail: 'auto' as const };
}

function readOpaque(value: JsonValue): ResponseReasoningItem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const { id, encrypted_content: encrypted, summary } = value;
  if (typeof id !== 'string' || typeof encrypted !== 'string') return [];
  const parts = Array.isArray(summary) ? summary : [];
  return [
    {
      type: 'reasoning',
      id,
      encrypted_content: encrypted,
      summary: parts.flatMap((part) => {
        const text = typeof part === 'object' && part !== null && !Array.isArray(part) ? part['text'] : undefined;
        return typeof text === 'string' ? [{ type: 'summary_text' as const, text }] : [];
      }),
    },
  ];
}
