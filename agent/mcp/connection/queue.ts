// One at a time, in the order of asking; whoever gives up leaves the queue.
import { cancelledError } from '../../abort.ts';

/** Resolves when it is this one's turn, with the function that passes the turn on. Rejects with AppError `cancelled`. */
export type TakeTurn = (signal: AbortSignal) => Promise<() => void>;

export function makeQueue(): TakeTurn {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  const pass = () => {
    const next = waiting.shift();
    if (next) next();
    else isTaken = false;
  };
  const release = () => {
    let isDone = false;
    return () => {
      if (!isDone) pass();
      isDone = true;
    };
  };
  return (signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(cancelledError(signal));
      if (!isTaken) {
        isTaken = true;
        return resolve(release());
      }
      const onAbort = () => {
        waiting.splice(waiting.indexOf(enter), 1);
        reject(cancelledError(signal));
      };
      const enter = () => {
        signal.removeEventListener('abort', onAbort);
        resolve(release());
      };
      waiting.push(enter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
}
