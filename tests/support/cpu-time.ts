// What something costs, measured so that whatever else runs on the machine does not count.

/** Milliseconds of processor time that this thread spends in `act`, which must be synchronous. */
export function cpuMs(act: () => void): number {
  const before = process.threadCpuUsage();
  act();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

const SMALL_CHARS = 40_000;
const LARGE_CHARS = 8 * SMALL_CHARS;

/**
 * How many times more a text of 320,000 characters costs than one of 40,000: about 8 where the time is linear, 64 where it is quadratic.
 * What takes no time to speak of counts as 8 ms.
 */
export function growth(make: (chars: number) => string, use: (text: string) => void): number {
  const costOf = (chars: number) => {
    const text = make(chars);
    return cpuMs(() => use(text));
  };
  const small = costOf(SMALL_CHARS);
  return costOf(LARGE_CHARS) / Math.max(8, small);
}
