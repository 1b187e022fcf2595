// kill -9 at every boundary of one message's way: nothing lost, nothing answered twice, no `once` tool repeated.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFault, openCrashWorld, readTimeline, say, settled, startCrashing, type CrashWorld } from './scenario.ts';

let world: CrashWorld;
let boundaries: readonly string[];

beforeAll(async () => {
  world = await openCrashWorld();
  const home = world.newHome();
  const log = path.join(home, 'boundaries.log');
  const gateway = await startCrashing(home, 0, log);
  await say(gateway, 'message-clean', 'TOKEN-clean');
  await settled(gateway);
  expect(findFault(await readTimeline(gateway), 'clean')).toBeUndefined();
  await gateway.kill('SIGKILL');
  boundaries = fs.readFileSync(log, 'utf8').trim().split('\n');
}, 60_000);

afterAll(() => world.close());

it('passes boundaries of inbox, journal and outbox', () => {
  for (const table of ['inbox', 'journal', 'outbox', 'usage'])
    expect(
      boundaries.some((name) => name.includes(`"${table}"`)),
      table,
    ).toBe(true);
  expect(boundaries.filter((name) => name === 'after commit').length).toBeGreaterThan(3);
});

it('survives a kill at each of them', { timeout: 240_000 }, async () => {
  const faults: string[] = [];
  let kills = 0;
  const numbers = boundaries.map((_, index) => index + 1);
  const work = async () => {
    for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
      const outcome = await killAt(number);
      if (outcome.killed) kills++;
      if (outcome.fault) faults.push(`${boundaries[number - 1] ?? number} (boundary ${number}): ${outcome.fault}`);
    }
  };
  await Promise.all([work(), work()]);
  expect(faults).toEqual([]);
  // A few of the last ones belong to work that a kill may come too late for; most must really have been hit.
  expect(kills).toBeGreaterThan(boundaries.length * 0.8);
});

async function killAt(number: number): Promise<{ killed: boolean; fault: string | undefined }> {
  const home = world.newHome();
  const token = `at${number}`;
  const id = `message-${token}`;
  const first = await startCrashing(home, number);
  const taken = await say(first, id, `TOKEN-${token}`);
  const end = taken
    ? await Promise.race([
        first.ended,
        settled(first).then(
          () => 'settled' as const,
          () => first.ended,
        ),
      ])
    : await first.ended;
  if (end === 'settled') await first.kill('SIGKILL');
  const second = await startCrashing(home, 0);
  await say(second, id, `TOKEN-${token}`);
  await settled(second);
  const fault = findFault(await readTimeline(second), token);
  await second.kill('SIGKILL');
  fs.rmSync(home, { recursive: true, force: true });
  return { killed: end === 'SIGKILL', fault };
}
