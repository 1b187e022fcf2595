// One lane per channel: what concerns a channel happens in the order in which it came, whatever the channel before it waits for.

/** More than this waits only when nothing can be stored: what comes then is left to Slack, which sends it again. */
const MAX_WAITING = 2_000;

export interface Lanes {
  /** Runs `task` after all earlier ones of the channel, failed or not. Rejects as the task does, or when too much waits. */
  run(channel: string, task: () => Promise<void>): Promise<void>;
  /** How many tasks of a channel wait or run. */
  depth(channel: string): number;
  /** Resolves when all that was handed in so far has ended. */
  settle(): Promise<void>;
}

export function makeLanes(maxWaiting = MAX_WAITING): Lanes {
  const tails = new Map<string, { tail: Promise<void>; depth: number }>();
  let waiting = 0;

  return {
    async run(channel, task) {
      if (waiting >= maxWaiting) throw new Error('Too many events wait to be stored.');
      const lane = tails.get(channel) ?? { tail: Promise.resolve(), depth: 0 };
      tails.set(channel, lane);
      waiting++;
      lane.depth++;
      const done = lane.tail.then(task);
      lane.tail = done.catch(() => undefined);
      try {
        await done;
      } finally {
        waiting--;
        lane.depth--;
        if (lane.depth === 0) tails.delete(channel);
      }
    },
    depth: (channel) => tails.get(channel)?.depth ?? 0,
    async settle() {
      await Promise.all([...tails.values()].map((lane) => lane.tail));
    },
  };
}
