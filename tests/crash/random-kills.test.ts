import { afterAll, beforeAll, expect, it } from 'vitest';
import { killAtRandom } from './random-kills.ts';
import { openCrashWorld, type CrashWorld } from './scenario.ts';

let world: CrashWorld;
beforeAll(async () => {
  world = await openCrashWorld();
}, 60_000);
afterAll(() => world.close());

it('survives 50 kills at random moments', { timeout: 240_000 }, async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}: repeat with npm run test:crash -- --runs 50 --seed ${seed}`);
  const halves = await Promise.all([
    killAtRandom(world, { kills: 25, seed }),
    killAtRandom(world, { kills: 25, seed: seed + 1 }),
  ]);
  expect(halves.flatMap((half) => half.faults)).toEqual([]);
});
