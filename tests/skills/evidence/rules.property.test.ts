// The rules that keep or drop a skill, over thousands of made-up histories: who helps is kept, who hurts goes, who does nothing is not kept,
// however often one looks.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideRevision,
  makePairs,
  MAX_IDLE_MS,
  MAX_PAIRS,
  PROMOTE_ERROR,
  ROLL_BACK_ERROR,
  scorePair,
  type Decision,
  type EvidenceOfRevision,
  type Pair,
  type Sample,
} from '../../../skills/evidence/rules.ts';
import { makeRandom } from '../../support/random.ts';

const SEED = Number(process.env['EVIDENCE_SEED'] ?? 20_261_121);
const WORLDS = 400;

/** Success rate and typical cost of a task. */
interface Arm {
  rate: number;
  cost: number;
}

function draw(random: () => number, { rate, cost }: Arm, at: number): Sample {
  // Costs of turns spread over a factor of two or so in each direction.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { isSuccess: random() < rate, cost: cost * Math.exp(0.5 * normal), at };
}

function history(random: () => number, withSkill: Arm, without: Arm, uses: number): readonly Pair[] {
  return Array.from({ length: uses }, (_, at) => ({
    withSkill: draw(random, withSkill, at),
    without: draw(random, without, at),
    source: 'live',
  }));
}

/** One look at the end finds what looking after every pair would have found: that is a test of its own. */
function shares(withSkill: Arm, without: Arm, uses: number): Readonly<Record<Decision, number>> {
  const random = makeRandom(SEED);
  const counts = { promote: 0, 'keep trying': 0, 'roll back': 0, retire: 0 };
  for (let world = 0; world < WORLDS; world++) {
    const pairs = history(random, withSkill, without, uses);
    counts[decideRevision(evidence({ pairs })).decision] += 1 / WORLDS;
  }
  return counts;
}

function evidence(change: Partial<EvidenceOfRevision> = {}): EvidenceOfRevision {
  return { state: 'trial', pairs: [], findings: '', refusals: 0, idleMs: 0, ...change };
}

describe(`seed ${SEED}`, () => {
  test('what helps is promoted with a chance above 0.9', () => {
    // More often right, and cheaper: as a curated skill is.
    expect(shares({ rate: 0.85, cost: 60 }, { rate: 0.65, cost: 100 }, 70).promote).toBeGreaterThan(0.9);
    // As often right, at half the cost.
    expect(shares({ rate: 0.9, cost: 50 }, { rate: 0.9, cost: 100 }, 60).promote).toBeGreaterThan(0.9);
    // At the same cost, far more often right.
    expect(shares({ rate: 0.9, cost: 100 }, { rate: 0.5, cost: 100 }, 60).promote).toBeGreaterThan(0.9);
  });

  test('what hurts is rolled back with a chance above 0.9, and hardly ever promoted', () => {
    for (const [withSkill, without, uses] of [
      [{ rate: 0.5, cost: 100 }, { rate: 0.9, cost: 100 }, 50],
      [{ rate: 0.9, cost: 200 }, { rate: 0.9, cost: 100 }, 50],
      [{ rate: 0.1, cost: 150 }, { rate: 0.8, cost: 100 }, 25],
    ] as const) {
      const found = shares(withSkill, without, uses);
      expect(found['roll back']).toBeGreaterThan(0.9);
      expect(found.promote).toBeLessThan(0.01);
    }
  });

  test('what does nothing is promoted or blamed no more often than the bounds say, and ends as without effect', () => {
    for (const rate of [0.5, 0.8, 0.98]) {
      const found = shares({ rate, cost: 100 }, { rate, cost: 100 }, MAX_PAIRS);
      expect(found.promote).toBeLessThan(PROMOTE_ERROR);
      expect(found['roll back']).toBeLessThan(ROLL_BACK_ERROR);
      expect(found.retire).toBeGreaterThan(1 - PROMOTE_ERROR - ROLL_BACK_ERROR);
    }
  });

  test('a skill in force that begins to hurt is rolled back', () => {
    const random = makeRandom(SEED);
    const pairs = history(random, { rate: 0.3, cost: 100 }, { rate: 0.9, cost: 100 }, 60);
    expect(decideRevision(evidence({ state: 'active', pairs })).decision).toBe('roll back');
  });
});

