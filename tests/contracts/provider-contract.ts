// What every model provider must do, whatever its API: describeProvider for all, and describeServedProvider in addition for
// those that talk to a server, run against the scripted one.
import { afterEach, describe, expect, it } from 'vitest';

import type { ModelEvent, ModelReply, ModelRequest, Provider, ToolSchema } from '../../agent/providers/types.ts';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { CallSeen, Fault, Script, ScriptedReply } from '../support/model-server-script.ts';

export interface OpenedProvider {
  provider: Provider;
  close(): Promise<void>;
}

export interface ServedProvider extends OpenedProvider {
  server: { readonly calls: readonly CallSeen[] };
}

export interface OpenOptions {
  script: Script;
  keys?: readonly string[];
  /** Keys that the server accepts; all by default. */
  acceptedKeys?: readonly string[];
}

export type OpenProvider<Opened extends OpenedProvider> = (options: OpenOptions) => Promise<Opened>;

export const SECRET = 'sk-test-1234567890abcdefghij';

const WEATHER: ToolSchema = {
  name: 'weather',
  description: 'Weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const CLOCK: ToolSchema = { name: 'clock', description: 'The time.', parameters: { type: 'object', properties: {} } };

export function makeRequest(overrides: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'test-model',
    system: [{ text: 'Be brief.', cache: true }],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
    tools: [WEATHER, CLOCK],
    maxOutputTokens: 1_000,
    cacheKey: 'session-1',
    ...overrides,
  };
}

export interface Collected {
  events: ModelEvent[];
  text: string;
  thinking: string;
  reply: ModelReply;
}

/** All events; fails the test when the stream has not exactly one done event, at the end. */
export async function collect(events: AsyncIterable<ModelEvent>): Promise<Collected> {
  const seen: ModelEvent[] = [];
  for await (const event of events) seen.push(event);
  const replies = seen.flatMap((event) => (event.type === 'done' ? [event.reply] : []));
  const [reply] = replies;
  expect(seen.at(-1)?.type).toBe('done');
  expect(replies).toHaveLength(1);
  if (reply === undefined) throw new Error('no reply');
  return {
    events: seen,
    text: seen.map((event) => (event.type === 'text' ? event.delta : '')).join(''),
    thinking: seen.map((event) => (event.type === 'thinking' ? event.delta : '')).join(''),
    reply,
  };
}

/** The AppError that the stream ends with, and what came before it. */
export async function collectError(
  events: AsyncIterable<ModelEvent>,
): Promise<{ error: AppError; events: ModelEvent[] }> {
  const seen: ModelEvent[] = [];
  try {
    for await (const event of events) seen.push(event);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    if (error instanceof AppError) return { error, events: seen };
  }
  throw new Error(`the call did not fail; it gave ${JSON.stringify(seen).slice(0, 300)}`);
}

const never = (): AbortSignal => new AbortController().signal;

/** Opens through `openForTest` and closes after each test. */
function closingAfterEach<Opened extends OpenedProvider>(openForTest: OpenProvider<Opened>): OpenProvider<Opened> {
  const opened: OpenedProvider[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });
  return async (options) => {
    const one = await openForTest(options);
    opened.push(one);
    return one;
  };
}

