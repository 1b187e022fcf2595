import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dayOf } from '../../../shared/day.ts';
import { makeMeter, type MeteredCall, type MeterSettings } from '../../../agent/budget/meter.ts';
import { callModel, type ChainLink } from '../../../agent/providers/fallback.ts';
import type { Provider } from '../../../agent/providers/types.ts';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { addPerson, makeScriptedModel, NO_CAPS, openHome, startTurn, type Home, type Scripted } from '../fixture.ts';
import type { Turn } from '../../../data/process/turns.ts';

let home: Home;
let turn: Turn;
let clock: FakeClock;
beforeEach(async () => {
  clock = makeFakeClock();
  home = await openHome({ clock });
  turn = await startTurn(home);
});
afterEach(() => home.close());

/** 1 dollar per million tokens: a token is a micro-dollar. */
const PRICES = { 'script/scripted': { input: 1, output: 1 } };

function meterOf(settings: Partial<MeterSettings> = {}) {
  const all: MeterSettings = { caps: NO_CAPS, prices: PRICES, timezone: 'Europe/Vienna', ...settings };
  return makeMeter({ db: home.db, clock, random: () => 0, callModel, settings: () => all });
}

function callOf(chain: readonly ChainLink[], extra: Partial<MeteredCall> = {}): MeteredCall {
  return {
    scope: home.scope,
    session: home.session.id,
    turn: turn.id,
    cause: 'turn',
    chain,
    request: {
      system: [{ text: 'system', cache: true }],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello there' }] }],
      tools: [],
      maxOutputTokens: 500,
      cacheKey: 'k',
    },
    signal: new AbortController().signal,
    ...extra,
  };
}

const scripted = (script: readonly Scripted[]) => [makeScriptedModel(script).link];
const rows = () => home.db.query.selectFrom('usage').selectAll().orderBy('id').execute();

describe('settlement', () => {
  it('writes what the call took and cost', async () => {
    const usage = { input: 30, output: 7, cacheRead: 20, cacheWrite: 5, reasoning: 3 };
    await meterOf().call(callOf(scripted([{ text: 'hi', usage }])));
    expect(await rows()).toMatchObject([
      {
        state: 'final',
        provider: 'script',
        model: 'scripted',
        input_tokens: 30,
        output_tokens: 7,
        cache_read_tokens: 20,
        cache_write_tokens: 5,
        reasoning_tokens: 3,
        cost_micro_usd: 62,
        cost_known: 1,
      },
    ]);
  });

  it('estimates what a provider does not report', async () => {
    await meterOf().call(callOf(scripted([{ text: 'word '.repeat(100), usage: undefined }])));
    const [row] = await rows();
    expect(row?.input_tokens).toBeGreaterThan(5);
    expect(row?.output_tokens).toBeGreaterThan(100);
    expect(row?.state).toBe('final');
  });

  it.each(['model_auth', 'model_bad_request', 'model_context_overflow', 'model_billing'] satisfies ErrorCode[])(
    'counts nothing for %s, which comes before any work',
    async (code) => {
      await expect(meterOf().call(callOf(scripted([new AppError(code, 'no')])))).rejects.toMatchObject({ code });
      expect(await rows()).toMatchObject([{ state: 'final', input_tokens: 0, output_tokens: 0, cost_micro_usd: 0 }]);
    },
  );

  it('estimates a call that was cancelled in the middle, even when the provider ignores that', async () => {
    const controller = new AbortController();
    const provider: Provider = {
      id: 'script',
      async *stream() {
        yield { type: 'text', delta: 'word '.repeat(50) };
        await new Promise(() => undefined);
      },
      listModels: async () => [],
    };
    const running = meterOf().call(
      callOf([{ provider, model: 'scripted' }], { signal: controller.signal, onText: () => controller.abort() }),
    );
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    const [row] = await rows();
    expect(row?.state).toBe('final');
    expect(row?.input_tokens).toBeGreaterThan(0);
    expect(row?.output_tokens).toBeGreaterThan(50);
    expect(row?.cost_micro_usd).toBe((row?.input_tokens ?? 0) + (row?.output_tokens ?? 0));
  });

  it('adds what failed attempts took, and books the model that answered', async () => {
    const first = makeScriptedModel([new AppError('model_auth', 'no')]);
    const second = makeScriptedModel([{ text: 'hi' }], 'spare', 'other');
    const notices: string[] = [];
    await meterOf().call(callOf([first.link, second.link], { onRetry: (notice) => void notices.push(notice.code) }));
    expect(notices).toEqual(['model_auth']);
    expect(await rows()).toMatchObject([{ provider: 'spare', model: 'other', input_tokens: 100, cost_known: 0 }]);

    const half: Provider = {
      id: 'script',
      async *stream() {
        yield { type: 'text', delta: 'half an answer' };
        throw new AppError('model_bad_request', 'broken');
      },
      listModels: async () => [],
    };
    await expect(meterOf().call(callOf([{ provider: half, model: 'scripted' }]))).rejects.toThrow();
    const [, row] = await rows();
    expect(row?.output_tokens).toBeGreaterThan(0);
  });

  it('does nothing for a call that was cancelled before', async () => {
    const model = makeScriptedModel([{ text: 'hi' }]);
    const running = meterOf().call(callOf([model.link], { signal: AbortSignal.abort() }));
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect(model.requests).toHaveLength(0);
    expect(await rows()).toEqual([]);
  });
});

