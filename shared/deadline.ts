// Work with an end: a signal of its own that is told by a longer-lived one or by the time, and of which nothing stays when the work has
// ended. `AbortSignal.any` and `AbortSignal.timeout` keep what they made for as long as their sources and timers last.
import { abortReason, type Clock } from './clock.ts';

export interface Deadline {
  clock: Clock;
  /** Without it only the parents end the work. */
  timeoutMs?: number | undefined;
  /** Of whoever asked for the work; the reason of the first that aborts becomes that of the work's signal. */
  parent?: AbortSignal | readonly AbortSignal[] | undefined;
}

/**
 * What `work` gives. Its signal aborts with its parents, and with a DOMException `TimeoutError` after `timeoutMs`; it does not abort any more
 * once the work has ended. It is the work that must heed it: this waits for the work, however long it takes.
 */
export async function withDeadline<Value>(
  { clock, timeoutMs, parent }: Deadline,
  work: (signal: AbortSignal, abort: (reason?: unknown) => void) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController();
  const parents = parent === undefined ? [] : [parent].flat();
  const onParent = () => controller.abort(parents.find(({ aborted }) => aborted)?.reason);
  if (parents.some(({ aborted }) => aborted)) onParent();
  for (const one of parents) one.addEventListener('abort', onParent, { once: true });
  const onTimeout = () =>
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  const cancelTimer = timeoutMs === undefined ? undefined : clock.after(timeoutMs, onTimeout);
  try {
    return await work(controller.signal, (reason) => controller.abort(reason));
  } finally {
    cancelTimer?.();
    for (const one of parents) one.removeEventListener('abort', onParent);
  }
}

/** What a deadline gives as the reason when the time is up. */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

/**
 * `work`, or the signal's reason as soon as it aborts: for work that may pay no heed to it. The work itself goes on unheard, and nothing
 * of this stays with the signal once it has ended.
 */
export function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cut = () => reject(abortReason(signal));
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', cut));
  });
}

/** Resolves when `signal` is aborted. For signals that end soon: it holds on to the signal until then. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
