// Builds the body of a chat completions request. Pure; what services do differently comes in as quirks.
import type {
  ChatCompletionAssistantMessageParam,
  ChatCompletionContentPart,
  ChatCompletionContentPartText,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionFunctionTool,
  ChatCompletionMessageFunctionToolCall,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';

import { argumentsText, arrangeParts, fitToolId, pairToolCalls } from '../messages.ts';
import type { ProviderQuirks } from '../presets.ts';
import type { ContentPart, JsonValue, ModelMessage, ModelRequest, ToolSchema } from '../types.ts';

/** Fields of compatible services that the SDK's types do not know. */
interface CompatibleFields {
  reasoning?: { effort: string };
  thinking?: { type: 'enabled' | 'disabled' };
}

type CompatibleAssistant = ChatCompletionAssistantMessageParam & {
  reasoning_content?: string;
  reasoning_details?: JsonValue;
};

type CachedText = ChatCompletionContentPartText & { cache_control?: { type: 'ephemeral' } };

export function buildChatRequest(
  request: ModelRequest,
  provider: string,
  quirks: ProviderQuirks,
): ChatCompletionCreateParamsStreaming & CompatibleFields {
  const caching = quirks.claudeCache && request.model.startsWith('anthropic/');
  const messages: ChatCompletionMessageParam[] = systemMessages(request, caching);
  const paired = pairToolCalls(request.messages);
  const target = { provider, model: request.model };
  let previous: ModelMessage | undefined;
  for (const message of paired) {
    if (quirks.fillerAfterTool && message.role === 'user' && previous?.role === 'tool') {
      messages.push({ role: 'assistant', content: 'Understood.' });
    }
    messages.push(toChatMessage(message, target, quirks));
    previous = message;
  }
  if (caching) markLastUser(messages);
  return {
    ...quirks.extraBody,
    model: request.model,
    messages,
    stream: true,
    [quirks.maxTokensField]: request.maxOutputTokens,
    ...(quirks.streamUsage ? { stream_options: { include_usage: true } } : {}),
    // An empty list is refused by OpenAI.
    ...(request.tools.length > 0 ? { tools: request.tools.map(toChatTool) } : {}),
    ...(quirks.promptCacheKey ? { prompt_cache_key: request.cacheKey } : {}),
    ...reasoningFields(request.reasoningEffort, quirks),
  };
}

/** The body as JSON. Messages of text alone, and tools, were written before. */
export function writeChatRequest({ messages, tools, ...rest }: ChatCompletionCreateParamsStreaming): Buffer {
  const write = (values: readonly object[]) =>
    `[${values.map((value) => written.get(value) ?? toJson(value)).join(',')}]`;
  const offered = tools ? `,"tools":${write(tools)}` : '';
  return Buffer.from(`{"messages":${write(messages)}${offered},${toJson(rest).slice(1)}`, 'latin1');
}

/** In ASCII alone: one character beyond would make the whole request a string of double width, and its bytes far dearer. */
function toJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** JSON of what stays the same from one request to the next. */
const written = new WeakMap<object, string>();

function systemMessages(request: ModelRequest, caching: boolean): ChatCompletionMessageParam[] {
  const parts = request.system.filter((part) => part.text !== '');
  if (parts.length === 0) return [];
  if (!caching) return [{ role: 'system', content: parts.map((part) => part.text).join('\n\n') }];
  const content: CachedText[] = parts.map((part) => ({
    type: 'text',
    text: part.text,
    ...(part.cache ? { cache_control: { type: 'ephemeral' } } : {}),
  }));
  return [{ role: 'system', content }];
}

/** A breakpoint at the newest user text, so that the next call reads the conversation up to here from the cache. */
function markLastUser(messages: ChatCompletionMessageParam[]): void {
  const index = messages.findLastIndex((message) => message.role === 'user');
  const last = messages[index];
  if (last?.role !== 'user' || typeof last.content !== 'string') return;
  const part: CachedText = { type: 'text', text: last.content, cache_control: { type: 'ephemeral' } };
  messages[index] = { ...last, content: [part] };
}

const chatTools = new WeakMap<ToolSchema, ChatCompletionFunctionTool>();

function toChatTool(tool: ToolSchema): ChatCompletionFunctionTool {
  let made = chatTools.get(tool);
  if (!made) {
    const { name, description, parameters } = tool;
    made = { type: 'function', function: { name, description, parameters } };
    chatTools.set(tool, made);
    written.set(made, toJson(made));
  }
  return made;
}

function reasoningFields(
  effort: ModelRequest['reasoningEffort'],
  quirks: ProviderQuirks,
): CompatibleFields & Pick<ChatCompletionCreateParamsStreaming, 'reasoning_effort'> {
  if (effort === undefined) return {};
  switch (quirks.reasoning) {
    case 'reasoning_effort':
      return { reasoning_effort: effort };
    case 'reasoning_object':
      return { reasoning: { effort } };
    case 'thinking_type':
      return { thinking: { type: effort === 'none' ? 'disabled' : 'enabled' } };
    case 'ignore':
      return {};
  }
}

function toChatMessage(
  message: ModelMessage,
  target: { provider: string; model: string },
  quirks: ProviderQuirks,
): ChatCompletionMessageParam {
  const plain = plainMessage(message);
  if (plain) return plain;
  if (message.role === 'user') return { role: 'user', content: toUserContent(message.content, quirks.images) };
  if (message.role === 'tool') {
    return { role: 'tool', tool_call_id: fitToolId(message.callId, quirks.toolIds), content: message.text };
  }
  return toAssistant(message, target, quirks);
}

/** Messages of text alone are the same for every service, and a history has the same ones in each request: they are made once. */
const plainMessages = new WeakMap<ModelMessage, ChatCompletionMessageParam>();

function plainMessage(message: ModelMessage): ChatCompletionMessageParam | undefined {
  const known = plainMessages.get(message);
  if (known) return known;
  const content = plainContent(message);
  if (content === undefined) return undefined;
  const made: ChatCompletionMessageParam =
    message.role === 'user' ? { role: 'user', content } : { role: 'assistant', content };
  plainMessages.set(message, made);
  written.set(made, toJson(made));
  return made;
}

function plainContent(message: ModelMessage): string | undefined {
  if (message.role === 'user') {
    const [part, ...others] = message.content;
    return part?.type === 'text' && others.length === 0 ? part.text : undefined;
  }
  const isPlain =
    message.role === 'assistant' &&
    message.text !== '' &&
    message.toolCalls.length === 0 &&
    (message.reasoning ?? []).length === 0;
  return isPlain ? message.text : undefined;
}

/** One string when there is nothing but text: some servers' templates cannot read lists. */
function toUserContent(parts: readonly ContentPart[], images: boolean): string | ChatCompletionContentPart[] {
  const content: ChatCompletionContentPart[] = parts.map((part) => {
    if (part.type === 'text') return { type: 'text', text: part.text };
    if (!images) return { type: 'text', text: '[An image was sent; this model cannot see images.]' };
    return { type: 'image_url', image_url: { url: `data:${part.mime};base64,${part.base64}` } };
  });
  const texts = content.map((part) => (part.type === 'text' ? part.text : undefined));
  const onlyText = texts.filter((text) => text !== undefined);
  return onlyText.length === content.length ? onlyText.join('\n\n') : content;
}

function toAssistant(
  message: Extract<ModelMessage, { role: 'assistant' }>,
  target: { provider: string; model: string },
  quirks: ProviderQuirks,
): CompatibleAssistant {
  const opaque = arrangeParts(message, target).flatMap((part) =>
    part.kind === 'opaque' ? [readOpaque(part.value)] : [],
  );
  const reasoning = opaque.find((value) => value.reasoning !== undefined)?.reasoning;
  const callExtras = opaque.find((value) => value.callExtras !== undefined)?.callExtras ?? {};
  const toolCalls = message.toolCalls.map((call): ChatCompletionMessageFunctionToolCall => {
    const extra = callExtras[call.id];
    return {
      id: fitToolId(call.id, quirks.toolIds),
      type: 'function',
      function: { name: call.name, arguments: argumentsText(call) },
      ...(extra === undefined ? {} : { extra_content: extra }),
    };
  });
  return {
    role: 'assistant',
    content: message.text === '' ? null : message.text,
    ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
    ...replayFields(reasoning, quirks),
  };
}

function replayFields(
  reasoning: JsonValue | undefined,
  quirks: ProviderQuirks,
): Pick<CompatibleAssistant, 'reasoning_content' | 'reasoning_details'> {
  if (reasoning === undefined) return {};
  if (quirks.replayReasoning === 'reasoning_content' && typeof reasoning === 'string') {
    return { reasoning_content: reasoning };
  }
  if (quirks.replayReasoning === 'reasoning_details' && Array.isArray(reasoning))
    return { reasoning_details: reasoning };
  return {};
}

/** What the stream reader keeps of a reply for sending it back. */
export interface ChatOpaque {
  /** Text of reasoning_content, or the list of reasoning_details. */
  reasoning?: JsonValue;
  /** By call id; Gemini's thought signatures travel in `extra_content` of a call and must come back. */
  callExtras?: { [callId: string]: JsonValue };
}

function readOpaque(value: JsonValue): ChatOpaque {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const extras = value['callExtras'];
  return {
    ...(value['reasoning'] === undefined ? {} : { reasoning: value['reasoning'] }),
    ...(typeof extras === 'object' && extras !== null && !Array.isArray(extras) ? { callExtras: extras } : {}),
  };
}