describe('caps', () => {
  it('refuse before anything is sent, and say which, how much, when and how', async () => {
    const model = makeScriptedModel([{ text: 'hi' }]);
    const meter = meterOf({ caps: { ...NO_CAPS, personDayMicroUsd: 1_000 } });
    await meter.call(callOf([model.link], { request: { ...callOf([]).request, maxOutputTokens: 800 } }));
    const refused = meter.call(callOf([model.link], { request: { ...callOf([]).request, maxOutputTokens: 980 } }));
    await expect(refused).rejects.toMatchObject({ code: 'budget_exceeded' });
    await refused.catch((error: unknown) => {
      const text = error instanceof AppError ? error.publicMessage : '';
      expect(text).toContain('$0.0001 of $0.0010 is used');
      expect(text).toContain('00:00 (Europe/Vienna), in 11 h 0 min');
      expect(text).toContain('herald config set budget.per_person_day_usd');
    });
    expect(model.requests).toHaveLength(1);
    expect(await rows()).toHaveLength(1);
  });

  it('count what is reserved, so that calls at once cannot overspend together', async () => {
    const meter = meterOf({ caps: { ...NO_CAPS, turnMicroUsd: 1_500 } });
    const model = makeScriptedModel([{ text: 'a' }, { text: 'b' }, { text: 'c' }, { text: 'd' }]);
    // No answer comes before all of them have tried.
    const gate = Promise.withResolvers<void>();
    const { provider } = model.link;
    const held: typeof provider = {
      ...provider,
      async *stream(request, signal) {
        await gate.promise;
        yield* provider.stream(request, signal);
      },
    };
    let refused = 0;
    const calls = Array.from({ length: 4 }, () =>
      meter.call(callOf([{ ...model.link, provider: held }])).catch(() => void refused++),
    );
    await vi.waitFor(() => expect(refused).toBeGreaterThan(0));
    gate.resolve();
    await Promise.all(calls);
    expect(model.requests.length).toBeLessThanOrEqual(3);
  });

  it('hold in tokens where no price is known', async () => {
    const model = makeScriptedModel([{ text: 'a' }, { text: 'b' }]);
    const settings = { prices: {}, caps: { ...NO_CAPS, turnMicroUsd: 1, dayTokens: 700 } };
    await meterOf(settings).call(callOf([model.link]));
    expect(await rows()).toMatchObject([{ cost_known: 0, cost_micro_usd: 0 }]);
    await expect(
      meterOf(settings).call(callOf([model.link], { request: { ...callOf([]).request, maxOutputTokens: 650 } })),
    ).rejects.toMatchObject({ code: 'budget_exceeded', publicMessage: expect.stringContaining('tokens') });
  });

  it('are per person, and start anew at midnight of the time zone', async () => {
    const caps = { ...NO_CAPS, personDayTokens: 700 };
    const usage = { input: 600, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
    const model = makeScriptedModel(Array.from({ length: 5 }, () => ({ text: 'x', usage })));
    const meter = meterOf({ caps });
    await meter.call(callOf([model.link]));
    await expect(meter.call(callOf([model.link]))).rejects.toMatchObject({ code: 'budget_exceeded' });
    const bob = await addPerson(home, 'Bob');
    await meter.call(callOf([model.link], { scope: bob.scope, session: bob.session.id, turn: undefined }));
    await clock.advance(11 * 3_600_000 + 1_000);
    await meter.call(callOf([model.link], { turn: undefined }));
    expect(model.requests).toHaveLength(3);
  });

  it('reserve at the dearest model of the chain', async () => {
    const cheap = makeScriptedModel([{ text: 'a' }]);
    const dear = makeScriptedModel([{ text: 'a' }], 'script', 'gold');
    const settings = {
      prices: { ...PRICES, 'script/gold': { input: 1_000, output: 1_000 } },
      caps: { ...NO_CAPS, turnMicroUsd: 10_000 },
    };
    await meterOf(settings).call(callOf([cheap.link]));
    await expect(meterOf(settings).call(callOf([cheap.link, dear.link]))).rejects.toMatchObject({
      code: 'budget_exceeded',
    });
  });
});

describe('dayOf', () => {
  it.each([
    ['2026-11-21T12:00:00Z', 'Europe/Vienna', '2026-11-20T23:00:00Z', '2026-11-21T23:00:00Z'],
    ['2026-11-21T23:30:00Z', 'Europe/Vienna', '2026-11-21T23:00:00Z', '2026-11-22T23:00:00Z'],
    // 23 hours: the clocks go forward.
    ['2026-03-29T12:00:00Z', 'Europe/Vienna', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    // 25 hours: they go back.
    ['2026-10-25T12:00:00Z', 'Europe/Vienna', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
    ['2026-11-21T12:00:00Z', 'Pacific/Kiritimati', '2026-11-21T10:00:00Z', '2026-11-22T10:00:00Z'],
    ['2026-11-21T12:00:00Z', 'Pacific/Pago_Pago', '2026-11-21T11:00:00Z', '2026-11-22T11:00:00Z'],
    // Midnight does not exist there on that day.
    ['2024-09-08T12:00:00Z', 'America/Santiago', '2024-09-08T04:00:00Z', '2024-09-09T03:00:00Z'],
  ])('%s in %s begins %s and ends %s', (now, zone, start, end) => {
    const day = dayOf(Date.parse(now), zone);
    expect([new Date(day.start).toISOString(), new Date(day.end).toISOString()]).toEqual(
      [start, end].map((text) => new Date(text).toISOString()),
    );
  });
});
