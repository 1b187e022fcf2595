// Intervals against published and computed values, and the bound of the test itself.
import { expect, test } from 'vitest';
import { differenceOf, medianOf, shareOf, wealthOf } from '../../../skills/evidence/statistics.ts';
import { makeRandom } from '../../support/random.ts';

test('Wilson: the examples of Newcombe 1998, table I', () => {
  for (const [successes, samples, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const found = shareOf(successes, samples);
    expect(found?.low).toBeCloseTo(low, 4);
    expect(found?.high).toBeCloseTo(high, 4);
  }
  expect(shareOf(0, 0)).toBeUndefined();
  expect(shareOf(5, 5)).toMatchObject({ value: 1, high: 1 });
});

test('Newcombe: the difference 56/70 against 48/80 is 0.2, from 0.0524 to 0.3339', () => {
  const found = differenceOf(shareOf(56, 70), shareOf(48, 80));
  expect(found?.value).toBeCloseTo(0.2, 4);
  expect(found?.low).toBeCloseTo(0.0524, 4);
  expect(found?.high).toBeCloseTo(0.3339, 4);
  expect(differenceOf(undefined, shareOf(1, 2))).toBeUndefined();
});

test('the interval of a median holds the true one at least 95 times in 100', () => {
  const seed = 7;
  const random = makeRandom(seed);
  let held = 0;
  for (let world = 0; world < 1_000; world++) {
    const found = medianOf(Array.from({ length: 21 }, () => random() ** 3));
    if (found && found.low <= 0.125 && 0.125 <= found.high) held++;
  }
  expect(held, `seed ${seed}`).toBeGreaterThanOrEqual(950);
  expect(medianOf([])).toBeUndefined();
  expect(medianOf([3])).toEqual({ value: 3, low: 3, high: 3 });
  expect(medianOf([1, 9])).toEqual({ value: 5, low: 1, high: 9 });
});

test('wealth passes 20 less than once in 20 when there is nothing to win, and grows without bound when there is', () => {
  const seed = 11;
  const random = makeRandom(seed);
  let passed = 0;
  for (let world = 0; world < 1_000; world++)
    if (Math.max(...wealthOf([Array.from({ length: 200 }, () => (random() < 0.5 ? 1 : -1))], 0)) >= 20) passed++;
  expect(passed, `seed ${seed}`).toBeLessThanOrEqual(50);
  const sure = wealthOf([Array.from({ length: 5_000 }, () => 1)], 0);
  expect(sure.at(-1)).toBeGreaterThan(1e300);
  expect(sure.every(Number.isFinite)).toBe(true);
});
