// At most so many at the same time, in the order in which they asked.
import { abortReason } from '../../shared/clock.ts';

export interface Queue {
  /** Runs `work` when it is its turn. Rejects with the reason of `signal` when that aborts before, and then `work` never runs. */
  run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result>;
}

export function makeQueue(atOnce: number): Queue {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (running < atOnce) {
      running++;
      return;
    }
    const turn = Promise.withResolvers<void>();
    const begin = () => turn.resolve();
    const leave = () => {
      const at = waiting.indexOf(begin);
      if (at < 0) return; // it is its turn already
      waiting.splice(at, 1);
      turn.reject(abortReason(signal));
    };
    waiting.push(begin);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  return {
    async run(work, signal) {
      await enter(signal);
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        // The place goes on to the next one, so nobody can slip in between.
        if (next) next();
        else running--;
      }
    },
  };
}
