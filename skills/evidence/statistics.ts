// Numbers with intervals, and the test that decides. All of it is pure: the same samples give the same numbers.

export interface Interval {
  value: number;
  low: number;
  high: number;
}

/** Of the normal distribution, for intervals that hold the truth 95 times in 100. */
const Z = 1.96;

/** A share with its Wilson score interval (E. B. Wilson, 1927), which is sound for few samples too. Undefined without samples. */
export function shareOf(successes: number, samples: number): Interval | undefined {
  if (samples === 0) return undefined;
  const value = successes / samples;
  const square = Z * Z;
  const width = 1 + square / samples;
  const middle = (value + square / (2 * samples)) / width;
  const half = (Z / width) * Math.sqrt((value * (1 - value)) / samples + square / (4 * samples * samples));
  // The bounds touch 0 and 1 exactly where every sample is one of both.
  return {
    value,
    low: successes === 0 ? 0 : Math.max(0, middle - half),
    high: successes === samples ? 1 : Math.min(1, middle + half),
  };
}

/** The median with the interval that the order of the samples gives, whatever their distribution. Undefined without samples. */
export function medianOf(samples: readonly number[]): Interval | undefined {
  const sorted = samples.toSorted((a, b) => a - b);
  const count = sorted.length;
  const at = (index: number) => sorted[Math.min(count - 1, Math.max(0, index))] ?? 0;
  if (count === 0) return undefined;
  const value = count % 2 === 1 ? at((count - 1) / 2) : (at(count / 2 - 1) + at(count / 2)) / 2;
  const spread = (Z * Math.sqrt(count)) / 2;
  return { value, low: at(Math.floor(count / 2 - spread) - 1), high: at(Math.ceil(count / 2 + spread)) };
}

/** The difference of two shares, with Newcombe's interval (R. G. Newcombe, 1998, method 10) made of both Wilson intervals. */
export function differenceOf(a: Interval | undefined, b: Interval | undefined): Interval | undefined {
  if (!a || !b) return undefined;
  const value = a.value - b.value;
  return {
    value,
    low: value - Math.hypot(a.value - a.low, b.high - b.value),
    high: value + Math.hypot(a.high - a.value, b.value - b.low),
  };
}

/** Shares of the stake that are bet; the wealth is the mean over all, so nobody has to know the size of the effect beforehand. */
const BETS: readonly number[] = [0.25, 0.5, 0.8];

/**
 * Wealth of a gambler who bets that scores from -1 to 1 are above `margin` in the mean: a test martingale. When they are not, the chance that
 * it EVER passes 1/α is at most α (Ville's inequality), however often one looks and whatever the distribution; see A. Ramdas et al., "Game-
 * theoretic statistics and safe anytime-valid inference", 2023. Several ways to score the same things share the stake, with the same bound.
 * Gives the wealth after each.
 */
export function wealthOf(ways: readonly (readonly number[])[], margin: number): readonly number[] {
  // Kept as sums of logarithms: products of many scores leave the range of numbers.
  const purses = ways.flatMap((scores) => BETS.map((bet) => ({ bet, scores, log: 0 })));
  return (ways[0] ?? []).map((_, index) => {
    for (const purse of purses)
      purse.log += Math.log(Math.max(1e-9, 1 + purse.bet * ((purse.scores[index] ?? 0) - margin)));
    const top = Math.max(...purses.map(({ log }) => log));
    const mean = purses.reduce((sum, { log }) => sum + Math.exp(log - top), 0) / purses.length;
    return Math.exp(Math.min(700, top)) * mean;
  });
}
