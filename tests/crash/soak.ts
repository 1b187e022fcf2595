// npm run test:crash -- --runs 1000 [--seed N]: many kills at random moments, in rounds of 25; prints each round and ends with 1 on a fault.
import { parseArgs } from 'node:util';
import { killAtRandom } from './random-kills.ts';
import { openCrashWorld } from './scenario.ts';

const ROUND = 25;
const { values } = parseArgs({ options: { runs: { type: 'string', default: '200' }, seed: { type: 'string' } } });
const runs = Math.max(1, Math.floor(Number(values.runs)));
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const world = await openCrashWorld();
let failed = 0;
try {
  for (let done = 0, round = 0; done < runs; done += ROUND, round++) {
    const kills = Math.min(ROUND, runs - done);
    const result = await killAtRandom(world, { kills, seed: seed + round });
    failed += result.faults.length;
    console.log(`seed ${seed + round}: ${kills} kills, ${result.messages} messages, ${result.faults.length} faults`);
    for (const fault of result.faults) console.log(`  ${fault}`);
  }
} finally {
  await world.close();
}
console.log(`${runs - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
