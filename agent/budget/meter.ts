// The one way to call a model. Each call is reserved at its upper bound before it starts and settled at what it took afterwards, on
// every path: answered, refused, broken off. Caps are hard: a call that could exceed one is not made.
import {
  reserveUsage,
  settleUsage,
  type CapName,
  type CapShare,
  type UsageActual,
  type UsageCaps,
} from '../../data/usage.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError, asAppError, type ErrorCode } from '../../shared/errors.ts';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import { cancelledError, untilAborted } from '../abort.ts';
import { estimateRequest, estimateTokens } from '../context/tokens.ts';
import type { callModel, ChainLink, RetryNotice } from '../providers/fallback.ts';
import { priceOf, type PriceOverrides } from '../providers/prices.ts';
import type { ModelReply, ModelRequest, TokenUsage } from '../providers/types.ts';
import { dayOf } from '../../shared/day.ts';
import { BudgetError, refusalText, warningText } from './refusal.ts';

export interface MeterSettings {
  caps: UsageCaps;
  prices: PriceOverrides;
  timezone: string;
}

export interface MeterInput {
  db: Db;
  clock: Clock;
  random: () => number;
  /** agent/providers/fallback.ts, or a script in tests. */
  callModel: typeof callModel;
  settings(): MeterSettings;
  /** A cap in micro-dollars that holds for one turn and its workers beside the general one. Default: none. */
  turnCap?: ((turn: TurnId) => number | undefined) | undefined;
}

export interface MeteredCall {
  scope: Scope;
  session: SessionId;
  turn: TurnId | undefined;
  /** What it is for, in usage rows: 'turn', 'compress' … */
  cause: string;
  /** Of the day of the person, for this cause alone; in millionths of a US dollar, and tokens. Default: none. */
  causeCaps?: { microUsd: number; tokens: number } | undefined;
  chain: readonly ChainLink[];
  request: Omit<ModelRequest, 'model'>;
  /** Estimate of the prompt. Default: `estimateRequest`. */
  inputTokens?: number | undefined;
  signal: AbortSignal;
  /** Display only. */
  onText?(event: { type: 'text' | 'thinking'; delta: string }): void;
  /** A cap of the day is nearly reached. */
  onWarning?(warning: { cap: string; dayStart: number; text: string }): void;
  /** Text shown so far is void. */
  onRetry?(notice: RetryNotice): void;
}

export interface Meter {
  /** Rejects with AppError: `budget_exceeded` before anything was sent, else what `callModel` throws. */
  call(call: MeteredCall): Promise<ModelReply>;
}

/** Errors that a provider answers with before it works on the prompt: such a call costs nothing. */
const NEVER_CHARGED: ReadonlySet<ErrorCode> = new Set([
  'model_auth',
  'model_billing',
  'model_rate_limited',
  'model_overloaded',
  'model_context_overflow',
  'model_bad_request',
  'model_not_found',
  'model_unreachable',
]);

const NO_USAGE: TokenUsage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };

export function makeMeter(input: MeterInput): Meter {
  return {
    async call(call) {
      if (call.signal.aborted) throw cancelledError(call.signal);
      const settings = input.settings();
      const inputTokens = call.inputTokens ?? estimateRequest(call.request);
      const reservation = await reserve(input, call, settings, inputTokens);
      const watch = makeWatch(inputTokens);
      try {
        const reply = await consume(input, call, watch);
        await settleUsage(input.db, call.scope, reservation, answered(call, reply, watch, settings));
        return reply;
      } catch (error) {
        // A failed write of the settlement leaves the reservation: too much is counted, never too little.
        const failure = asAppError(error);
        await settleUsage(input.db, call.scope, reservation, brokenOff(call, failure.code, watch, settings));
        throw failure;
      }
    },
  };
}

async function reserve(
  input: MeterInput,
  call: MeteredCall,
  settings: MeterSettings,
  inputTokens: number,
): Promise<number> {
  const now = input.clock.now();
  const day = dayOf(now, settings.timezone);
  const bound = upperBound(call, settings.prices, inputTokens);
  const [first] = call.chain;
  const result = await reserveUsage(input.db, call.scope, {
    session: call.session,
    turn: call.turn,
    cause: call.cause,
    provider: first?.provider.id ?? '',
    model: first?.model ?? '',
    tokens: inputTokens + call.request.maxOutputTokens,
    microUsd: bound.microUsd,
    costKnown: bound.known,
    dayStart: day.start,
    caps: capsOf(input, call, settings),
    causeCaps: call.causeCaps,
  });
  if (result.ok) {
    warn(call, result.fullest, { day, timezone: settings.timezone });
    return result.id;
  }
  const refusal: { cap: CapName; limit: number; spent: number } = result;
  throw new BudgetError(refusal.cap, refusalText(refusal, { resetsAt: day.end, now, timezone: settings.timezone }));
}

