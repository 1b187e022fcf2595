// Provider for the Anthropic Messages API. Reads the raw events: the SDK's own collector would parse every partial tool input.
import type { Anthropic } from '@anthropic-ai/sdk';
import type { RawMessageStreamEvent, StopReason as AnthropicStop, Usage } from '@anthropic-ai/sdk/resources/messages';

import { buildAnthropicRequest } from './request.ts';
import { makeConnection, SDK_TIMEOUT_MS, type ProviderInput } from '../connection.ts';
import { makeModelError, protocolError } from '../errors.ts';
import { parseArguments } from '../repair/json-arguments.ts';
import { packReasoning, type LayoutPart } from '../messages.ts';
import type {
  JsonValue,
  ModelEvent,
  ModelReply,
  ModelRequest,
  Provider,
  StopReason,
  TokenUsage,
  ToolCall,
} from '../types.ts';

/** Makes no call and loads no SDK until the first request. */
export function makeAnthropicProvider(input: ProviderInput): Provider {
  const connection = makeConnection(input, (key) => openClient(input, key));
  return {
    id: input.id,
    stream: (request, signal) => connection.stream((client) => streamReply(client, request, input, signal), signal),
    listModels: (signal) =>
      connection.request(
        async (client) => (await client.models.list({ limit: 1000 }, { signal })).data.map((model) => model.id),
        signal,
      ),
  };
}

/** Nothing is read from the environment, nothing retried, nothing traced. */
async function openClient(input: ProviderInput, key: string): Promise<Anthropic> {
  const { Anthropic: Client } = await import('@anthropic-ai/sdk');
  return new Client({
    apiKey: key,
    webhookKey: null,
    baseURL: input.baseUrl,
    fetch: input.fetch,
    defaultHeaders: input.quirks.headers,
    maxRetries: 0,
    timeout: SDK_TIMEOUT_MS,
    openTelemetry: false,
    logLevel: 'off',
  });
}

async function* streamReply(
  client: Anthropic,
  request: ModelRequest,
  input: ProviderInput,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const stream = await client.messages.create(buildAnthropicRequest(request, input.id), { signal });
  const collector = makeCollector(request.model);
  try {
    for await (const event of stream) {
      const shown = collector.push(event);
      if (shown) yield shown;
    }
  } catch (error) {
    // Read to the end, so that the connection can be used again; but a cut after the last event loses nothing.
    if (!collector.finished || signal.aborted) throw error;
  }
  signal.throwIfAborted();
  if (!collector.finished) throw protocolError(input.id, 'the stream ended before message_stop');
  if (collector.overflowed) throw makeModelError('model_context_overflow', input.id);
  yield { type: 'done', reply: collector.reply(input.id) };
}

type OpenBlock =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'tool_use'; id: string; name: string; json: string };

interface Collector {
  push(event: RawMessageStreamEvent): ModelEvent | undefined;
  readonly finished: boolean;
  readonly overflowed: boolean;
  reply(provider: string): ModelReply;
}

function makeCollector(requestedModel: string): Collector {
  const blocks = new Map<number, OpenBlock>();
  let model = requestedModel;
  let stop: AnthropicStop | undefined;
  let usage: TokenUsage | undefined;
  let finished = false;

  return {
    push(event) {
      switch (event.type) {
        case 'message_start':
          model = event.message.model || requestedModel;
          usage = addUsage(usage, event.message.usage);
          return undefined;
        case 'content_block_start': {
          const block = openBlock(event.content_block);
          if (block) blocks.set(event.index, block);
          return block?.type === 'text' && block.text !== '' ? { type: 'text', delta: block.text } : undefined;
        }
        case 'content_block_delta': {
          const block = blocks.get(event.index);
          return block ? addDelta(block, event.delta) : undefined;
        }
        case 'message_delta':
          stop = event.delta.stop_reason ?? stop;
          usage = addUsage(usage, event.usage);
          return undefined;
        case 'message_stop':
          finished = true;
          return undefined;
        default:
          return undefined;
      }
    },
    get finished() {
      return finished;
    },
    get overflowed() {
      return stop === 'model_context_window_exceeded';
    },
    reply(provider) {
      const ordered = [...blocks.entries()].toSorted(([a], [b]) => a - b).map(([, block]) => block);
      const cut = stop === 'max_tokens';
      const calls = ordered.flatMap((block) => (block.type === 'tool_use' ? [toToolCall(block, cut)] : []));
      return {
        text: ordered.map((block) => (block.type === 'text' ? block.text : '')).join(''),
        thinking: ordered
          .flatMap((block) => (block.type === 'thinking' && block.thinking ? [block.thinking] : []))
          .join('\n\n'),
        toolCalls: calls,
        reasoning: packReasoning(provider, requestedModel, ordered.map(toLayout)),
        stop: stopReason(stop, calls.length > 0),
        usage,
        model,
      };
    },
  };
}

