// A clock that only moves when told to. Timers fire in order of due time, promises settle in between.
import { abortReason, type Clock } from '../../shared/clock.ts';

export interface FakeClock extends Clock {
  /** Moves time forward, firing what becomes due in order, and lets promise reactions run after each. */
  advance(ms: number): Promise<void>;
  /** How many timers wait. */
  pending(): number;
}

export function makeFakeClock(startMs = Date.UTC(2026, 10, 21, 12, 0, 0)): FakeClock {
  let now = startMs;
  let timers: { at: number; fn: () => void }[] = [];
  const add = (ms: number, fn: () => void) => {
    const timer = { at: now + Math.max(0, ms), fn };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  return {
    now: () => now,
    after: add,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(abortReason(signal));
        const cancel = add(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        function onAbort() {
          cancel();
          if (signal) reject(abortReason(signal));
        }
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (let fired = 0; fired < 100_000; fired++) {
        const due = timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers = timers.filter((timer) => timer !== due);
        now = Math.max(now, due.at);
        due.fn();
        await settle();
      }
      now = until;
    },
    pending: () => timers.length,
  };
}

/** Lets queued promise reactions and immediates run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
