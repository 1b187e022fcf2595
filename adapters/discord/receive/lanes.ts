// Work in order, one lane per channel. A lane exists while it has something to do.

export interface Lanes {
  /** Runs `task` after all earlier ones of its lane. One that rejects is told to `onError` and holds nothing up. */
  push(lane: string, task: () => Promise<void>): void;
  /** Tasks that wait or run in a lane. */
  size(lane: string): number;
  isIdle(): boolean;
  /** Resolves when nothing runs any more. */
  settle(): Promise<void>;
}

export function makeLanes(onError: (error: unknown) => void): Lanes {
  const queues = new Map<string, (() => Promise<void>)[]>();
  const running = new Set<Promise<void>>();

  async function drain(lane: string, queue: (() => Promise<void>)[]): Promise<void> {
    for (let task = queue[0]; task; task = queue[0]) {
      await task().catch(onError);
      queue.shift();
    }
    queues.delete(lane);
  }

  return {
    push(lane, task) {
      const queue = queues.get(lane);
      if (queue) {
        queue.push(task);
        return;
      }
      const fresh = [task];
      queues.set(lane, fresh);
      const run: Promise<void> = drain(lane, fresh).finally(() => running.delete(run));
      running.add(run);
    },
    size: (lane) => queues.get(lane)?.length ?? 0,
    isIdle: () => queues.size === 0,
    async settle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
