// The maths of what is believed: properties, not examples.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { believe, weigh, type Weight } from '../../../data/profile/confidence.ts';

const DAY = 86_400_000;
const NOW = 4_000 * DAY;
const kinds = fc.constantFrom('preference', 'skill', 'goal', 'style', 'routine', 'fact');
const weight = fc.double({ min: 0, max: 2, noNaN: true });
const evidence: fc.Arbitrary<Weight[]> = fc.array(
  fc.record({
    side: fc.constantFrom('for', 'against'),
    weight,
    saidAt: fc.integer({ min: 0, max: NOW }),
  }),
  { maxLength: 30 },
);

describe('believe', () => {
  it('is a share with an interval round it, and undecided without evidence', () => {
    expect(believe({ support: 0, against: 0 })).toEqual({
      mean: 0.5,
      low: expect.closeTo(0.05, 2),
      high: expect.closeTo(0.95, 2),
    });
    // Beta(3, 1): quantiles are cube roots.
    expect(believe({ support: 2, against: 0 })).toEqual({
      mean: 0.75,
      low: expect.closeTo(0.05 ** (1 / 3), 2),
      high: expect.closeTo(0.95 ** (1 / 3), 2),
    });
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (s, a) => {
          const { mean, low, high } = believe({ support: s, against: a });
          expect(low).toBeGreaterThan(0);
          expect(high).toBeLessThan(1);
          expect(low).toBeLessThanOrEqual(high);
          // The grid of the interval is a thousandth wide.
          expect(mean).toBeGreaterThanOrEqual(low - 0.001);
          expect(mean).toBeLessThanOrEqual(high + 0.001);
        },
      ),
    );
  });

  it('more for it makes it surer, more against it less sure, and both sides are alike', () => {
    fc.assert(
      fc.property(weight, weight, fc.double({ min: 0.01, max: 2, noNaN: true }), (support, against, more) => {
        const now = believe({ support, against });
        expect(believe({ support: support + more, against }).mean).toBeGreaterThan(now.mean);
        expect(believe({ support, against: against + more }).mean).toBeLessThan(now.mean);
        expect(believe({ support: against, against: support }).mean).toBeCloseTo(1 - now.mean, 10);
      }),
    );
  });

  it('more evidence of the same kind makes the interval narrower', () => {
    const width = (times: number) => {
      const { low, high } = believe({ support: 3 * times, against: times });
      return high - low;
    };
    expect(width(10)).toBeLessThan(width(2));
    expect(width(2)).toBeLessThan(width(1));
  });
});

describe('weigh', () => {
  it('does not depend on the order in which evidence came', () => {
    fc.assert(
      fc.property(kinds, evidence, fc.infiniteStream(fc.nat()), (kind, all, keys) => {
        const shuffled = all
          .map((one) => ({ one, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one);
        expect(weigh(kind, shuffled, NOW)).toEqual(weigh(kind, all, NOW));
      }),
    );
  });

  it('only ever loses weight with time, never changes sides, and a contradiction never makes surer', () => {
    fc.assert(
      fc.property(kinds, evidence, fc.nat({ max: 2_000 }), weight, (kind, all, days, more) => {
        const [now, later] = [weigh(kind, all, NOW), weigh(kind, all, NOW + days * DAY)];
        expect(later.support).toBeLessThanOrEqual(now.support);
        expect(later.against).toBeLessThanOrEqual(now.against);
        const contradicted = weigh(kind, [...all, { side: 'against', weight: more, saidAt: NOW }], NOW);
        expect(believe(contradicted).mean).toBeLessThanOrEqual(believe(now).mean);
      }),
    );
  });

  it('counts half after its half-life; goals pass sooner than facts; the future counts as now', () => {
    const said: Weight[] = [{ side: 'for', weight: 2, saidAt: 0 }];
    expect(weigh('preference', said, 540 * DAY).support).toBeCloseTo(1, 10);
    expect(weigh('goal', said, 120 * DAY).support).toBeCloseTo(1, 10);
    expect(weigh('fact', said, 120 * DAY).support).toBeGreaterThan(1.8);
    expect(weigh('fact', [{ side: 'for', weight: 2, saidAt: 9 * DAY }], 0).support).toBe(2);
  });
});
