// One model call made dependable: retries with pauses, then the next model of the chain, under time limits. Nothing is shown
// twice: before every new attempt `onRetry` says that text shown so far is void.
import { backoffMs } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import { asAppError, type AppError, type ErrorCode } from '../../shared/errors.ts';
import { abortError, makeModelError, protocolError } from './errors.ts';
import type { ModelEvent, ModelReply, ModelRequest, Provider, TokenUsage } from './types.ts';

export interface ChainLink {
  provider: Provider;
  /** Model id as the provider knows it. */
  model: string;
}

export interface RetryNotice {
  /** Link that failed. */
  provider: string;
  model: string;
  code: ErrorCode;
  /** Link of the next attempt. */
  next: { provider: string; model: string };
  /** Pause before the next attempt, in milliseconds. */
  waitMs: number;
  /** Tokens that the failed attempt is known to have cost (an empty reply); they are not in the final reply's usage. */
  usage: TokenUsage | undefined;
}

export interface CallOptions {
  signal: AbortSignal;
  clock: Clock;
  random: () => number;
  /** Called before each new attempt: text yielded so far is void. */
  onRetry: (notice: RetryNotice) => void;
  limits?: Partial<CallLimits>;
}

export interface CallLimits {
  /** Attempts per link on rate limit, overload, unreachable or broken answers. Default 3. */
  attempts: number;
  /** Longest silence before the first event, in milliseconds. Default 120 000. */
  firstEventMs: number;
  /** Longest silence between events, in milliseconds. Default 180 000: models may think unseen in between. */
  idleMs: number;
  /** Longest attempt, in milliseconds. Default 900 000. */
  totalMs: number;
  /** Longest pause that is waited for, in milliseconds; a longer one moves on, or fails at the last link. Default 60 000. */
  maxWaitMs: number;
}

const DEFAULT_LIMITS: CallLimits = {
  attempts: 3,
  firstEventMs: 120_000,
  idleMs: 180_000,
  totalMs: 900_000,
  maxWaitMs: 60_000,
};

const BACKOFF = { baseMs: 1_000, maxMs: 30_000 };

/**
 * Calls the links of `chain` in order until one answers; the done event's `answeredBy` says which. Throws AppError: the first
 * link's error when all fail (it is the one that the person configured), at once on cancellation, malformed requests, context
 * overflow and refusals, which no other model would mend. A reply without text and calls is tried once more.
 */
export async function* callModel(
  chain: readonly ChainLink[],
  request: Omit<ModelRequest, 'model'>,
  options: CallOptions,
): AsyncGenerator<ModelEvent, void, void> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  let firstError: AppError | undefined;
  for (const [index, link] of chain.entries()) {
    const next = chain[index + 1];
    let emptyReplies = 0;
    for (let attempt = 1; ; attempt++) {
      let usage: TokenUsage | undefined;
      let failure: AppError;
      try {
        const reply = yield* runAttempt(link, request, { ...options, limits });
        if (!isEmpty(reply)) {
          yield { type: 'done', reply: { ...reply, answeredBy: { provider: link.provider.id, model: link.model } } };
          return;
        }
        usage = reply.usage;
        emptyReplies += 1;
        failure = protocolError(link.provider.id, 'the reply had neither text nor tool calls');
      } catch (error) {
        failure = asAppError(error);
      }
      const step = decideNext(failure, { attempt, emptyReplies, hasNext: next !== undefined, limits }, options.random);
      if (step.action === 'fail') throw step.final ? failure : (firstError ?? failure);
      const target = step.action === 'move' && next ? next : link;
      firstError ??= step.action === 'move' ? failure : undefined;
      options.onRetry({
        provider: link.provider.id,
        model: link.model,
        code: failure.code,
        next: { provider: target.provider.id, model: target.model },
        waitMs: step.waitMs,
        usage,
      });
      if (step.action === 'move') break;
      await pause(step.waitMs, options);
    }
  }
  throw firstError ?? makeModelError('model_not_found', 'The configuration');
}

