// Chunks as compatible services really send them.
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { describe, expect, it } from 'vitest';

import { makeChatCollector } from '../../../../agent/providers/openai/chat-stream.ts';

/** Services send what the SDK's types do not know, so a chunk is whatever JSON came. */
function isChunk(value: unknown): value is ChatCompletionChunk {
  return typeof value === 'object' && value !== null;
}

function parseChunk(json: string): ChatCompletionChunk {
  const value: unknown = JSON.parse(json);
  if (!isChunk(value)) throw new Error('no chunk');
  return value;
}

function chunk(fields: object): ChatCompletionChunk {
  const base = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [] };
  return parseChunk(JSON.stringify({ ...base, ...fields }));
}

const delta = (fields: object) => chunk({ choices: [{ index: 0, delta: fields, finish_reason: null }] });
const finish = (reason: string) => chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });

function gather(...chunks: ChatCompletionChunk[]) {
  const collector = makeChatCollector('asked');
  const shown = chunks.map((one) => collector.push(one));
  return {
    ...collector.result((index) => `made_${index}`),
    finished: collector.finished,
    shownText: shown.map((one) => one.text).join(''),
    shownThinking: shown.map((one) => one.thinking).join(''),
  };
}

const calls = (...chunks: ChatCompletionChunk[]) => gather(...chunks, finish('tool_calls')).toolCalls;

describe('collecting chat completion chunks', () => {
  it('keeps parallel calls apart that all carry index 0', () => {
    const one = { index: 0, id: 'a', function: { name: 'clock', arguments: '{}' } };
    const two = { index: 0, id: 'b', function: { name: 'note', arguments: '{"text":"x"}' } };
    expect(calls(delta({ tool_calls: [one] }), delta({ tool_calls: [two] }))).toEqual([
      { id: 'a', name: 'clock', arguments: '{}' },
      { id: 'b', name: 'note', arguments: '{"text":"x"}' },
    ]);
  });

  it('copes with missing indexes and ids, repeated names and ids, and arguments as an object', () => {
    expect(
      calls(
        delta({ tool_calls: [{ id: 'a', function: { name: 'clock', arguments: '{"z' } }] }),
        delta({ tool_calls: [{ function: { arguments: '":1}' } }] }),
        delta({ tool_calls: [{ index: 5, function: { name: 'note', arguments: { text: 'x' } } }] }),
      ),
    ).toEqual([
      { id: 'a', name: 'clock', arguments: '{"z":1}' },
      { id: 'made_1', name: 'note', arguments: '{"text":"x"}' },
    ]);
    const repeated = (piece: string) =>
      delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'note', arguments: piece } }] });
    expect(calls(repeated('{"text"'), repeated(':"x"}'))).toEqual([
      { id: 'a', name: 'note', arguments: '{"text":"x"}' },
    ]);
  });

  it('drops a call that never got a name', () => {
    expect(calls(delta({ tool_calls: [{ index: 0, id: 'a', function: { arguments: '{}' } }] }))).toEqual([]);
  });

  it.each([
    [{ reasoning_content: 'hm' }],
    [{ reasoning: 'hm' }],
    [{ reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm', index: 0 }] }],
    [{ reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }],
    [{ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }],
  ])('finds thinking in %j', (fields) => {
    const got = gather(delta(fields), delta({ content: 'Yes.' }), finish('stop'));
    expect(got).toMatchObject({ thinking: 'hm', text: 'Yes.', shownThinking: 'hm', shownText: 'Yes.' });
  });

  it('joins the pieces of reasoning details', () => {
    const piece = (fields: object) => delta({ reasoning_details: [{ type: 'reasoning.text', index: 0, ...fields }] });
    const got = gather(piece({ text: 'a', signature: null }), piece({ text: 'b', signature: 'sig' }), finish('stop'));
    expect(got.opaque.reasoning).toEqual([{ type: 'reasoning.text', index: 0, text: 'ab', signature: 'sig' }]);
    const two = gather(
      piece({ text: 'a' }),
      delta({ reasoning_details: [{ type: 'reasoning.encrypted', index: 1, data: 'x' }] }),
    );
    expect(two.opaque.reasoning).toHaveLength(2);
  });

  it('keeps what is attached to a call', () => {
    const extra = { google: { thought_signature: 'sig' } };
    const got = gather(
      delta({
        tool_calls: [{ index: 0, id: 'a', function: { name: 'clock', arguments: '{}' }, extra_content: extra }],
      }),
    );
    expect(got.opaque.callExtras).toEqual({ a: extra });
  });

  it.each([
    ['stop', 'end'],
    ['length', 'max_tokens'],
    ['model_length', 'max_tokens'],
    ['content_filter', 'refusal'],
    ['eos', 'end'],
  ])('finish_reason %s is %s', (reason, stop) => {
    expect(gather(delta({ content: 'x' }), finish(reason)).stop).toBe(stop);
  });

  it('takes a call for the reason to stop, whatever the service says', () => {
    const call = delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'clock', arguments: '{}' } }] });
    expect(gather(call, finish('stop')).stop).toBe('tool_calls');
    expect(gather(call, finish('length')).stop).toBe('max_tokens');
  });

  it('shows a refusal as text', () => {
    expect(gather(delta({ refusal: 'I cannot.' }), finish('stop'))).toMatchObject({
      text: 'I cannot.',
      stop: 'refusal',
    });
  });

  it('counts tokens, also from services that send counts with every chunk or none', () => {
    const usage = (prompt: number, cached?: number) => ({
      prompt_tokens: prompt,
      completion_tokens: 2,
      total_tokens: prompt + 2,
      ...(cached === undefined ? {} : { prompt_tokens_details: { cached_tokens: cached } }),
    });
    expect(gather(chunk({ usage: usage(5) }), chunk({ usage: usage(9, 4) })).usage).toMatchObject({
      input: 5,
      cacheRead: 4,
    });
    expect(gather(finish('stop')).usage).toBeUndefined();
    expect(gather(chunk({ usage: usage(5, 9) })).usage).toMatchObject({ input: 0 });
  });

  it('survives chunks without choices, delta or model', () => {
    const bare = parseChunk('{"id":"x"}');
    const got = gather(bare, chunk({ choices: [{ index: 0 }] }), delta({ content: null }), finish('stop'));
    expect(got).toMatchObject({ text: '', model: 'm', finished: true });
    expect(makeChatCollector('asked').finished).toBe(false);
  });
});
