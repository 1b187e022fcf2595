// What a service is to be told, one thing after the other, while nobody waits. It is held in memory only: what a service misses through a
// restart or an outage is missing there, not in Herald.
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { asAppError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { untilAborted } from '../../abort.ts';

export interface WriteQueue {
  /** Never throws; beyond the bound the oldest is dropped. */
  add(work: (signal: AbortSignal) => Promise<void>): void;
  /** Resolves when what waits now has been told or dropped. */
  settled(): Promise<void>;
  status(): { waiting: number; sent: number; dropped: number };
  /** Tries what waits once more; resolves within a second. */
  close(): Promise<void>;
}

export interface WriteQueueInput {
  clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  random: () => number;
  log: Logger;
  /** Of the service, for the log. */
  name: string;
}

const MAX_WAITING = 200;
const ATTEMPTS = 5;
const RETRY = { baseMs: 1_000, maxMs: 60_000 };
const CLOSE_MS = 900;

export function makeWriteQueue({ clock, random, log, name }: WriteQueueInput): WriteQueue {
  const waiting: ((signal: AbortSignal) => Promise<void>)[] = [];
  /** Ends pauses. */
  const closing = new AbortController();
  /** Ends requests. */
  const ended = new AbortController();
  let running: Promise<void> | undefined;
  let sent = 0;
  let dropped = 0;

  function drop(error: unknown): void {
    dropped++;
    log.warn({ err: error, service: name, dropped }, 'a memory service was not told of a turn');
  }

  async function run(): Promise<void> {
    for (let work = waiting.shift(); work; work = waiting.shift()) await tell(work);
  }

  async function tell(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await untilAborted(work(ended.signal), ended.signal);
        sent++;
        return;
      } catch (error) {
        const { retryable, retryAfterMs = 0 } = asAppError(error);
        if (!retryable || attempt >= ATTEMPTS || closing.signal.aborted) return drop(error);
        const pauseMs = Math.min(RETRY.maxMs, Math.max(retryAfterMs, backoffMs(attempt, RETRY, random)));
        // A pause that is cut short is followed by the last attempt.
        await clock.sleep(pauseMs, closing.signal).catch(() => undefined);
      }
    }
  }

  return {
    add(work) {
      if (closing.signal.aborted) return;
      if (waiting.length >= MAX_WAITING) {
        waiting.shift();
        drop(new Error('too much waits'));
      }
      waiting.push(work);
      running ??= run().finally(() => (running = undefined));
    },
    settled: async () => running,
    status: () => ({ waiting: waiting.length, sent, dropped }),
    async close() {
      closing.abort();
      const cancel = clock.after(CLOSE_MS, () => ended.abort());
      await running;
      cancel();
    },
  };
}
