// One lane per channel: what concerns a channel happens in the order in which it came, whatever another channel waits for.

/** More waits only when nothing can be stored; what comes then is fetched from the history later. */
const MAX_WAITING = 5_000;

export interface Lanes {
  /** Runs `task` after all earlier ones of the channel. False when too much waits: it is not run then. */
  add(channel: string, task: () => Promise<void>): boolean;
  isIdle(): boolean;
  /** Resolves when all that was added has ended. */
  settle(): Promise<void>;
}

/** `onFailure` is told when a task rejects; the lane goes on. */
export function makeLanes(onFailure: (error: unknown) => void): Lanes {
  const tails = new Map<string, Promise<void>>();
  let waiting = 0;
  return {
    add(channel, task) {
      if (waiting >= MAX_WAITING) return false;
      waiting++;
      const tail = (tails.get(channel) ?? Promise.resolve())
        .then(task)
        .catch(onFailure)
        .finally(() => {
          waiting--;
          if (tails.get(channel) === tail) tails.delete(channel);
        });
      tails.set(channel, tail);
      return true;
    },
    isIdle: () => waiting === 0,
    async settle() {
      while (tails.size > 0) await Promise.all(tails.values());
    },
  };
}