/** The tighter of the two counts. */
function capsOf({ turnCap }: MeterInput, { turn }: MeteredCall, { caps }: MeterSettings): UsageCaps {
  const own = turn === undefined ? undefined : turnCap?.(turn);
  return own === undefined ? caps : { ...caps, turnMicroUsd: Math.min(own, caps.turnMicroUsd ?? own) };
}

/** A share from which people are told. Caps of one answer are not: it ends soon anyway. */
const WARN_SHARE = 0.8;

function warn(
  call: MeteredCall,
  fullest: CapShare | undefined,
  { day, timezone }: { day: { start: number; end: number }; timezone: string },
): void {
  if (!fullest || fullest.share < WARN_SHARE || !fullest.cap.includes('day')) return;
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' });
  const text = warningText(fullest, `it starts anew at ${time.format(day.end)}`);
  call.onWarning?.({ cap: fullest.cap, dayStart: day.start, text });
}

/** The dearest link of the chain, with nothing read from a cache. A link without a known price counts as 0; token caps still hold. */
function upperBound(
  call: MeteredCall,
  prices: PriceOverrides,
  inputTokens: number,
): { microUsd: number; known: boolean } {
  const output = call.request.maxOutputTokens;
  const bounds = call.chain.flatMap(({ provider, model }) => [
    priceOf(provider.id, model, { ...NO_USAGE, input: inputTokens, output }, prices),
    priceOf(provider.id, model, { ...NO_USAGE, cacheWrite: inputTokens, output }, prices),
  ]);
  return {
    microUsd: Math.max(0, ...bounds.map((bound) => bound.microUsd)),
    known: bounds.every((bound) => bound.known),
  };
}

/** What is known of the tokens that a call has taken so far. */
interface Watch {
  /** Estimate of the prompt. */
  inputTokens: number;
  /** Of earlier attempts, which the reply's usage leaves out. */
  wasted: TokenUsage;
  /** Text received in the current attempt. */
  received: string[];
}

function makeWatch(inputTokens: number): Watch {
  return { inputTokens, wasted: NO_USAGE, received: [] };
}

async function consume(input: MeterInput, call: MeteredCall, watch: Watch): Promise<ModelReply> {
  const events = input.callModel(call.chain, call.request, {
    signal: call.signal,
    clock: input.clock,
    random: input.random,
    onRetry(notice) {
      watch.wasted = addUsage(watch.wasted, notice.usage ?? attemptUsage(watch, notice.code));
      watch.received = [];
      call.onRetry?.(notice);
    },
  });
  const iterator = events[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), call.signal);
      if (next.done) break;
      if (next.value.type === 'done') return next.value.reply;
      watch.received.push(next.value.delta);
      call.onText?.(next.value);
    }
  } finally {
    // Not awaited: a provider that ignores its signal must not hold up a stopped turn.
    iterator.return().catch(() => undefined);
  }
  throw new AppError(
    'model_protocol',
    'The model ended without an answer. Your message is kept; `/retry` asks again.',
    {
      retryable: true,
    },
  );
}

/** Estimate for an attempt without usage figures: nothing when it cannot have been charged, else the prompt and what was received. */
function attemptUsage(watch: Watch, code: ErrorCode): TokenUsage {
  if (watch.received.length === 0 && NEVER_CHARGED.has(code)) return NO_USAGE;
  return { ...NO_USAGE, input: watch.inputTokens, output: estimateTokens(watch.received.join('')) };
}

function answered(call: MeteredCall, reply: ModelReply, watch: Watch, settings: MeterSettings): UsageActual {
  const [first] = call.chain;
  const by = reply.answeredBy ?? { provider: first?.provider.id ?? '', model: first?.model ?? reply.model };
  const usage = reply.usage ?? {
    ...NO_USAGE,
    input: watch.inputTokens,
    output: estimateTokens(reply.text + reply.thinking + reply.toolCalls.map((made) => made.rawArguments).join('')),
  };
  return actual(by, addUsage(watch.wasted, usage), settings);
}

function brokenOff(call: MeteredCall, code: ErrorCode, watch: Watch, settings: MeterSettings): UsageActual {
  const [first] = call.chain;
  const usage = addUsage(watch.wasted, attemptUsage(watch, code));
  return actual({ provider: first?.provider.id ?? '', model: first?.model ?? '' }, usage, settings);
}

function actual(by: { provider: string; model: string }, usage: TokenUsage, settings: MeterSettings): UsageActual {
  const price = priceOf(by.provider, by.model, usage, settings.prices);
  return { ...usage, provider: by.provider, model: by.model, microUsd: price.microUsd, costKnown: price.known };
}

function addUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    reasoning: a.reasoning + b.reasoning,
  };
}
