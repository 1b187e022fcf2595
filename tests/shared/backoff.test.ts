import { expect, it } from 'vitest';
import { backoffMs } from '../../shared/backoff.ts';

it('doubles up to its cap, and takes a random share off', () => {
  const options = { baseMs: 100, maxMs: 1_000 };
  expect([1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, options, () => 0))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
  expect(backoffMs(1, options, () => 1)).toBe(70);
  expect(backoffMs(0, options, () => 0)).toBe(100);
});
