// Texts to vectors within the budget: each call is reserved before it starts and settled at what it took, as calls of models are.
import { reserveUsage, settleUsage, type UsageCaps } from '../../../data/usage.ts';
import type { Db } from '../../../data/db.ts';
import type { Scope } from '../../../data/scope.ts';
import type { Clock } from '../../../shared/clock.ts';
import { dayOf } from '../../../shared/day.ts';
import { AppError, asAppError } from '../../../shared/errors.ts';
import { estimateTokens } from '../../context/tokens.ts';
import { priceOf, type PriceOverrides } from '../../providers/prices.ts';
import type { EmbeddingClient } from './client.ts';

export interface Embedder {
  /** Which vectors can be compared with each other. */
  readonly model: string;
  /** Numbers per vector; undefined until it is known. */
  dimensions(): number | undefined;
  /** Paid by the person of the scope. Rejects with AppError: `budget_exceeded` before anything was sent, else as the client does. */
  embed(scope: Scope, texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
}

export interface EmbedderInput {
  db: Db;
  clock: Clock;
  client: EmbeddingClient;
  provider: string;
  model: string;
  dimensions: number | undefined;
  /** Asked at each call. */
  settings(): { caps: UsageCaps; prices: PriceOverrides; timezone: string };
}

/** Answers of a service that has not worked on the texts. Who answers nonsense may have. */
function isNeverCharged({ code, retryable }: AppError): boolean {
  return code === 'platform_auth' || code === 'bad_input' || (code === 'platform_unreachable' && retryable);
}

export function makeEmbedder(input: EmbedderInput): Embedder {
  const { db, clock, client, provider, model } = input;
  let known = input.dimensions;

  const spent = (tokens: number) => {
    const usage = { input: tokens, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
    const price = priceOf(provider, model, usage, input.settings().prices);
    return { ...usage, provider, model, microUsd: price.microUsd, costKnown: price.known };
  };

  async function reserve(scope: Scope, tokens: number): Promise<number> {
    const { caps, timezone } = input.settings();
    const bound = spent(tokens);
    const reserved = await reserveUsage(db, scope, {
      session: undefined,
      turn: undefined,
      cause: 'embedding',
      provider,
      model,
      tokens,
      microUsd: bound.microUsd,
      costKnown: bound.costKnown,
      dayStart: dayOf(clock.now(), timezone).start,
      caps,
    });
    if (reserved.ok) return reserved.id;
    throw new AppError(
      'budget_exceeded',
      'The budget of the day leaves nothing for embeddings. Search by words goes on.',
    );
  }

  return {
    model: [provider, model, ...(input.dimensions === undefined ? [] : [input.dimensions])].join('/'),
    dimensions: () => known,
    async embed(scope, texts, signal) {
      const estimate = texts.reduce((sum, text) => sum + estimateTokens(text), 0);
      const reservation = await reserve(scope, estimate);
      try {
        const { vectors, tokens } = await client.embed(texts, signal);
        await settleUsage(db, scope, reservation, spent(tokens ?? estimate));
        known = vectors[0]?.length ?? known;
        return vectors;
      } catch (error) {
        const failure = asAppError(error);
        await settleUsage(db, scope, reservation, spent(isNeverCharged(failure) ? 0 : estimate));
        throw failure;
      }
    },
  };
}