type StartedBlock = Extract<RawMessageStreamEvent, { type: 'content_block_start' }>['content_block'];
type BlockDelta = Extract<RawMessageStreamEvent, { type: 'content_block_delta' }>['delta'];

function openBlock(block: StartedBlock): OpenBlock | undefined {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.text ?? '' };
    case 'thinking':
      return { type: 'thinking', thinking: block.thinking ?? '', signature: block.signature ?? '' };
    case 'redacted_thinking':
      return { type: 'redacted_thinking', data: block.data };
    case 'tool_use':
      return { type: 'tool_use', id: block.id, name: block.name, json: initialInput(block.input) };
    default:
      return undefined;
  }
}

/** Compatible services send the whole input at once instead of deltas. */
function initialInput(input: unknown): string {
  return typeof input === 'object' && input !== null && Object.keys(input).length > 0 ? JSON.stringify(input) : '';
}

function addDelta(block: OpenBlock, delta: BlockDelta): ModelEvent | undefined {
  if (delta.type === 'text_delta' && block.type === 'text') {
    block.text += delta.text;
    return { type: 'text', delta: delta.text };
  }
  if (delta.type === 'thinking_delta' && block.type === 'thinking') {
    block.thinking += delta.thinking;
    return { type: 'thinking', delta: delta.thinking };
  }
  if (delta.type === 'signature_delta' && block.type === 'thinking') block.signature += delta.signature;
  if (delta.type === 'input_json_delta' && block.type === 'tool_use') block.json += delta.partial_json;
  return undefined;
}

function toToolCall(block: Extract<OpenBlock, { type: 'tool_use' }>, cut: boolean): ToolCall {
  const args = parseArguments(block.json, cut ? 'strict' : 'lenient');
  return { id: block.id, name: block.name, arguments: args, rawArguments: block.json };
}

function toLayout(block: OpenBlock): LayoutPart {
  if (block.type === 'text') return { text: block.text.length };
  if (block.type === 'tool_use') return { call: block.id };
  const opaque: JsonValue = { ...block };
  return { opaque };
}

function stopReason(stop: AnthropicStop | undefined, hasCalls: boolean): StopReason {
  if (stop === 'max_tokens') return 'max_tokens';
  if (stop === 'refusal') return 'refusal';
  return hasCalls ? 'tool_calls' : 'end';
}

type UsagePart = Partial<
  Pick<
    Usage,
    | 'input_tokens'
    | 'output_tokens'
    | 'cache_read_input_tokens'
    | 'cache_creation_input_tokens'
    | 'output_tokens_details'
  >
>;

type Nullable<T> = { [K in keyof T]: T[K] | null };

/** Counts are cumulative: a later event replaces what it names (https://platform.claude.com/docs/en/build-with-claude/streaming). */
function addUsage(
  before: TokenUsage | undefined,
  part: Nullable<UsagePart> | undefined | null,
): TokenUsage | undefined {
  if (!part) return before;
  return {
    input: part.input_tokens ?? before?.input ?? 0,
    output: part.output_tokens ?? before?.output ?? 0,
    cacheRead: part.cache_read_input_tokens ?? before?.cacheRead ?? 0,
    cacheWrite: part.cache_creation_input_tokens ?? before?.cacheWrite ?? 0,
    reasoning: part.output_tokens_details?.thinking_tokens ?? before?.reasoning ?? 0,
  };
}
