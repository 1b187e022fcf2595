// Provider for the OpenAI chat completions API and everything that speaks it.
import { randomUUID } from 'node:crypto';

import type { OpenAI } from 'openai';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';

import type { ProviderInput } from '../connection.ts';
import { makeDisplayFilter } from '../repair/display-filter.ts';
import { makeModelError, protocolError } from '../errors.ts';
import { packReasoning } from '../messages.ts';
import { buildChatRequest, writeChatRequest } from './chat-request.ts';
import { makeChatCollector, type ChatCollector } from './chat-stream.ts';
import { makeOpenAiProvider } from './client.ts';
import { readServerEvents } from './sse.ts';
import { repairReply } from '../repair/reply.ts';
import type { JsonValue, ModelEvent, ModelReply, ModelRequest, Provider } from '../types.ts';

/** Makes no call and loads no SDK until the first request. */
export function makeOpenAiChatProvider(input: ProviderInput): Provider {
  return makeOpenAiProvider(input, streamReply);
}

async function* streamReply(
  client: OpenAI,
  request: ModelRequest,
  input: ProviderInput,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  // Bytes, since the SDK would write a long history anew for each request, and look at every value of it.
  const body = writeChatRequest(buildChatRequest(request, input.id, input.quirks));
  const headers = { 'content-type': 'application/json' };
  const response = await client.post('/chat/completions', { body, headers, signal, stream: true }).asResponse();
  const collector = makeChatCollector(request.model);
  const filter = input.quirks.repairText ? makeDisplayFilter(request.tools.length > 0) : undefined;
  try {
    for await (const chunks of readChunks(response, input)) {
      const raw = joinPieces(chunks.map((chunk) => collector.push(chunk)));
      const shown = filter ? joinShown(filter.push(raw.text), raw.thinking) : raw;
      if (shown.thinking !== '') yield { type: 'thinking', delta: shown.thinking };
      if (shown.text !== '') yield { type: 'text', delta: shown.text };
    }
  } catch (error) {
    // After the reason to stop only usage was to come: the reply is whole.
    if (!collector.finished || signal.aborted) throw error;
  }
  signal.throwIfAborted();
  if (collector.failed) throw makeModelError('model_overloaded', input.id);
  if (!collector.finished) throw protocolError(input.id, 'the stream ended before finish_reason');
  const reply = finishReply(collector, request, input);
  const rest = filter?.rest(reply.text) ?? '';
  if (rest !== '') yield { type: 'text', delta: rest };
  yield { type: 'done', reply };
}

/** A service that fails in the middle says so in place of a chunk. Read by its shape, as the SDK's own errors are. */
class StreamedError extends Error {
  readonly error: unknown;
  readonly headers: Headers;
  constructor(error: unknown, headers: Headers) {
    super('the service reported a failure in its stream');
    this.error = error;
    this.headers = headers;
  }
}

/** Chunks of the answer, those together that came together. */
async function* readChunks(
  response: Response,
  { id, clock }: ProviderInput,
): AsyncGenerator<readonly ChatCompletionChunk[]> {
  if (!response.body) throw protocolError(id, 'the answer has no body');
  for await (const events of readServerEvents(response.body, ({ data }) => data === '[DONE]', clock))
    yield events.flatMap(({ name, data }) =>
      data === '' ? [] : [readChunk(name, JSON.parse(data), response.headers)],
    );
}

function readChunk(name: string, value: unknown, headers: Headers): ChatCompletionChunk {
  const failure = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
  if (failure) throw new StreamedError(failure, headers);
  if (name === 'error') throw new StreamedError(value, headers);
  if (!isChunk(value)) throw new SyntaxError('a chunk is no object');
  return value;
}

/** The collector reads its fields loosely. */
function isChunk(value: unknown): value is ChatCompletionChunk {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function joinPieces(pieces: readonly { text: string; thinking: string }[]): { text: string; thinking: string } {
  return { text: pieces.map(({ text }) => text).join(''), thinking: pieces.map(({ thinking }) => thinking).join('') };
}

function joinShown(filtered: { text: string; thinking: string }, thinking: string): { text: string; thinking: string } {
  return { text: filtered.text, thinking: thinking + filtered.thinking };
}

function finishReply(collector: ChatCollector, request: ModelRequest, input: ProviderInput): ModelReply {
  const makeId = () => `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  const { usage, model, opaque, ...raw } = collector.result(makeId);
  const repaired = repairReply(raw, {
    tools: request.tools,
    given: () => givenTexts(request),
    repairText: input.quirks.repairText,
    makeId,
  });
  const kept: { [key: string]: JsonValue } = {};
  if (input.quirks.replayReasoning !== 'none' && opaque.reasoning !== undefined) kept['reasoning'] = opaque.reasoning;
  if (opaque.callExtras !== undefined) kept['callExtras'] = opaque.callExtras;
  const layout = Object.keys(kept).length > 0 ? [{ opaque: kept }] : [];
  return { ...repaired, reasoning: packReasoning(input.id, request.model, layout), usage, model };
}

function givenTexts(request: ModelRequest): string[] {
  return request.messages.flatMap((message) => {
    if (message.role === 'tool') return [message.text];
    if (message.role === 'assistant') return [];
    return message.content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  });
}
