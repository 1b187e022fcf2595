// Kills at random moments in each run of the tests; soak.ts does more of them.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { killAtRandom } from './random-kills.ts';
import { openCrashWorld, type CrashWorld } from './scenario.ts';

let world: CrashWorld;
beforeAll(async () => {
  world = await openCrashWorld();
}, 60_000);
afterAll(() => world.close());

it('survives 30 kills at random moments', { timeout: 240_000 }, async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seeds ${seed} and ${seed + 1}: repeat with npm run test:crash -- --runs 15 --seed ${seed}`);
  const halves = await Promise.all([
    killAtRandom(world, { kills: 15, seed }),
    killAtRandom(world, { kills: 15, seed: seed + 1 }),
  ]);
  expect(halves.flatMap((half) => half.faults)).toEqual([]);
});
