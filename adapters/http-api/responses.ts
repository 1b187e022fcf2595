// POST /v1/responses: https://platform.openai.com/docs/api-reference/responses (read 2026-11-21).
import { randomBytes } from 'node:crypto';
import { asAppError } from '../../shared/errors.ts';
import { json, problemOf } from './answers.ts';
import type { Asking } from './exchange.ts';
import { MODEL } from './models.ts';
import { eventStream, Growing, type EventWriter } from './sse.ts';

interface Head {
  id: string;
  item: string;
  now: number;
  instructions: string | null;
  previous: string | null;
}

export interface ResponseRequest {
  stream: boolean;
  instructions: string | null;
  previous: string | null;
  /** Makes `previous_response_id` of a later request find the conversation. */
  remember(response: string): Promise<void>;
}

export async function respond(asking: Asking, request: ResponseRequest, now: number): Promise<Response> {
  const random = () => randomBytes(18).toString('base64url');
  const { instructions, previous } = request;
  const head: Head = { id: `resp_${random()}`, item: `msg_${random()}`, now, instructions, previous };
  await request.remember(head.id);
  if (!request.stream) {
    const text = await asking.ask({ draft: () => undefined, signal: asking.signal });
    return json(200, responseOf(head, 'completed', [itemOf(head, 'completed', text)]));
  }
  return eventStream((writer) => stream(asking, head, writer));
}

async function stream(asking: Asking, head: Head, writer: EventWriter): Promise<void> {
  let sequence = 0;
  const emit = (type: string, data: object) => writer.event({ type, sequence_number: sequence++, ...data }, type);
  const at = { item_id: head.item, output_index: 0, content_index: 0 };
  const started = responseOf(head, 'in_progress', []);
  emit('response.created', { response: started });
  emit('response.in_progress', { response: started });
  emit('response.output_item.added', { output_index: 0, item: { ...itemOf(head, 'in_progress', ''), content: [] } });
  emit('response.content_part.added', { ...at, part: partOf('') });
  const text = new Growing();
  const say = (delta: string) => delta !== '' && emit('response.output_text.delta', { ...at, delta, logprobs: [] });
  try {
    const whole = await asking.ask({ draft: (draft) => say(text.next(draft)), signal: writer.signal });
    say(text.end(whole));
    const item = itemOf(head, 'completed', whole);
    emit('response.output_text.done', { ...at, text: whole, logprobs: [] });
    emit('response.content_part.done', { ...at, part: partOf(whole) });
    emit('response.output_item.done', { output_index: 0, item });
    emit('response.completed', { response: responseOf(head, 'completed', [item]) });
  } catch (error) {
    const { message } = problemOf(asAppError(error));
    const failed = { ...responseOf(head, 'failed', []), error: { code: 'server_error', message } };
    emit('response.failed', { response: failed });
  }
}

function partOf(text: string) {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

function itemOf(head: Head, status: 'in_progress' | 'completed', text: string) {
  return { type: 'message', id: head.item, status, role: 'assistant', content: [partOf(text)] };
}

function responseOf(head: Head, status: 'in_progress' | 'completed' | 'failed', output: readonly object[]) {
  return {
    id: head.id,
    object: 'response',
    created_at: Math.floor(head.now / 1000),
    status,
    error: null,
    incomplete_details: null,
    instructions: head.instructions,
    metadata: {},
    model: MODEL,
    output,
    parallel_tool_calls: true,
    previous_response_id: head.previous,
    temperature: null,
    tool_choice: 'auto',
    tools: [],
    top_p: null,
  };
}