/** Text and thinking only; the reply is the return value, so that an empty one can be taken back. */
async function* runAttempt(
  link: ChainLink,
  request: Omit<ModelRequest, 'model'>,
  options: CallOptions & { limits: CallLimits },
): AsyncGenerator<ModelEvent, ModelReply, void> {
  if (options.signal.aborted) throw abortError(options.signal);
  const timer = startTimer(link.provider.id, options);
  try {
    for await (const event of link.provider.stream({ ...request, model: link.model }, timer.signal)) {
      if (event.type === 'done') return event.reply;
      timer.hold();
      yield event;
      timer.resume();
    }
  } finally {
    timer.stop();
  }
  throw protocolError(link.provider.id, 'the provider ended without a reply');
}

interface CallTimer {
  signal: AbortSignal;
  /** While the consumer works on an event, silence is not the provider's. */
  hold(): void;
  resume(): void;
  stop(): void;
}

/** A signal that fires with the caller's, and with a `timeout` error on silence or when the attempt takes too long. */
function startTimer(provider: string, options: CallOptions & { limits: CallLimits }): CallTimer {
  const { clock, limits, signal } = options;
  const controller = new AbortController();
  const expire = () => controller.abort(makeModelError('timeout', provider));
  const onAbort = () => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // One timer for all silences: re-arming one per event would cost more than the event.
  let lastEventAt = clock.now();
  let allowance = limits.firstEventMs;
  let held = false;
  let cancelIdle = clock.after(allowance, checkIdle);
  const cancelTotal = clock.after(limits.totalMs, expire);
  function checkIdle() {
    const left = held ? allowance : lastEventAt + allowance - clock.now();
    if (left <= 0) expire();
    else cancelIdle = clock.after(left, checkIdle);
  }
  return {
    signal: controller.signal,
    hold() {
      held = true;
    },
    resume() {
      held = false;
      lastEventAt = clock.now();
      allowance = limits.idleMs;
    },
    stop() {
      cancelIdle();
      cancelTotal();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

async function pause(ms: number, options: CallOptions): Promise<void> {
  try {
    await options.clock.sleep(ms, options.signal);
  } catch {
    throw abortError(options.signal);
  }
}

/** An answer cut off or refused is no empty reply: asking again would cost the same and end the same. */
function isEmpty(reply: ModelReply): boolean {
  return (
    reply.text.trim() === '' && reply.toolCalls.length === 0 && reply.stop !== 'max_tokens' && reply.stop !== 'refusal'
  );
}

/** `final`: no other link would have helped, so this error counts and not the first link's. */
type NextStep = { action: 'fail'; final: boolean } | { action: 'retry' | 'move'; waitMs: number };

/** What follows `error`. Pure: all that it depends on comes in. */
function decideNext(
  error: AppError,
  state: { attempt: number; emptyReplies: number; hasNext: boolean; limits: CallLimits },
  random: () => number,
): NextStep {
  const { attempt, hasNext, limits } = state;
  const giveUp: NextStep = hasNext ? { action: 'move', waitMs: 0 } : { action: 'fail', final: false };
  switch (error.code) {
    case 'model_auth':
    case 'model_not_found':
    case 'model_billing':
      return giveUp;
    case 'timeout':
      // A silent service has cost minutes already; another one is the better second try.
      return hasNext || attempt >= 2 ? giveUp : { action: 'retry', waitMs: 0 };
    case 'model_rate_limited':
    case 'model_overloaded':
    case 'model_unreachable':
    case 'model_protocol': {
      const floor = error.retryAfterMs ?? 0;
      if (attempt >= limits.attempts || state.emptyReplies >= 2 || floor > limits.maxWaitMs) return giveUp;
      return { action: 'retry', waitMs: Math.max(floor, backoffMs(attempt, BACKOFF, random)) };
    }
    default:
      return { action: 'fail', final: true };
  }
}
