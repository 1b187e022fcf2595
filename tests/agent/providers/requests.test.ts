// The bodies that the providers send: where the APIs differ from each other.
import { describe, expect, it } from 'vitest';

import { buildAnthropicRequest } from '../../../agent/providers/anthropic/request.ts';
import { makeKeyPool } from '../../../agent/providers/keys.ts';
import { packReasoning } from '../../../agent/providers/messages.ts';
import { buildChatRequest, writeChatRequest } from '../../../agent/providers/openai/chat-request.ts';
import { buildResponsesRequest } from '../../../agent/providers/openai/responses.ts';
import { DEFAULT_QUIRKS, findPreset, type ProviderQuirks } from '../../../agent/providers/presets.ts';
import type { JsonValue, ModelMessage, ToolCall } from '../../../agent/providers/types.ts';
import { makeRequest } from '../../contracts/provider-contract.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const user = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const call = (id: string, args: { [key: string]: JsonValue } = {}): ToolCall => ({
  id,
  name: 'clock',
  arguments: args,
  rawArguments: JSON.stringify(args),
});
const result = (callId: string, text = 'noon'): ModelMessage => ({
  role: 'tool',
  callId,
  name: 'clock',
  text,
  isError: false,
});

const quirksOf = (id: string): ProviderQuirks => findPreset(id)?.quirks ?? DEFAULT_QUIRKS;

describe('anthropic requests', () => {
  const build = (overrides: Parameters<typeof makeRequest>[0]) =>
    buildAnthropicRequest(makeRequest(overrides), 'anthropic');
  const marks = (value: unknown) => JSON.stringify(value).split('"cache_control"').length - 1;

  it('puts at most four breakpoints: the last two cached system parts and the last two user turns', () => {
    const system = ['a', 'b', 'c', 'd'].map((text, index) => ({ text, cache: index !== 1 }));
    const messages = [user('1'), assistant('2'), user('3'), assistant('4'), user('5')];
    const body = build({ system, messages });
    expect(marks(body)).toBe(4);
    expect(Array.isArray(body.system) && body.system.map((block) => block.cache_control !== undefined)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(body.messages.map((message) => marks(message))).toEqual([0, 0, 1, 0, 1]);
    expect(marks(body.tools)).toBe(0);
  });

  it('marks a tool result at the end of the conversation', () => {
    const body = build({ messages: [user('time?'), assistant('', [call('a')]), result('a')] });
    expect(body.messages.at(-1)).toMatchObject({
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'a', content: 'noon', cache_control: { type: 'ephemeral' } }],
    });
  });

  it('joins turns of one role, results first, and leaves out empty text', () => {
    const body = build({
      messages: [user('a'), user(' '), assistant('', [call('x'), call('y')]), result('x'), result('y', ''), user('b')],
    });
    expect(body.messages.map((message) => message.role)).toEqual(['user', 'assistant', 'user']);
    expect(body.messages[2]?.content).toMatchObject([
      { type: 'tool_result', tool_use_id: 'x' },
      { type: 'tool_result', tool_use_id: 'y', content: '(empty)' },
      { type: 'text', text: 'b' },
    ]);
  });

  it('rewrites ids of other services that the API would refuse, alike in call and result', () => {
    const body = build({
      messages: [user('a'), assistant('', [call('functions.clock:0')]), result('functions.clock:0')],
    });
    const ids = [...JSON.stringify(body.messages).matchAll(/"(?:id|tool_use_id)":"([^"]+)"/g)].map((match) => match[1]);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });

  it.each([
    ['claude-opus-5-5', undefined, { thinking: { type: 'adaptive', display: 'summarized' } }],
    [
      'claude-opus-5-5',
      'none',
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'low' } },
    ],
    [
      'claude-sonnet-5',
      'high',
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'high' } },
    ],
    ['claude-opus-4-6', undefined, {}],
    [
      'claude-opus-4-6',
      'low',
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'low' } },
    ],
    ['claude-haiku-4-5-20251001', 'medium', { thinking: { type: 'enabled', budget_tokens: 8_192 } }],
    ['claude-opus-4-20250514', 'low', { thinking: { type: 'enabled', budget_tokens: 2_048 } }],
    ['claude-haiku-4-5', 'none', {}],
    ['some-other-model', undefined, {}],
  ] as const)('thinking of %s at effort %s', (model, reasoningEffort, expected) => {
    const { thinking, output_config: outputConfig } = build({ model, reasoningEffort, maxOutputTokens: 20_000 });
    expect({ ...(thinking ? { thinking } : {}), ...(outputConfig ? { output_config: outputConfig } : {}) }).toEqual(
      expected,
    );
  });

  it('gives no thinking budget that the API would refuse', () => {
    const small = build({ model: 'claude-haiku-4-5', reasoningEffort: 'high', maxOutputTokens: 2_000 });
    expect(small.thinking).toBeUndefined();
    const bare = build({
      model: 'claude-haiku-4-5',
      reasoningEffort: 'high',
      maxOutputTokens: 20_000,
      messages: [user('a'), assistant('', [call('x')]), result('x')],
    });
    expect(bare.thinking).toBeUndefined();
  });

  it('sends thinking back in its place, and only to the model that thought it', () => {
    const first = { type: 'thinking', thinking: 'one', signature: 's1' };
    const second = { type: 'redacted_thinking', data: 'sealed' };
    const layout = [{ opaque: first }, { text: 6 }, { opaque: second }, { call: 'x' }];
    const reasoning = packReasoning('anthropic', 'test-model', layout);
    const messages = [user('a'), { ...assistant('Hello.', [call('x')]), reasoning }, result('x')];
    expect(build({ messages }).messages[1]?.content).toMatchObject([
      first,
      { type: 'text', text: 'Hello.' },
      second,
      { type: 'tool_use', id: 'x' },
    ]);
    const elsewhere = build({ messages, model: 'another-model' }).messages[1]?.content;
    expect(elsewhere).toMatchObject([{ type: 'text' }, { type: 'tool_use' }]);
    expect(JSON.stringify(elsewhere)).not.toContain('sealed');
  });

  it('keeps thinking in front when the message was changed since', () => {
    const layout = [{ text: 6 }, { opaque: { type: 'thinking', thinking: 't', signature: 's' } }, { call: 'gone' }];
    const reasoning = packReasoning('anthropic', 'test-model', layout);
    const body = build({ messages: [user('a'), { ...assistant('Shortened'), reasoning }, user('b')] });
    expect(body.messages[1]?.content).toMatchObject([{ type: 'thinking' }, { type: 'text', text: 'Shortened' }]);
  });

  it('says that an image cannot be sent when its type is none of the API’s', () => {
    const content = [{ type: 'image' as const, mime: 'image/tiff', base64: 'AAAA' }];
    expect(build({ messages: [{ role: 'user', content }] }).messages[0]?.content).toMatchObject([{ type: 'text' }]);
  });
});

