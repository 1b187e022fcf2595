// The search by meaning. What is remembered is read in the background, in batches, and only what has no vector yet; a turn waits for the
// vector of its own question alone, and not for long. Without work to do nothing runs, not even a timer.
import type { Db } from '../../../data/db.ts';
import {
  hasVectors,
  listUnreadMemories,
  nearestVectors,
  putVectors,
  type UnreadMemory,
} from '../../../data/memory/vectors.ts';
import type { Scope } from '../../../data/scope.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { isTimeout, withDeadline } from '../../../shared/deadline.ts';
import { asAppError } from '../../../shared/errors.ts';
import type { SpaceId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { takePrefix } from '../../../shared/text.ts';
import { untilAborted } from '../../abort.ts';
import type { SemanticPort } from '../recall.ts';
import type { Embedder } from './embedder.ts';

export interface SemanticIndex extends SemanticPort {
  /** Why the last reading failed; undefined when it went well. */
  failure(): string | undefined;
  /** Ends what runs; resolves soon. What is unread is read after the next start. */
  close(): Promise<void>;
}

export interface SemanticIndexInput {
  db: Db;
  clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  random: () => number;
  log: Logger;
  embedder: Embedder;
  /** Masks secrets in what leaves this machine. */
  redact(text: string): string;
  queryTimeoutMs: number;
}

const BATCH = 64;
const BATCH_CHARS = 100_000;
/** Of one text; models take about 8,000 tokens. */
const TEXT_CHARS = 8_000;
const QUERY_CHARS = 4_000;
/** Changes that come together are read together. */
const SETTLE_MS = 250;
const ATTEMPTS = 5;
const RETRY = { baseMs: 2_000, maxMs: 60_000 };
/** After a reading that was given up, and after a question that got no vector. */
const REST_MS = 60_000;

export function makeSemanticIndex(input: SemanticIndexInput): SemanticIndex {
  const { db, clock, log, embedder, redact } = input;
  const closing = new AbortController();
  /** Spaces that may have unread entries. */
  const behind = new Map<SpaceId, Scope>();
  /** Spaces that were read to the end since the start. */
  const read = new Set<SpaceId>();
  /** Entries that the model does not take. */
  const refused = new Set<number>();
  let running: Promise<void> | undefined;
  let restUntil = 0;
  let queryRestUntil = 0;
  let failure: string | undefined;

  function wake(): void {
    if (running || closing.signal.aborted || behind.size === 0 || clock.now() < restUntil) return;
    running = readAll().finally(() => {
      running = undefined;
      wake();
    });
  }

  async function readAll(): Promise<void> {
    try {
      await clock.sleep(SETTLE_MS, closing.signal);
      for (const [space, scope] of behind) {
        behind.delete(space);
        try {
          await readSpace(scope);
        } catch (error) {
          behind.set(space, scope);
          throw error;
        }
        read.add(space);
      }
      failure = undefined;
    } catch (error) {
      if (closing.signal.aborted) return;
      const { code, publicMessage } = asAppError(error);
      failure = publicMessage;
      restUntil = clock.now() + REST_MS;
      log.warn({ err: error, code }, 'what is remembered could not be read for its meaning; search by words goes on');
    }
  }

  async function readSpace(scope: Scope): Promise<void> {
    const { model } = embedder;
    for (let after = 0; ;) {
      const unread = await listUnreadMemories(db, scope, {
        model,
        dimensions: embedder.dimensions(),
        after,
        limit: BATCH,
      });
      const batch = firstOf(unread);
      const last = batch.at(-1);
      if (!last) return;
      after = last.id;
      const taken = batch.filter(({ id }) => !refused.has(id));
      if (taken.length > 0) await readBatch(scope, taken);
    }
  }

  async function readBatch(scope: Scope, batch: readonly UnreadMemory[]): Promise<void> {
    const texts = batch.map(({ text }) => prepared(text, TEXT_CHARS));
    try {
      const vectors = await persistently((signal) => embedder.embed(scope, texts, signal));
      const pairs = batch.flatMap((entry, index) => {
        const vector = vectors[index];
        return vector ? [{ ...entry, vector }] : [];
      });
      await putVectors(db, scope, embedder.model, pairs);
    } catch (error) {
      if (asAppError(error).code !== 'bad_input') throw error;
      // One of them is the cause: found by halves, and left out.
      const half = Math.ceil(batch.length / 2);
      if (batch.length > 1) {
        await readBatch(scope, batch.slice(0, half));
        await readBatch(scope, batch.slice(half));
        return;
      }
      for (const { id } of batch) refused.add(id);
      log.warn({ err: error }, 'the embedding model does not take an entry; it is found by its words only');
    }
  }

  async function persistently<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(closing.signal);
      } catch (error) {
        const { retryable, retryAfterMs = 0 } = asAppError(error);
        if (!retryable || attempt >= ATTEMPTS || closing.signal.aborted) throw error;
        await clock.sleep(Math.max(retryAfterMs, backoffMs(attempt, RETRY, input.random)), closing.signal);
      }
    }
  }

  const prepared = (text: string, maxChars: number) => takePrefix(redact(text).trim() || ' ', maxChars, 'utf16');

  async function vectorOf(scope: Scope, text: string, parent: AbortSignal): Promise<Float32Array | undefined> {
    if (clock.now() < queryRestUntil) return undefined;
    try {
      const work = (signal: AbortSignal) =>
        untilAborted(embedder.embed(scope, [prepared(text, QUERY_CHARS)], signal), signal);
      const [vector] = await withDeadline(
        { clock, timeoutMs: input.queryTimeoutMs, parent: [parent, closing.signal] },
        work,
      );
      return vector;
    } catch (error) {
      // Whoever waits for the meaning has a deadline of their own.
      if ((parent.aborted && !isTimeout(parent.reason)) || closing.signal.aborted) return undefined;
      queryRestUntil = clock.now() + REST_MS;
      log.warn({ err: error }, 'a question got no vector in time; the turn goes on with the search by words');
      return undefined;
    }
  }

  return {
    async nearest(scope, text, limit, signal) {
      if (closing.signal.aborted || text.trim() === '') return [];
      if (!read.has(scope.space)) behind.set(scope.space, scope);
      wake();
      const { model } = embedder;
      if (!(await hasVectors(db, scope, model))) return [];
      const vector = await vectorOf(scope, text, signal);
      if (!vector) return [];
      const found = await nearestVectors(db, scope, { model, vector, limit });
      if (found.length === 0) {
        // The same model makes vectors of another length now.
        behind.set(scope.space, scope);
        wake();
      }
      return found.map(({ id, distance }) => ({ entry: String(id), distance }));
    },
    changed(scope) {
      behind.set(scope.space, scope);
      wake();
    },
    failure: () => failure,
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** As many as one call takes; at least one. */
function firstOf(unread: readonly UnreadMemory[]): readonly UnreadMemory[] {
  let chars = 0;
  const end = unread.findIndex(({ text }, index) => {
    chars += Math.min(text.length, TEXT_CHARS);
    return index > 0 && chars > BATCH_CHARS;
  });
  return end < 0 ? unread : unread.slice(0, end);
}
