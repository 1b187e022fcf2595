// Work with an end: a signal of its own that is told by a longer-lived one or by the time, and of which nothing stays when the work has
// ended. `AbortSignal.any` and `AbortSignal.timeout` keep what they made for as long as their sources and timers last.
import type { Clock } from './clock.ts';

export interface Deadline {
  clock: Clock;
  timeoutMs: number;
  /** Of whoever asked for the work; its reason becomes that of the work's signal. */
  parent?: AbortSignal | undefined;
}

/**
 * What `work` gives. Its signal aborts with `parent`, and with a DOMException `TimeoutError` after `timeoutMs`; it does not abort any more
 * once the work has ended. It is the work that must heed it: this waits for the work, however long it takes.
 */
export async function withDeadline<Value>(
  { clock, timeoutMs, parent }: Deadline,
  work: (signal: AbortSignal, abort: (reason?: unknown) => void) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController();
  const onParent = () => controller.abort(parent?.reason);
  if (parent?.aborted) onParent();
  else parent?.addEventListener('abort', onParent, { once: true });
  const cancelTimer = clock.after(timeoutMs, () =>
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
  );
  try {
    return await work(controller.signal, (reason) => controller.abort(reason));
  } finally {
    cancelTimer();
    parent?.removeEventListener('abort', onParent);
  }
}