describe('chat completions requests', () => {
  const build = (quirks: Partial<ProviderQuirks>, overrides: Parameters<typeof makeRequest>[0] = {}) =>
    buildChatRequest(makeRequest(overrides), 'p', { ...DEFAULT_QUIRKS, ...quirks });

  it('goes out as the same JSON in ASCII alone, whatever language is spoken', () => {
    const words = ['plain', 'Grüße', '你好', '🙂 and half of one: \ud83d', 'line\u2028end \u007f"\\'];
    const body = build({}, { messages: [...words.map(user), assistant('tschüß', [call('ä', { ort: 'Zürich' })])] });
    // Twice: the second time from what was written the first time.
    for (let times = 0; times < 2; times++) {
      const bytes = writeChatRequest(body);
      expect(bytes.every((byte) => byte < 0x80)).toBe(true);
      expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(JSON.stringify(body)));
    }
  });

  it('leaves out tools when there are none, and joins the system prompt', () => {
    const body = build(
      {},
      {
        tools: [],
        system: [
          { text: 'a', cache: true },
          { text: '', cache: false },
          { text: 'b', cache: false },
        ],
      },
    );
    expect(body.tools).toBeUndefined();
    expect(body.messages[0]).toEqual({ role: 'system', content: 'a\n\nb' });
    expect(build({}, { system: [] }).messages[0]).toEqual({ role: 'user', content: 'hello' });
  });

  it('writes limits, caching and effort as the service wants them', () => {
    expect(build({})).toMatchObject({ max_tokens: 1_000, stream_options: { include_usage: true } });
    expect(build({ maxTokensField: 'max_completion_tokens', promptCacheKey: true })).toMatchObject({
      max_completion_tokens: 1_000,
      prompt_cache_key: 'session-1',
    });
    expect(build(quirksOf('mistral'))).not.toHaveProperty('stream_options');
    expect(build(quirksOf('minimax'))).toMatchObject({ reasoning_split: true });
    expect(build({}, { reasoningEffort: 'low' })).toMatchObject({ reasoning_effort: 'low' });
    expect(build(quirksOf('openrouter'), { reasoningEffort: 'low' })).toMatchObject({ reasoning: { effort: 'low' } });
    expect(build(quirksOf('kimi'), { reasoningEffort: 'none' })).toMatchObject({ thinking: { type: 'disabled' } });
    expect(build(quirksOf('kimi'))).not.toHaveProperty('thinking');
  });

  it('rewrites ids for Mistral, and fills the gap between a result and a user message', () => {
    const messages = [user('a'), assistant('', [call('call_0123456789')]), result('call_0123456789'), user('b')];
    const body = build(quirksOf('mistral'), { messages, system: [] });
    expect(body.messages.map((message) => message.role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
    const ids = [...JSON.stringify(body.messages).matchAll(/"(?:id|tool_call_id)":"([^"]+)"/g)].map(
      (match) => match[1],
    );
    expect(ids[0]).toMatch(/^[a-zA-Z0-9]{9}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(build({}, { messages, system: [] }).messages.map((message) => message.role)).not.toContain('filler');
  });

  it('sends reasoning back where the service wants it, and nowhere else', () => {
    const asText = packReasoning('p', 'test-model', [{ opaque: { reasoning: 'because' } }]);
    const asDetails = packReasoning('p', 'test-model', [
      { opaque: { reasoning: [{ type: 'reasoning.text', text: 'because' }] } },
    ]);
    const sent = (quirks: Partial<ProviderQuirks>, reasoning: typeof asText) =>
      build(quirks, { messages: [user('a'), { ...assistant('b'), reasoning }, user('c')], system: [] }).messages[1];
    expect(sent({ replayReasoning: 'reasoning_content' }, asText)).toMatchObject({ reasoning_content: 'because' });
    expect(sent({ replayReasoning: 'reasoning_details' }, asDetails)).toMatchObject({
      reasoning_details: [{ text: 'because' }],
    });
    expect(sent({ replayReasoning: 'none' }, asText)).toEqual({ role: 'assistant', content: 'b' });
  });

  it('returns what a service attached to a call', () => {
    const extra = { google: { thought_signature: 'sig' } };
    const reasoning = packReasoning('p', 'test-model', [{ opaque: { callExtras: { x: extra } } }]);
    const messages = [user('a'), { ...assistant('', [call('x')]), reasoning }, result('x')];
    expect(build({}, { messages, system: [] }).messages[1]).toMatchObject({
      content: null,
      tool_calls: [{ id: 'x', extra_content: extra }],
    });
  });

  it('marks Claude’s cache at OpenRouter, and nobody else’s', () => {
    const claude = build(quirksOf('openrouter'), { model: 'anthropic/claude-opus-5.5' });
    expect(JSON.stringify(claude.messages).split('cache_control').length - 1).toBe(2);
    expect(JSON.stringify(build(quirksOf('openrouter'), { model: 'openai/gpt-6-sol' }))).not.toContain('cache_control');
  });

  it('leaves images out for services without eyes, and says so', () => {
    const content = [
      { type: 'text' as const, text: 'see' },
      { type: 'image' as const, mime: 'image/png', base64: 'AAAA' },
    ];
    const body = build(quirksOf('deepseek'), { messages: [{ role: 'user', content }], system: [] });
    expect(body.messages[0]?.content).toMatch(/^see\n\n\[An image was sent/);
  });

  it('sends arguments back as the model wrote them, or as they were understood', () => {
    const odd = { ...call('x', { a: 1 }), rawArguments: '{ "a":1 }' };
    const broken = { ...call('y', { a: 1 }), rawArguments: "{'a': 1" };
    const lost = { ...call('z'), arguments: undefined, rawArguments: 'what' };
    const messages = [user('q'), assistant('', [odd, broken, lost]), result('x'), result('y'), result('z')];
    expect(build({}, { messages, system: [] }).messages[1]).toMatchObject({
      tool_calls: [
        { function: { arguments: '{ "a":1 }' } },
        { function: { arguments: '{"a":1}' } },
        { function: { arguments: '{}' } },
      ],
    });
  });
});

describe('responses requests', () => {
  const input = {
    id: 'openai',
    baseUrl: 'http://127.0.0.1:1/v1',
    keys: makeKeyPool([], makeFakeClock()),
    quirks: quirksOf('openai'),
    fetch,
    clock: makeFakeClock(),
  };
  const build = (overrides: Parameters<typeof makeRequest>[0]) => buildResponsesRequest(makeRequest(overrides), input);

  it('stores nothing, and asks for sealed reasoning where there is any', () => {
    expect(build({})).toMatchObject({
      store: false,
      instructions: 'Be brief.',
      prompt_cache_key: 'session-1',
      include: ['reasoning.encrypted_content'],
    });
    expect(build({ model: 'gpt-4.1-mini' })).not.toHaveProperty('include');
    expect(build({})).not.toHaveProperty('reasoning');
    expect(build({ reasoningEffort: 'none' })).toMatchObject({ reasoning: { effort: 'none' } });
  });

  it('sends sealed reasoning back between text and calls, as it came', () => {
    const sealed = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 't' }],
      encrypted_content: 'x',
    };
    const reasoning = packReasoning('openai', 'test-model', [{ opaque: sealed }, { text: 6 }, { call: 'c1' }]);
    const messages = [user('a'), { ...assistant('Hello.', [call('c1')]), reasoning }, result('c1')];
    expect(build({ messages }).input).toMatchObject([
      { role: 'user' },
      sealed,
      { role: 'assistant', content: 'Hello.' },
      { type: 'function_call', call_id: 'c1', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'noon' },
    ]);
  });
});

function assistant(text: string, toolCalls: ToolCall[] = []): Extract<ModelMessage, { role: 'assistant' }> {
  return { role: 'assistant', text, toolCalls };
}
