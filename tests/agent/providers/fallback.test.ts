import { describe, expect, it } from 'vitest';

import { makeModelError } from '../../../agent/providers/errors.ts';
import { callModel, type ChainLink, type RetryNotice } from '../../../agent/providers/fallback.ts';
import type { ModelEvent, ModelReply, Provider } from '../../../agent/providers/types.ts';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { collect, collectError, makeRequest } from '../../contracts/provider-contract.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';

type Step = ModelEvent | AppError | { silent: true };

const USAGE = { input: 7, output: 2, cacheRead: 0, cacheWrite: 0, reasoning: 0 };

function reply(overrides: Partial<ModelReply> = {}): ModelEvent {
  const base: ModelReply = {
    text: 'fine',
    toolCalls: [],
    thinking: '',
    reasoning: [],
    stop: 'end',
    usage: USAGE,
    model: 'as-answered',
  };
  return { type: 'done', reply: { ...base, ...overrides } };
}

const fail = (code: ErrorCode, retryAfterMs?: number): AppError =>
  new AppError(code, `${code} happened`, retryAfterMs === undefined ? {} : { retryAfterMs });

/** A provider that plays one list of steps per call; the last list repeats. */
function scripted(id: string, ...calls: Step[][]): Provider & { models: string[] } {
  const models: string[] = [];
  return {
    id,
    models,
    async *stream(request, signal) {
      const steps = calls[Math.min(models.length, calls.length - 1)] ?? [];
      models.push(request.model);
      for (const step of steps) {
        if (step instanceof AppError) throw step;
        if ('silent' in step) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          throw signal.reason instanceof AppError ? signal.reason : fail('cancelled');
        }
        yield step;
      }
    },
    listModels: () => Promise.resolve([]),
  };
}

interface Run {
  clock: FakeClock;
  notices: RetryNotice[];
  stop: AbortController;
  start(chain: readonly ChainLink[]): AsyncGenerator<ModelEvent, void, void>;
}

function makeRun(): Run {
  const clock = makeFakeClock();
  const notices: RetryNotice[] = [];
  const stop = new AbortController();
  return {
    clock,
    notices,
    stop,
    start: (chain) =>
      callModel(chain, makeRequest(), {
        signal: stop.signal,
        clock,
        random: () => 0,
        onRetry: (notice) => notices.push(notice),
      }),
  };
}

const link = (provider: Provider, model = `${provider.id}-model`): ChainLink => ({ provider, model });

/** Lets the call run while time passes in large steps: at most an hour. */
async function withTime<T>(clock: FakeClock, outcome: Promise<T>): Promise<T> {
  let settled = false;
  const watched = outcome.finally(() => {
    settled = true;
  });
  watched.catch(() => undefined);
  for (let step = 0; step < 3_600 && !settled; step++) await clock.advance(1_000);
  return watched;
}

