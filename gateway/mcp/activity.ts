// Waiting until something may have happened, without looking again and again. Whoever knows of news says so; all that wait wake up.
import type { Clock } from '../../shared/clock.ts';

export interface Activity {
  /** Something may have been said, asked or answered. */
  notify(): void;
  /** Resolves at the next news, after `timeoutMs`, or when `signal` aborts. Never rejects. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
}

export function makeActivity(clock: Clock): Activity {
  const waiting = new Set<() => void>();
  return {
    notify() {
      for (const wake of waiting) wake();
    },
    wait: (timeoutMs, signal) =>
      new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          cancel();
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const cancel = clock.after(timeoutMs, wake);
        waiting.add(wake);
        signal?.addEventListener('abort', wake, { once: true });
        if (signal?.aborted) wake();
      }),
  };
}