export function describeProvider(name: string, openForTest: OpenProvider<OpenedProvider>): void {
  describe(`provider contract: ${name}`, () => {
    const open = closingAfterEach(openForTest);

    it('streams text, and its deltas are the text of the one final reply', async () => {
      // With pauses: what comes together may be told together.
      const { provider } = await open({
        script: [{ reply: { text: 'Grüß Gott, 世界! 👩‍👩‍👧 Good evening.', delayMs: 5 } }],
      });
      const got = await collect(provider.stream(makeRequest(), never()));
      expect(got.text).toBe(got.reply.text);
      expect(got.reply.text).not.toBe('');
      expect(got.events.filter((event) => event.type === 'text').length).toBeGreaterThan(1);
      expect(got.reply.stop).toBe('end');
      expect(got.reply.toolCalls).toEqual([]);
      expect(got.reply.usage?.input).toBeGreaterThan(0);
    });

    it('is cancelled before the call', async () => {
      const { provider } = await open({ script: [{ reply: { text: 'no' } }] });
      const { error, events } = await collectError(provider.stream(makeRequest(), AbortSignal.abort()));
      expect(error.code).toBe('cancelled');
      expect(events).toEqual([]);
    });

    it('is cancelled in the middle of a stream', async () => {
      const { provider } = await open({
        script: [{ reply: { text: 'one two three four five six seven', delayMs: 20 } }],
      });
      const stop = new AbortController();
      const events = provider.stream(makeRequest(), stop.signal)[Symbol.asyncIterator]();
      expect((await events.next()).done).toBe(false);
      stop.abort();
      await expect(drain(events)).rejects.toMatchObject({ code: 'cancelled' });
    });

    it('ends with the reason of the signal when that is an AppError', async () => {
      const { provider } = await open({ script: [{ reply: { text: 'no' } }] });
      const reason = new AppError('timeout', 'Too slow.');
      const { error } = await collectError(provider.stream(makeRequest(), AbortSignal.abort(reason)));
      expect(error).toBe(reason);
    });

    it('lists models', async () => {
      const { provider } = await open({ script: [] });
      const models = await provider.listModels(never());
      expect(models.length).toBeGreaterThan(0);
      await expect(provider.listModels(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    });
  });
}

async function drain(events: AsyncIterator<ModelEvent>): Promise<void> {
  for (let guard = 0; guard < 10_000; guard++) if ((await events.next()).done) return;
}

export function describeServedProvider(name: string, openForTest: OpenProvider<ServedProvider>): void {
  describe(`provider contract, against a server: ${name}`, () => {
    const open = closingAfterEach(openForTest);

    it('does not call when it was cancelled before', async () => {
      const { provider, server } = await open({ script: [{ reply: { text: 'no' } }] });
      await collectError(provider.stream(makeRequest(), AbortSignal.abort()));
      expect(server.calls).toEqual([]);
    });

    it('puts characters together that arrive byte by byte', async () => {
      const text = 'žluťoučký kůň 🐎 漢字 ‎';
      const { provider } = await open({ script: [{ reply: { text, fault: 'split-utf8' } }] });
      const got = await collect(provider.stream(makeRequest(), never()));
      expect(got.reply.text).toBe(text);
      expect(got.text).toBe(text);
    });

    it('collects parallel tool calls whose arguments arrive in pieces', async () => {
      const toolCalls = [
        { name: 'weather', arguments: { city: 'Wien – "Mitte"' } },
        { name: 'weather', arguments: { city: 'Oslo' } },
        { name: 'clock', arguments: {} },
      ];
      const { provider } = await open({ script: [{ reply: { text: 'Looking.', toolCalls } }] });
      const { reply } = await collect(provider.stream(makeRequest(), never()));
      expect(reply.stop).toBe('tool_calls');
      expect(reply.text).toBe('Looking.');
      expect(reply.toolCalls.map(({ name: tool, arguments: args }) => ({ name: tool, arguments: args }))).toEqual(
        toolCalls,
      );
      expect(new Set(reply.toolCalls.map((call) => call.id)).size).toBe(3);
    });

    it('sends calls and results back so that the server can pair them', async () => {
      const script = [
        { times: 1, reply: { toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }] } },
        { when: { toolResult: '3 degrees' }, reply: { text: 'It is 3 degrees.' } },
      ];
      const { provider, server } = await open({ script });
      const first = makeRequest();
      const { reply } = await collect(provider.stream(first, never()));
      const callId = reply.toolCalls[0]?.id ?? '';
      const second = makeRequest({
        messages: [
          ...first.messages,
          { role: 'assistant', text: reply.text, toolCalls: reply.toolCalls, reasoning: reply.reasoning },
          { role: 'tool', callId, name: 'weather', text: '3 degrees', isError: false },
        ],
      });
      expect((await collect(provider.stream(second, never()))).reply.text).toBe('It is 3 degrees.');
      expect(server.calls[1]?.toolResults).toEqual([{ id: callId, text: '3 degrees' }]);
      expect(server.calls[1]?.user).toBe('hello');
      expect(server.calls[1]?.system).toBe('Be brief.');
      expect(server.calls[1]?.tools).toEqual(['weather', 'clock']);
    });

    it('answers a call whose result was lost, and drops a result without a call', async () => {
      const { provider, server } = await open({ script: [{ reply: { text: 'ok' } }] });
      const call = { id: 'call_1', name: 'clock', arguments: {}, rawArguments: '{}' };
      const messages: ModelRequest['messages'] = [
        { role: 'tool', callId: 'stray', name: 'clock', text: 'noon', isError: false },
        { role: 'user', content: [{ type: 'text', text: 'time?' }] },
        { role: 'assistant', text: '', toolCalls: [call] },
        { role: 'user', content: [{ type: 'text', text: 'well?' }] },
      ];
      await collect(provider.stream(makeRequest({ messages }), never()));
      expect(server.calls[0]?.toolResults.map((result) => result.id)).toEqual(['call_1']);
      expect(server.calls[0]?.user).toBe('well?');
    });

    it('counts tokens with what was read from and written to a cache', async () => {
      const usage = { input: 100, output: 30, cacheRead: 60, cacheWrite: 15, reasoning: 12 };
      const { provider } = await open({ script: [{ reply: { text: 'ok', usage } }] });
      const { reply } = await collect(provider.stream(makeRequest(), never()));
      expect(reply.usage).toEqual({ input: 25, output: 30, cacheRead: 60, cacheWrite: 15, reasoning: 12 });
      expect(reply.model).toBe('test-model');
    });

    it('shows thinking apart from the text', async () => {
      const script = [{ reply: { thinking: 'Let me see about that.', text: 'Yes.' } }];
      const { provider } = await open({ script });
      const got = await collect(provider.stream(makeRequest(), never()));
      expect(got.thinking).toBe('Let me see about that.');
      expect(got.reply.thinking).toBe('Let me see about that.');
      expect(got.reply.text).toBe('Yes.');
    });

    it('sends images as bytes', async () => {
      const { provider, server } = await open({ script: [{ reply: { text: 'A cat.' } }] });
      const content = [
        { type: 'text' as const, text: 'What is this?' },
        { type: 'image' as const, mime: 'image/png', base64: 'iVBORw0KGgo=' },
      ];
      await collect(provider.stream(makeRequest({ messages: [{ role: 'user', content }] }), never()));
      expect(JSON.stringify(server.calls[0]?.body)).toContain('iVBORw0KGgo=');
      expect(JSON.stringify(server.calls[0]?.body)).toContain('image/png');
    });

    it('mends broken arguments, but never those of a reply that was cut off', async () => {
      const broken: ScriptedReply = {
        toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }],
        fault: 'broken-json-args',
      };
      const script = [{ times: 1, reply: broken }, { reply: { ...broken, stop: 'max_tokens' as const } }];
      const { provider } = await open({ script });
      const mended = await collect(provider.stream(makeRequest(), never()));
      expect(mended.reply.toolCalls[0]?.arguments).toEqual({ city: 'Oslo' });
      const cut = await collect(provider.stream(makeRequest(), never()));
      expect(cut.reply.stop).toBe('max_tokens');
      expect(cut.reply.toolCalls[0]?.arguments).toBeUndefined();
      expect(cut.reply.toolCalls[0]?.rawArguments).toContain('Oslo');
    });

    it('reports a refusal as the reason to stop', async () => {
      const { provider } = await open({ script: [{ reply: { text: 'No.', stop: 'refusal' } }] });
      expect((await collect(provider.stream(makeRequest(), never()))).reply.stop).toBe('refusal');
    });

    it.each<Fault>(['stall', 'no-response'])('is cancelled within half a second: %s', async (fault) => {
      const opened = await open({ script: [{ reply: { text: 'one two three', fault } }] });
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 100).unref();
      const started = performance.now();
      const { error } = await collectError(opened.provider.stream(makeRequest(), stop.signal));
      expect(error.code).toBe('cancelled');
      expect(performance.now() - started).toBeLessThan(600);
    });

    it.each<[Fault, ErrorCode]>([
      ['half-line', 'model_protocol'],
      ['reset-before-end', 'model_protocol'],
      ['error-body-200', 'model_protocol'],
      ['error-event', 'model_overloaded'],
    ])(
      'a stream that ends early (%s) is the retryable error %s, and its calls are never given',
      async (fault, code) => {
        const reply: ScriptedReply = { text: 'Let me', toolCalls: [{ name: 'clock', arguments: {} }], fault };
        const opened = await open({ script: [{ reply }] });
        const { error, events } = await collectError(opened.provider.stream(makeRequest(), never()));
        expect(error.code).toBe(code);
        expect(error.retryable).toBe(true);
        expect(events.some((event) => event.type === 'done')).toBe(false);
      },
    );

    it.each<[number, ErrorCode, ScriptedReply['error']]>([
      [400, 'model_bad_request', { type: 'invalid_request_error', message: `unknown field near ${SECRET}` }],
      [400, 'model_context_overflow', { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens' }],
      [401, 'model_auth', { type: 'authentication_error', message: `Incorrect API key provided: ${SECRET}` }],
      [402, 'model_billing', { type: 'billing_error', message: 'add funds' }],
      [403, 'model_auth', { type: 'permission_error', message: 'no access' }],
      [404, 'model_not_found', { type: 'not_found_error', message: 'model: nope' }],
      [413, 'model_context_overflow', { type: 'request_too_large', message: 'too large' }],
      [429, 'model_rate_limited', { type: 'rate_limit_error', message: 'slow down' }],
      [500, 'model_overloaded', { type: 'api_error', message: 'internal' }],
      [529, 'model_overloaded', { type: 'overloaded_error', message: 'too many requests in flight' }],
    ])('HTTP %i becomes %s and leaks nothing', async (status, code, error) => {
      const opened = await open({ script: [{ reply: { status, ...(error === undefined ? {} : { error }) } }] });
      const failed = await collectError(opened.provider.stream(makeRequest(), never()));
      expect(failed.error.code).toBe(code);
      expect(failed.error.publicMessage).not.toContain(SECRET);
      expect(failed.error.publicMessage).not.toContain(error?.message ?? 'scripted');
      expect(String(failed.error.cause)).not.toContain(SECRET);
      // Retrying is the caller's: an SDK that retries by itself would show up here.
      expect(opened.server.calls).toHaveLength(1);
    });

    it.each([
      [{ 'retry-after': '7' }, 7_000],
      [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    ])('says how long to wait: %o', async (headers, waitMs) => {
      const opened = await open({ script: [{ reply: { status: 429, headers } }] });
      const { error } = await collectError(opened.provider.stream(makeRequest(), never()));
      expect(error.retryAfterMs).toBe(waitMs);
    });

    it('goes on with the next key when one is refused, and keeps to it', async () => {
      const options = {
        script: [{ reply: { text: 'ok' } }],
        keys: ['sk-revoked-1234567890', SECRET],
        acceptedKeys: [SECRET],
      };
      const { provider, server } = await open(options);
      await collect(provider.stream(makeRequest(), never()));
      await collect(provider.stream(makeRequest(), never()));
      expect(server.calls.map((call) => call.key)).toEqual(['sk-revoked-1234567890', SECRET, SECRET]);
    });

    it('reports the refusal when no key is left', async () => {
      const options = { script: [], keys: ['sk-first-1234567890', 'sk-second-1234567890'], acceptedKeys: [SECRET] };
      const { provider, server } = await open(options);
      const { error } = await collectError(provider.stream(makeRequest(), never()));
      expect(error.code).toBe('model_auth');
      expect(server.calls).toHaveLength(2);
    });

    it('says so when nothing listens at the address', async () => {
      const opened = await open({ script: [] });
      await opened.close();
      const { error } = await collectError(opened.provider.stream(makeRequest(), never()));
      expect(error.code).toBe('model_unreachable');
      expect(error.retryable).toBe(true);
    });
  });
}
