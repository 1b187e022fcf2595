// Waiting that ends with a signal, also for work that pays no heed to it.
import type { Clock } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';

/** What cancelled work rejects with, whatever the reason of the signal is. */
export function cancelledError(signal: AbortSignal): AppError {
  return new AppError('cancelled', 'Stopped.', { cause: signal.reason });
}

/**
 * `work`, or AppError `cancelled` once `signal` aborts and `graceMs` (default 0) have passed without a result. The work itself goes
 * on unheard, and its late failure is swallowed.
 */
export function untilAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
  grace?: { clock: Clock; graceMs: number },
): Promise<Value> {
  return new Promise((resolve, reject) => {
    let cancelGrace: (() => void) | undefined;
    const giveUp = () => reject(cancelledError(signal));
    const onAbort = () => {
      if (grace) cancelGrace = grace.clock.after(grace.graceMs, giveUp);
      else giveUp();
    };
    const stopListening = () => {
      cancelGrace?.();
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(stopListening);
  });
}
