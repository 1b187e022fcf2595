// How sure it is that a claim about a person holds: a Beta distribution over the evidence for and against it, which loses weight with time.
import type { ClaimKind } from './tables.ts';

export interface Confidence {
  /** 0 to 1: mean of the distribution. */
  mean: number;
  /** Where it lies with a probability of 90 %. */
  low: number;
  high: number;
}

export interface Weight {
  side: 'for' | 'against';
  weight: number;
  /** ms since the epoch. */
  saidAt: number;
}

const DAY_MS = 86_400_000;

/** After so many days, evidence counts half: goals pass, abilities stay. */
const HALF_LIFE_DAYS: Readonly<Record<ClaimKind, number>> = {
  goal: 120,
  routine: 240,
  preference: 540,
  style: 540,
  skill: 730,
  fact: 1_095,
};

/** What the evidence is worth at `now`, for and against. Evidence of the future counts as of now. */
export function weigh(kind: ClaimKind, evidence: readonly Weight[], now: number): { support: number; against: number } {
  const sum = (side: Weight['side']) =>
    evidence
      .filter((one) => one.side === side)
      .map(({ weight, saidAt }) => weight * 2 ** (-Math.max(0, now - saidAt) / (HALF_LIFE_DAYS[kind] * DAY_MS)))
      // From the smallest on, so that the order in which it came does not show in the last digit.
      .sort((a, b) => a - b)
      .reduce((total, weight) => total + weight, 0);
  return { support: sum('for'), against: sum('against') };
}

/** What is believed with that much for and against it: without evidence, anything. Weights are at least 0. */
export function believe({ support, against }: { support: number; against: number }): Confidence {
  const [a, b] = [1 + support, 1 + against];
  return { mean: a / (a + b), ...interval(a, b) };
}

/** The person's own word: nothing is surer. */
export const certain: Confidence = { mean: 1, low: 1, high: 1 };

const STEPS = 1_000;
const TAIL = 0.05;

/** The 5th and 95th percentile of Beta(a, b), summed up over a grid; a and b are at least 1. */
function interval(a: number, b: number): { low: number; high: number } {
  const logs = Array.from({ length: STEPS }, (_, step) => {
    const x = (step + 0.5) / STEPS;
    return (a - 1) * Math.log(x) + (b - 1) * Math.log(1 - x);
  });
  const top = logs.reduce((most, log) => Math.max(most, log), Number.NEGATIVE_INFINITY);
  const masses = logs.map((log) => Math.exp(log - top));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  const percentile = (share: number) => {
    let sum = 0;
    const at = masses.findIndex((mass) => (sum += mass) >= share * total);
    return (at + 0.5) / STEPS;
  };
  return { low: percentile(TAIL), high: percentile(1 - TAIL) };
}