test('the first limit that is passed counts, whenever one looks', () => {
  const random = makeRandom(SEED);
  for (let world = 0; world < 20; world++) {
    const pairs = history(random, { rate: 0.8, cost: 70 }, { rate: 0.8, cost: 100 }, MAX_PAIRS - 1);
    const looks = pairs.map((_, index) => decideRevision(evidence({ pairs: pairs.slice(0, index + 1) })).decision);
    const first = looks.find((decision) => decision !== 'keep trying') ?? 'keep trying';
    expect(looks.at(-1)).toBe(first);
  }
});

const sample = fc.record({ isSuccess: fc.boolean(), cost: fc.nat(1e6), at: fc.nat(1e6) });
const pair: fc.Arbitrary<Pair> = fc.record({
  withSkill: sample,
  without: sample,
  source: fc.constantFrom('live', 'replay'),
});

test('scores stay within bounds and turn round when the arms are exchanged', () => {
  fc.assert(
    fc.property(pair, (one) => {
      const score = scorePair(one);
      const turned = scorePair({ ...one, withSkill: one.without, without: one.withSkill });
      for (const way of ['success', 'both'] as const) {
        expect(Math.abs(score[way])).toBeLessThanOrEqual(1);
        expect(turned[way]).toBeCloseTo(-score[way], 10);
      }
    }),
    { seed: SEED },
  );
});

test('a turn is compared at most once, with one of its kind, and what comes later changes no earlier comparison', () => {
  const turn = fc.record({
    isSuccess: fc.boolean(),
    cost: fc.nat(9),
    family: fc.constantFrom('a', 'b'),
    hasSkill: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 40 }), (drawn) => {
      const turns = drawn.map((one, at) => ({ ...one, at }));
      const pairs = makePairs(turns);
      const used = pairs.flatMap(({ withSkill, without }) => [withSkill.at, without.at]);
      expect(new Set(used).size).toBe(used.length);
      for (const { withSkill, without } of pairs) {
        expect(turns[withSkill.at]?.family).toBe(turns[without.at]?.family);
        expect([turns[withSkill.at]?.hasSkill, turns[without.at]?.hasSkill]).toEqual([true, false]);
      }
      const earlier = makePairs(turns.slice(0, -1));
      expect(pairs.slice(0, earlier.length)).toEqual(earlier);
    }),
    { seed: SEED },
  );
});

test('a finding or a refused call ends a trial at once, whatever else speaks for it', () => {
  const good: Pair[] = Array.from({ length: 50 }, (_, at) => ({
    withSkill: { isSuccess: true, cost: 10, at },
    without: { isSuccess: false, cost: 100, at },
    source: 'live',
  }));
  expect(decideRevision(evidence({ pairs: good })).decision).toBe('promote');
  const findings = 'low style: SKILL.md:1 shouts\nhigh injection: SKILL.md:3 hidden text';
  expect(decideRevision(evidence({ pairs: good, findings }))).toEqual({
    decision: 'roll back',
    why: 'The guard found in it: high injection: SKILL.md:3 hidden text.',
  });
  expect(decideRevision(evidence({ pairs: good, findings: 'medium network: SKILL.md:1 loads' })).decision).toBe(
    'promote',
  );
  expect(decideRevision(evidence({ pairs: good, refusals: 1 })).decision).toBe('roll back');
  expect(decideRevision(evidence({ pairs: good, refusals: 1, state: 'active' })).decision).toBe('keep trying');
  expect(decideRevision(evidence({ pairs: good, refusals: 2, state: 'active' })).decision).toBe('roll back');
});

test('replays alone promote nothing, but they can end a trial; an unused one ends by itself', () => {
  const replays = (isSuccess: boolean): Pair[] =>
    Array.from({ length: 40 }, (_, at) => ({
      withSkill: { isSuccess, cost: 10, at },
      without: { isSuccess: !isSuccess, cost: 10, at },
      source: 'replay',
    }));
  expect(decideRevision(evidence({ pairs: replays(true) })).decision).toBe('keep trying');
  expect(decideRevision(evidence({ pairs: replays(false) })).decision).toBe('roll back');
  expect(decideRevision(evidence({ idleMs: MAX_IDLE_MS })).decision).toBe('retire');
  expect(decideRevision(evidence({ idleMs: MAX_IDLE_MS, state: 'active' })).decision).toBe('keep trying');
});
