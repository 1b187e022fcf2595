// Receiving in normal and native mode: Signal keeps messages until we ask, and forgets them as it answers. So the whole answer is
// written to disk before the first message of it is handed over, and taken up again at the next start.
import { z } from 'zod';
import type { AdapterHost } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { SignalApi } from '../api.ts';
import { mayHaveReached } from '../../transport/failures.ts';
import { ApiError } from '../errors.ts';
import { parseJson } from '../../transport/bodies.ts';
import type { Receiver } from './receiver.ts';

const BATCH_KEY = 'batch';
/** How long the server waits for more messages after the last one. */
const HOLD_SECONDS = 1;
/** Few enough that an answer is soon there, and small enough to be kept as one value. */
const MAX_MESSAGES = 50;
/** signal-cli is killed after 120 s (SIGNAL_CLI_CMD_TIMEOUT), and may have to wait for a send to end before it begins. */
const POLL_TIMEOUT_MS = 150_000;
/** A poll that runs when we stop gets this long to end: what it brings is kept for the next start. */
const LAST_POLL_MS = 4_000;

export interface PollingDeps {
  api: SignalApi;
  number: string;
  host: AdapterHost;
  receiver: Receiver;
  pauseMs: number;
  clock: Clock;
  signal: AbortSignal;
  /** Called after each answer. */
  onAlive(): void;
}

/** Polls until `signal` is aborted; then it resolves. Rejects with the failure of a poll. */
export async function pollMessages(deps: PollingDeps): Promise<void> {
  const { host, signal } = deps;
  const left = await host.cursor.get(BATCH_KEY);
  if (left !== undefined) await handOver(deps, left);
  while (!signal.aborted) {
    const batch = await fetchBatch(deps);
    deps.onAlive();
    if (batch.length > 0) await handOver(deps, await keep(deps, batch));
    else await deps.clock.sleep(deps.pauseMs, signal).catch(() => undefined);
  }
}

async function fetchBatch(deps: PollingDeps): Promise<readonly unknown[]> {
  const startedAt = deps.clock.now();
  const lateStop = new AbortController();
  let cancel = () => {};
  const onStop = () => (cancel = deps.clock.after(LAST_POLL_MS, () => lateStop.abort()));
  deps.signal.addEventListener('abort', onStop, { once: true });
  try {
    const answer = await deps.api.call({
      path: `/v1/receive/${encodeURIComponent(deps.number)}`,
      query: {
        timeout: String(HOLD_SECONDS),
        max_messages: String(MAX_MESSAGES),
        ignore_stories: 'true',
        ignore_avatars: 'true',
        ignore_stickers: 'true',
      },
      signal: lateStop.signal,
      timeoutMs: POLL_TIMEOUT_MS,
    });
    return z.array(z.unknown()).parse(answer ?? []);
  } catch (error) {
    // The request was there, so Signal may have given its messages away. A refused connection took nothing.
    if (mayHaveTaken(error)) await deps.host.gap({ reason: 'no-replay', since: startedAt, until: deps.clock.now() });
    throw error;
  } finally {
    deps.signal.removeEventListener('abort', onStop);
    cancel();
  }
}

function mayHaveTaken(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 500 || /time.?out|killed/i.test(error.message);
  return mayHaveReached(error);
}

/** The batch as it is kept. Without a disk it goes on in memory alone: handing over waits for the disk anyway. */
async function keep(deps: PollingDeps, batch: readonly unknown[]): Promise<string> {
  const text = JSON.stringify(batch);
  await deps.host.cursor
    .set(BATCH_KEY, text)
    .catch(() => deps.host.log.error({ messages: batch.length }, 'messages could not be kept before they are stored'));
  return text;
}

async function handOver(deps: PollingDeps, text: string): Promise<void> {
  for (const frame of readBatch(text)) if (!(await deps.receiver.take(frame))) return keepLeft(deps, text);
  // Left there by a failed write it costs a few duplicates, which the inbox knows.
  await deps.host.cursor.update({ [BATCH_KEY]: undefined }).catch(() => undefined);
}

/** Stopped in the middle: the next start takes it up. */
async function keepLeft(deps: PollingDeps, text: string): Promise<void> {
  await deps.host.cursor.set(BATCH_KEY, text).catch(() => undefined);
}

function readBatch(text: string): readonly unknown[] {
  const parsed = parseJson(text);
  return Array.isArray(parsed) ? parsed : [];
}
