// The Anthropic Messages dialect of the scripted model server. Events as in
// https://platform.claude.com/docs/en/build-with-claude/streaming and the types of @anthropic-ai/sdk 1.12.
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

export function readAnthropicCall(body: Record<string, unknown>): DialectFields {
  const messages = asList(body['messages']).map(asRecord);
  const blocksOf = (message: Record<string, unknown>) =>
    typeof message['content'] === 'string'
      ? [{ type: 'text', text: message['content'] }]
      : asList(message['content']).map(asRecord);
  const textOf = (blocks: readonly Record<string, unknown>[]) => blocks.map((block) => asText(block['text'])).join('');
  const saidIn = (message: Record<string, unknown>) =>
    textOf(blocksOf(message).filter((block) => !isStateText(asText(block['text']))));
  const lastAssistant = messages.findLastIndex((message) => message['role'] === 'assistant');
  const toolResults = messages.slice(lastAssistant + 1).flatMap((message) =>
    blocksOf(message).flatMap((block): ToolResultSeen[] => {
      if (block['type'] !== 'tool_result') return [];
      const content = block['content'];
      const text = typeof content === 'string' ? content : textOf(asList(content).map(asRecord));
      return [{ id: asText(block['tool_use_id']), text }];
    }),
  );
  const system = body['system'];
  const asked = messages.filter((message) => message['role'] === 'user' && saidIn(message) !== '').at(-1);
  return {
    system:
      typeof system === 'string'
        ? system
        : asList(system)
            .map((part) => asText(asRecord(part)['text']))
            .join('\n'),
    user: asked === undefined ? '' : saidIn(asked),
    toolResults,
    tools: asList(body['tools']).map((tool) => asText(asRecord(tool)['name'])),
  };
}

interface BuiltBlock {
  /** As in an answer that is no stream. */
  whole: Record<string, unknown>;
  start: Record<string, unknown>;
  deltas: readonly Record<string, unknown>[];
}

export function buildAnthropicAnswer(call: CallSeen, reply: ScriptedReply): BuiltAnswer {
  const blocks = buildBlocks(call, reply);
  const usage = anthropicUsage(reply);
  const stop = stopReason(reply);
  const message = {
    id: `msg_${call.index}`,
    type: 'message',
    role: 'assistant',
    model: call.model,
    stop_sequence: null,
  };
  const events: Record<string, unknown>[] = [
    {
      type: 'message_start',
      message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
    },
    { type: 'ping' },
  ];
  for (const [index, block] of blocks.entries()) {
    events.push({ type: 'content_block_start', index, content_block: block.start });
    for (const delta of block.deltas) events.push({ type: 'content_block_delta', index, delta });
    events.push({ type: 'content_block_stop', index });
  }
  const finalFrom = events.length;
  events.push(
    {
      type: 'message_delta',
      delta: { stop_reason: stop, stop_sequence: null },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: 'message_stop' },
  );
  const frames = events.map((event) => `event: ${asText(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`);
  const body = { ...message, content: blocks.map((block) => block.whole), stop_reason: stop, usage };
  return { frames, finalFrom, events, body };
}

function buildBlocks(call: CallSeen, reply: ScriptedReply): BuiltBlock[] {
  const blocks: BuiltBlock[] = [];
  if (reply.thinking) {
    const signature = `signed-${call.index}`;
    blocks.push({
      whole: { type: 'thinking', thinking: reply.thinking, signature },
      start: { type: 'thinking', thinking: '', signature: '' },
      deltas: [
        ...cutText(reply.thinking, reply.chunkChars).map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature },
      ],
    });
  }
  if (reply.text) {
    blocks.push({
      whole: { type: 'text', text: reply.text, citations: null },
      start: { type: 'text', text: '', citations: null },
      deltas: cutText(reply.text, reply.chunkChars).map((text) => ({ type: 'text_delta', text })),
    });
  }
  for (const [index, entry] of (reply.toolCalls ?? []).entries()) {
    const use = { type: 'tool_use', id: entry.id ?? `toolu_${call.index}_${index}`, name: entry.name };
    const json = argumentsOf(entry, reply.fault);
    blocks.push({
      whole: { ...use, input: typeof entry.arguments === 'string' ? {} : entry.arguments },
      start: { ...use, input: {} },
      deltas: ['', ...cutText(json, 7)].map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
    });
  }
  return blocks;
}

function stopReason(reply: ScriptedReply): string {
  if (reply.stop !== undefined) return reply.stop;
  return (reply.toolCalls ?? []).length > 0 ? 'tool_use' : 'end_turn';
}

function anthropicUsage(reply: ScriptedReply) {
  const usage = usageOf(reply);
  return {
    input_tokens: usage.input - usage.cacheRead - usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation_input_tokens: usage.cacheWrite,
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.reasoning },
  };
}
