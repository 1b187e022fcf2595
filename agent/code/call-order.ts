// The order of calls that a script makes at the same time: harmless ones run beside each other, others alone, in the order in which they came.

export interface CallOrder {
  run<Value>(isParallel: boolean, work: () => Promise<Value>): Promise<Value>;
}

interface Waiting {
  isParallel: boolean;
  start(): void;
}

/** @param maxParallel at least 1 */
export function makeCallOrder(maxParallel: number): CallOrder {
  const waiting: Waiting[] = [];
  let running = 0;
  let isAlone = false;

  function mayStart({ isParallel }: Waiting): boolean {
    return running === 0 || (isParallel && !isAlone && running < maxParallel);
  }

  function next(): void {
    for (let first = waiting[0]; first !== undefined && mayStart(first); first = waiting[0]) {
      waiting.shift();
      running++;
      isAlone = !first.isParallel;
      first.start();
    }
  }

  return {
    async run(isParallel, work) {
      await new Promise<void>((resolve) => {
        waiting.push({ isParallel, start: resolve });
        next();
      });
      try {
        return await work();
      } finally {
        running--;
        next();
      }
    },
  };
}
