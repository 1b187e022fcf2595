// POST /v1/chat/completions: https://platform.openai.com/docs/api-reference/chat (read 2026-11-21).
import { randomBytes } from 'node:crypto';
import { asAppError } from '../../shared/errors.ts';
import { json, problemOf } from './answers.ts';
import { MODEL } from './models.ts';
import { eventStream, Growing } from './sse.ts';
import type { Asking } from './exchange.ts';

export async function completeChat(asking: Asking, stream: boolean, now: number): Promise<Response> {
  const head = {
    id: `chatcmpl-${randomBytes(12).toString('base64url')}`,
    created: Math.floor(now / 1000),
    model: MODEL,
  };
  if (!stream) {
    const content = await asking.ask({ draft: () => undefined, signal: asking.signal });
    const message = { role: 'assistant', content, refusal: null };
    const choices = [{ index: 0, message, finish_reason: 'stop', logprobs: null }];
    return json(200, { ...head, object: 'chat.completion', choices });
  }
  return eventStream(async (writer) => {
    const chunk = (delta: object, finish: 'stop' | null) =>
      writer.event({
        ...head,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      });
    const text = new Growing();
    const say = (content: string) => content !== '' && chunk({ content }, null);
    chunk({ role: 'assistant', content: '' }, null);
    try {
      const whole = await asking.ask({ draft: (draft) => say(text.next(draft)), signal: writer.signal });
      say(text.end(whole));
      chunk({}, 'stop');
    } catch (error) {
      const { type, code, message } = problemOf(asAppError(error));
      writer.event({ error: { message, type, param: null, code } });
    }
    writer.line('[DONE]');
  });
}
