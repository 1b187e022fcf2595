// The OpenAI Responses dialect of the scripted model server.
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

export function readResponsesCall(body: Record<string, unknown>): DialectFields {
  const input = body['input'];
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : asList(input).map(asRecord);
  const textOf = (content: unknown) =>
    typeof content === 'string'
      ? content
      : asList(content)
          .map((part) => asText(asRecord(part)['text']))
          .join('');
  const isModels = (item: Record<string, unknown>) => item['role'] === 'assistant' || item['type'] === 'function_call';
  const lastOfModel = items.findLastIndex(isModels);
  const toolResults = items.slice(lastOfModel + 1).flatMap((item): ToolResultSeen[] => {
    return item['type'] === 'function_call_output'
      ? [{ id: asText(item['call_id']), text: asText(item['output']) }]
      : [];
  });
  return {
    system: asText(body['instructions']),
    user: textOf(
      items.findLast((item) => item['role'] === 'user' && !isStateText(textOf(item['content'])))?.['content'],
    ),
    toolResults,
    tools: asList(body['tools']).map((tool) => asText(asRecord(tool)['name'])),
  };
}

type Item = Record<string, unknown> & { type: string; id: string };

export function buildResponsesAnswer(call: CallSeen, reply: ScriptedReply): BuiltAnswer {
  const output = outputItems(call, reply);
  const status = reply.stop === undefined ? 'completed' : 'incomplete';
  const final = responseObject(call, { status, output, reply });
  const events: Record<string, unknown>[] = [];
  const push = (event: Record<string, unknown>) => {
    events.push({ ...event, sequence_number: events.length });
  };
  const started = responseObject(call, { status: 'in_progress', output: [], reply });
  push({ type: 'response.created', response: started });
  push({ type: 'response.in_progress', response: started });
  for (const [index, item] of output.entries()) for (const event of itemEvents(item, index, reply)) push(event);
  push({ type: `response.${status}`, response: final });
  const frames = events.map((event) => `event: ${asText(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`);
  return { frames, finalFrom: frames.length - 1, events, body: final };
}

function outputItems(call: CallSeen, reply: ScriptedReply): Item[] {
  const items: Item[] = [];
  if (reply.thinking) {
    items.push({
      type: 'reasoning',
      id: `rs_${call.index}`,
      summary: [{ type: 'summary_text', text: reply.thinking }],
      encrypted_content: `sealed-${call.index}`,
      status: 'completed',
    });
  }
  if (reply.text) {
    const content = [{ type: 'output_text', text: reply.text, annotations: [], logprobs: [] }];
    items.push({ type: 'message', id: `msg_${call.index}`, role: 'assistant', status: 'completed', content });
  }
  for (const [index, entry] of (reply.toolCalls ?? []).entries()) {
    items.push({
      type: 'function_call',
      id: `fc_${call.index}_${index}`,
      call_id: entry.id ?? `call_${call.index}_${index}`,
      name: entry.name,
      arguments: argumentsOf(entry, reply.fault),
      status: 'completed',
    });
  }
  return items;
}

function itemEvents(item: Item, index: number, reply: ScriptedReply): Record<string, unknown>[] {
  const at = { item_id: item.id, output_index: index };
  const done = { type: 'response.output_item.done', output_index: index, item };
  if (item.type === 'reasoning') {
    const text = reply.thinking ?? '';
    const part = { ...at, summary_index: 0 };
    return [
      {
        type: 'response.output_item.added',
        output_index: index,
        item: { ...item, summary: [], status: 'in_progress' },
      },
      { type: 'response.reasoning_summary_part.added', ...part, part: { type: 'summary_text', text: '' } },
      ...cutText(text, reply.chunkChars).map((delta) => ({
        type: 'response.reasoning_summary_text.delta',
        ...part,
        delta,
      })),
      { type: 'response.reasoning_summary_text.done', ...part, text },
      done,
    ];
  }
  if (item.type === 'message') {
    const text = reply.text ?? '';
    const part = { ...at, content_index: 0 };
    const empty = { type: 'output_text', text: '', annotations: [], logprobs: [] };
    return [
      {
        type: 'response.output_item.added',
        output_index: index,
        item: { ...item, content: [], status: 'in_progress' },
      },
      { type: 'response.content_part.added', ...part, part: empty },
      ...cutText(text, reply.chunkChars).map((delta) => ({
        type: 'response.output_text.delta',
        ...part,
        delta,
        logprobs: [],
      })),
      { type: 'response.output_text.done', ...part, text, logprobs: [] },
      { type: 'response.content_part.done', ...part, part: { ...empty, text } },
      done,
    ];
  }
  const args = asText(item['arguments']);
  return [
    {
      type: 'response.output_item.added',
      output_index: index,
      item: { ...item, arguments: '', status: 'in_progress' },
    },
    ...cutText(args, 7).map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
    { type: 'response.function_call_arguments.done', ...at, name: item['name'], arguments: args },
    done,
  ];
}

function responseObject(
  call: CallSeen,
  state: { status: string; output: readonly unknown[]; reply: ScriptedReply },
): Record<string, unknown> {
  const usage = usageOf(state.reply);
  const ended = state.status !== 'in_progress';
  const reason = state.reply.stop === 'refusal' ? 'content_filter' : 'max_output_tokens';
  return {
    id: `resp_${call.index}`,
    object: 'response',
    created_at: 1_795_000_000,
    status: state.status,
    error: null,
    incomplete_details: ended && state.status === 'incomplete' ? { reason } : null,
    instructions: null,
    model: call.model,
    output: state.output,
    parallel_tool_calls: true,
    metadata: {},
    tool_choice: 'auto',
    tools: [],
    temperature: 1,
    top_p: 1,
    ...(ended
      ? {
          usage: {
            input_tokens: usage.input,
            input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
            output_tokens: usage.output,
            output_tokens_details: { reasoning_tokens: usage.reasoning },
            total_tokens: usage.input + usage.output,
          },
        }
      : {}),
  };
}
