// One lane per channel: what concerns a channel happens in the order in which it came, whatever another channel waits for.

export interface Lanes {
  /** Runs `task` after all earlier ones of the lane, failed or not. Rejects as the task does, or when too much waits: it is not run then. */
  run(lane: string, task: () => Promise<void>): Promise<void>;
  /** How many tasks of a lane wait or run. */
  depth(lane: string): number;
  /** How many there are in all lanes. */
  waiting(): number;
  /** Resolves when nothing waits or runs any more. */
  settle(): Promise<void>;
}

export function makeLanes(maxWaiting = Infinity): Lanes {
  const lanes = new Map<string, { tail: Promise<void>; depth: number }>();
  let waiting = 0;

  return {
    async run(name, task) {
      if (waiting >= maxWaiting) throw new Error('Too many events wait to be stored.');
      const lane = lanes.get(name) ?? { tail: Promise.resolve(), depth: 0 };
      lanes.set(name, lane);
      waiting++;
      lane.depth++;
      const done = lane.tail.then(task).finally(() => {
        waiting--;
        lane.depth--;
        if (lane.depth === 0) lanes.delete(name);
      });
      lane.tail = done.catch(() => undefined);
      await done;
    },
    depth: (name) => lanes.get(name)?.depth ?? 0,
    waiting: () => waiting,
    async settle() {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map((lane) => lane.tail));
    },
  };
}