describe('calling a chain of models', () => {
  it('passes events on and says who answered', async () => {
    const run = makeRun();
    const provider = scripted('one', [{ type: 'text', delta: 'fi' }, { type: 'text', delta: 'ne' }, reply()]);
    const got = await collect(run.start([link(provider)]));
    expect(got.text).toBe('fine');
    expect(got.reply.answeredBy).toEqual({ provider: 'one', model: 'one-model' });
    expect(got.reply.model).toBe('as-answered');
    expect(run.notices).toEqual([]);
    expect(run.clock.pending()).toBe(0);
  });

  it('retries with growing pauses, three attempts in all, telling that shown text is void', async () => {
    const run = makeRun();
    const provider = scripted('one', [{ type: 'text', delta: 'half' }, fail('model_protocol')]);
    const { error, events } = await withTime(run.clock, collectError(run.start([link(provider)])));
    expect(error.code).toBe('model_protocol');
    expect(provider.models).toHaveLength(3);
    expect(run.notices.map((notice) => [notice.code, notice.waitMs, notice.next.provider])).toEqual([
      ['model_protocol', 1_000, 'one'],
      ['model_protocol', 2_000, 'one'],
    ]);
    expect(events).toHaveLength(3);
  });

  it('waits as long as the service asks', async () => {
    const run = makeRun();
    const provider = scripted('one', [fail('model_rate_limited', 25_000)], [reply()]);
    const outcome = collect(run.start([link(provider)]));
    await run.clock.advance(24_999);
    expect(provider.models).toHaveLength(1);
    await run.clock.advance(1);
    expect((await outcome).reply.text).toBe('fine');
    expect(run.notices[0]?.waitMs).toBe(25_000);
  });

  it('moves on at once when the wait is longer than a minute, and fails without a next link', async () => {
    const run = makeRun();
    const limited = scripted('one', [fail('model_rate_limited', 61_000)]);
    const got = await collect(run.start([link(limited), link(scripted('two', [reply()]))]));
    expect(got.reply.answeredBy?.provider).toBe('two');
    expect(limited.models).toHaveLength(1);
    const { error } = await collectError(makeRun().start([link(limited)]));
    expect(error).toMatchObject({ code: 'model_rate_limited', retryAfterMs: 61_000 });
  });

  it.each(['model_auth', 'model_not_found', 'model_billing'] as const)('moves on at once on %s', async (code) => {
    const run = makeRun();
    const first = scripted('one', [fail(code)]);
    const got = await collect(run.start([link(first), link(scripted('two', [reply()]))]));
    expect(got.reply.answeredBy).toEqual({ provider: 'two', model: 'two-model' });
    expect(first.models).toEqual(['one-model']);
    expect(run.notices).toMatchObject([
      { code, provider: 'one', next: { provider: 'two', model: 'two-model' }, waitMs: 0 },
    ]);
  });

  it.each(['model_rate_limited', 'model_overloaded', 'model_unreachable', 'model_protocol'] as const)(
    'moves on after three attempts on %s',
    async (code) => {
      const run = makeRun();
      const first = scripted('one', [fail(code)]);
      const outcome = collect(run.start([link(first), link(scripted('two', [reply()]))]));
      expect((await withTime(run.clock, outcome)).reply.answeredBy?.provider).toBe('two');
      expect(first.models).toHaveLength(3);
    },
  );

  it.each(['model_bad_request', 'model_context_overflow', 'model_refused', 'cancelled', 'internal'] as const)(
    'never moves on or retries on %s',
    async (code) => {
      const run = makeRun();
      const first = scripted('one', [fail(code)]);
      const second = scripted('two', [reply()]);
      const { error } = await collectError(run.start([link(first), link(second)]));
      expect(error.code).toBe(code);
      expect([first.models.length, second.models.length]).toEqual([1, 0]);
      expect(run.notices).toEqual([]);
    },
  );

  it('fails with the first link’s error when all fail, but with the last one when that is final', async () => {
    const down = scripted('one', [fail('model_billing')]);
    const both = await collectError(makeRun().start([link(down), link(scripted('two', [fail('model_auth')]))]));
    expect(both.error.code).toBe('model_billing');
    const long = scripted('two', [fail('model_context_overflow')]);
    const overflow = await collectError(makeRun().start([link(down), link(long)]));
    expect(overflow.error.code).toBe('model_context_overflow');
  });

  it('tries an empty reply once more, and reports what it cost', async () => {
    const run = makeRun();
    const provider = scripted('one', [reply({ text: ' ' })], [reply()]);
    const got = await withTime(run.clock, collect(run.start([link(provider)])));
    expect(got.reply.text).toBe('fine');
    expect(run.notices).toMatchObject([{ code: 'model_protocol', usage: USAGE }]);

    const empty = scripted('one', [reply({ text: '' })]);
    const second = makeRun();
    const { error } = await withTime(second.clock, collectError(second.start([link(empty)])));
    expect(error.code).toBe('model_protocol');
    expect(empty.models).toHaveLength(2);
  });

  it.each(['max_tokens', 'refusal'] as const)('takes an empty reply that stopped with %s as it is', async (stop) => {
    const provider = scripted('one', [reply({ text: '', stop })]);
    expect((await collect(makeRun().start([link(provider)]))).reply.stop).toBe(stop);
    expect(provider.models).toHaveLength(1);
  });

  it('takes a provider that ends without a reply for broken', async () => {
    const run = makeRun();
    const provider = scripted('one', [{ type: 'text', delta: 'x' }], [reply()]);
    expect((await withTime(run.clock, collect(run.start([link(provider)])))).reply.text).toBe('fine');
  });

  it('gives a silent service two minutes, then the next link', async () => {
    const run = makeRun();
    const silent = scripted('one', [{ silent: true }]);
    const outcome = collect(run.start([link(silent), link(scripted('two', [reply()]))]));
    await run.clock.advance(119_999);
    expect(run.notices).toEqual([]);
    await run.clock.advance(1);
    expect((await outcome).reply.answeredBy?.provider).toBe('two');
    expect(run.notices[0]?.code).toBe('timeout');
    expect(run.clock.pending()).toBe(0);
  });

  it('gives a silent only service one more try', async () => {
    const run = makeRun();
    const silent = scripted('one', [{ silent: true }]);
    const { error } = await withTime(run.clock, collectError(run.start([link(silent)])));
    expect(error.code).toBe('timeout');
    expect(silent.models).toHaveLength(2);
  });

  it('does not take the consumer’s slowness for the service’s silence', async () => {
    const run = makeRun();
    const events = run.start([link(scripted('one', [{ type: 'text', delta: 'a' }, reply()]))]);
    expect((await events.next()).value).toMatchObject({ type: 'text' });
    await run.clock.advance(600_000);
    expect((await events.next()).value).toMatchObject({ type: 'done' });
  });

  it('ends an attempt that takes too long in all', async () => {
    const run = makeRun();
    const dripping: Provider = {
      id: 'one',
      async *stream(_, signal) {
        for (let drop = 0; drop < 10_000; drop++) {
          await run.clock.sleep(60_000, signal).catch(() => {
            throw signal.reason;
          });
          yield { type: 'text', delta: '.' };
        }
      },
      listModels: () => Promise.resolve([]),
    };
    const { events } = await withTime(run.clock, collectError(run.start([link(dripping)])));
    // Two attempts of fifteen minutes, a drop each minute but the last.
    expect(events).toHaveLength(28);
  });

  it('stops at once when cancelled: in a pause, in a silence, and before', async () => {
    const pausing = makeRun();
    const inPause = collectError(pausing.start([link(scripted('one', [fail('model_overloaded')]))]));
    await pausing.clock.advance(500);
    pausing.stop.abort();
    expect((await inPause).error.code).toBe('cancelled');

    const waiting = makeRun();
    const inSilence = collectError(
      waiting.start([link(scripted('one', [{ silent: true }])), link(scripted('two', [reply()]))]),
    );
    await waiting.clock.advance(500);
    waiting.stop.abort();
    expect((await inSilence).error.code).toBe('cancelled');
    expect(waiting.notices).toEqual([]);

    const before = makeRun();
    before.stop.abort();
    const provider = scripted('one', [reply()]);
    expect((await collectError(before.start([link(provider)]))).error.code).toBe('cancelled');
    expect(provider.models).toEqual([]);
  });

  it('is cancelled, not failed, when the stop comes on the second link', async () => {
    const run = makeRun();
    const chain = [link(scripted('one', [fail('model_auth')])), link(scripted('two', [{ silent: true }]))];
    const outcome = collectError(run.start(chain));
    await run.clock.advance(10);
    run.stop.abort();
    expect((await outcome).error.code).toBe('cancelled');
  });

  it('turns a bug of a provider into an internal error that is not retried', async () => {
    const buggy: Provider = {
      id: 'one',
      // oxlint-disable-next-line require-yield
      async *stream() {
        throw new TypeError('undefined is not a function');
      },
      listModels: () => Promise.resolve([]),
    };
    expect((await collectError(makeRun().start([link(buggy)]))).error.code).toBe('internal');
  });

  it('leaves no listener on a long-lived signal', async () => {
    const run = makeRun();
    let listeners = 0;
    const { signal } = run.stop;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (let call = 0; call < 5; call++) await collect(run.start([link(scripted('one', [reply()]))]));
    expect(listeners).toBe(0);
  });

  it('says that nothing is configured for an empty chain', async () => {
    expect((await collectError(makeRun().start([]))).error.code).toBe(makeModelError('model_not_found', 'x').code);
  });
});
