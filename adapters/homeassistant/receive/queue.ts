// What came in is stored one after the other, in order. Home Assistant does not send anything again, so what cannot be stored at once is
// tried until it can be.
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AdapterHost } from '../../contract.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };
/** More than this waits only while nothing can be stored for long; the rest is told as a gap. */
const MAX_WAITING = 5_000;

export interface ReceiveQueue {
  /** Runs the task after those before it, again and again until it resolves. It must be safe to repeat. */
  push(task: () => Promise<void>): void;
  /** Everything that came in before this time is stored; ms since the epoch. */
  storedUntil(): number;
  /** Resolves when nothing of it runs any more; call after the signal was aborted. */
  settle(): Promise<void>;
}

export function makeReceiveQueue(deps: {
  host: Pick<AdapterHost, 'log' | 'gap'>;
  clock: Clock;
  signal: AbortSignal;
}): ReceiveQueue {
  const { host, clock, signal } = deps;
  const waiting: { at: number; task: () => Promise<void> }[] = [];
  let dropped: { since: number; count: number } | undefined;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    for (let entry = waiting[0]; entry && !signal.aborted; entry = waiting[0]) {
      await runOne(entry.task);
      if (!signal.aborted) waiting.shift();
    }
    if (dropped && !signal.aborted) {
      const { since, count } = dropped;
      dropped = undefined;
      await host.gap({ since, until: clock.now(), missed: count, reason: 'limit' });
    }
  }

  async function runOne(task: () => Promise<void>): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await task();
      } catch (error) {
        // The core's own error: its text is not ours to print.
        host.log.error(
          { error: error instanceof Error ? error.name : 'unknown', attempt },
          'could not be stored; tried again',
        );
      }
      await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => undefined);
    }
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined;
      // Something may have come in between the last look and here.
      if (waiting.length > 0 && !signal.aborted) start();
    });
  }

  return {
    push(task) {
      if (signal.aborted) return;
      if (waiting.length >= MAX_WAITING) {
        dropped ??= { since: clock.now(), count: 0 };
        dropped.count++;
        return;
      }
      waiting.push({ at: clock.now(), task });
      start();
    },
    storedUntil: () => waiting[0]?.at ?? clock.now(),
    async settle() {
      await running;
    },
  };
}
