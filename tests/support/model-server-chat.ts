// The chat completions dialect of the scripted model server.
import {
  argumentsOf,
  asList,
  asRecord,
  asText,
  cutText,
  isStateText,
  usageOf,
  type BuiltAnswer,
  type CallSeen,
  type ScriptedReply,
  type ToolResultSeen,
} from './model-server-script.ts';

type DialectFields = Pick<CallSeen, 'system' | 'user' | 'toolResults' | 'tools'>;

export function readChatCall(body: Record<string, unknown>): DialectFields {
  const messages = asList(body['messages']).map(asRecord);
  const textOf = (content: unknown) =>
    typeof content === 'string'
      ? content
      : asList(content)
          .map((part) => asText(asRecord(part)['text']))
          .join('');
  const lastAssistant = messages.findLastIndex((message) => message['role'] === 'assistant');
  const toolResults = messages.slice(lastAssistant + 1).flatMap((message): ToolResultSeen[] => {
    return message['role'] === 'tool'
      ? [{ id: asText(message['tool_call_id']), text: textOf(message['content']) }]
      : [];
  });
  return {
    system: messages
      .filter((message) => message['role'] === 'system')
      .map((message) => textOf(message['content']))
      .join('\n'),
    user: textOf(
      messages.findLast((message) => message['role'] === 'user' && !isStateText(textOf(message['content'])))?.[
        'content'
      ],
    ),
    toolResults,
    tools: asList(body['tools']).map((tool) => asText(asRecord(asRecord(tool)['function'])['name'])),
  };
}

export function buildChatAnswer(call: CallSeen, reply: ScriptedReply): BuiltAnswer {
  const calls = (reply.toolCalls ?? []).map((entry, index) => ({
    id: entry.id ?? `call_${call.index}_${index}`,
    type: 'function',
    function: { name: entry.name, arguments: argumentsOf(entry, reply.fault) },
  }));
  const finish = finishReason(reply, calls.length > 0);
  const base = { id: `chatcmpl-${call.index}`, created: 1_795_000_000, model: call.model };
  const message = {
    role: 'assistant',
    content: reply.text === undefined || reply.text === '' ? null : reply.text,
    refusal: null,
    ...(reply.thinking ? { reasoning_content: reply.thinking } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  const body = {
    ...base,
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: finish, logprobs: null }],
    usage: chatUsage(reply),
  };
  const wantsUsage = asRecord(call.body['stream_options'])['include_usage'] === true;
  const deltas = chatDeltas(reply, calls);
  const chunk = (choices: unknown[], usage: unknown) => ({
    ...base,
    object: 'chat.completion.chunk',
    choices,
    ...(wantsUsage ? { usage } : {}),
  });
  const events = [
    ...deltas.map((delta) => chunk([{ index: 0, delta, finish_reason: null, logprobs: null }], null)),
    chunk([{ index: 0, delta: {}, finish_reason: finish, logprobs: null }], null),
    ...(wantsUsage ? [chunk([], chatUsage(reply))] : []),
  ];
  const frames = [...events.map((event) => `data: ${JSON.stringify(event)}\n\n`), 'data: [DONE]\n\n'];
  return { frames, finalFrom: deltas.length, events, body };
}

function finishReason(reply: ScriptedReply, hasCalls: boolean): string {
  if (reply.stop === 'max_tokens') return 'length';
  if (reply.stop === 'refusal') return 'content_filter';
  return hasCalls ? 'tool_calls' : 'stop';
}

interface ChatCall {
  id: string;
  type: string;
  function: { name: string; arguments: string };
}

/** Arguments of parallel calls come in turns, as the real API may send them. */
function chatDeltas(reply: ScriptedReply, calls: readonly ChatCall[]): unknown[] {
  const pieces = calls.map((call) => cutText(call.function.arguments, 7));
  const rounds = Math.max(0, ...pieces.map((list) => list.length));
  const argumentDeltas = Array.from({ length: rounds }, (_, round) =>
    pieces.flatMap((list, index) => {
      const piece = list[round];
      return piece === undefined ? [] : [{ tool_calls: [{ index, function: { arguments: piece } }] }];
    }),
  ).flat();
  return [
    { role: 'assistant', content: '' },
    ...cutText(reply.thinking ?? '', reply.chunkChars).map((piece) => ({ reasoning_content: piece })),
    ...cutText(reply.text ?? '', reply.chunkChars).map((piece) => ({ content: piece })),
    ...calls.map((call, index) => ({
      tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.function.name, arguments: '' } }],
    })),
    ...argumentDeltas,
  ];
}

function chatUsage(reply: ScriptedReply): unknown {
  const usage = usageOf(reply);
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  };
}
