import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, suggestName } from '../../config/suggest.ts';

const keys = ['host', 'port', 'allowed_users', 'allow_all_users', 'queue_mode', 'ms'];

test.each([
  ['prot', 'port'],
  ['PORT', 'port'],
  ['alowed_user', 'allowed_users'],
  ['queuemode', 'queue_mode'],
])('%s means %s', (typed, meant) => {
  expect(suggestName(typed, keys)).toBe(meant);
});

test.each(['telephone', 'x', ''])('%j means nothing of these', (typed) => {
  expect(suggestName(typed, keys)).toBeUndefined();
});

test('distance: known values, symmetric, zero only for equals', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('prot', 'port')).toBe(1);
  expect(editDistance('', 'abc')).toBe(3);
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
