// A time limit that stands still while somebody is waited for.
import type { Clock } from '../../shared/clock.ts';

export interface Stopwatch {
  /** Time does not count until `waiting` has settled. */
  hold<Value>(waiting: Promise<Value>): Promise<Value>;
  stop(): void;
}

/** Calls `onEnd` once, after `limitMs` in which nothing was waited for. */
export function startStopwatch(clock: Clock, limitMs: number, onEnd: () => void): Stopwatch {
  let leftMs = limitMs;
  let holds = 0;
  let since = clock.now();
  let cancel: (() => void) | undefined = clock.after(limitMs, onEnd);
  let isStopped = false;

  function pause(): void {
    cancel?.();
    cancel = undefined;
    // A clock that was set back gives no time.
    leftMs -= Math.max(0, clock.now() - since);
  }

  function go(): void {
    since = clock.now();
    cancel = clock.after(Math.max(0, leftMs), onEnd);
  }

  return {
    async hold(waiting) {
      if (holds++ === 0 && !isStopped) pause();
      try {
        return await waiting;
      } finally {
        if (--holds === 0 && !isStopped) go();
      }
    },
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}
