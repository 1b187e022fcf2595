// With learning on, work that comes again gets cheaper and better than with it off. The comparison is a process of its own, since its ids follow
// from the seed: the numbers are the same each time.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { COMPILE_CACHE } from '../support/built.ts';
import type { Comparison } from './compare.ts';

const BENCH = fileURLToPath(new URL('../../bench/learning.ts', import.meta.url));
const run = promisify(execFile);

async function comparison(seed: number, weeks: number): Promise<{ found: Comparison; text: string }> {
  console.info(`seed ${seed}, ${weeks} weeks`);
  const args = [BENCH, '--json', '--seed', `${seed}`, '--weeks', `${weeks}`];
  const env = { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILE_CACHE };
  const { stdout } = await run(process.execPath, args, { env, timeout: 90_000, maxBuffer: 10_000_000 });
  return { found: JSON.parse(stdout) as Comparison, text: stdout };
}

it('makes repeated work better and cheaper, looking back and replays included', { timeout: 100_000 }, async () => {
  const { found } = await comparison(5, 8);
  const { off, on, skills } = found;
  expect(off.all.tasks).toBe(on.all.tasks);
  expect(on.late.success - off.late.success).toBeGreaterThanOrEqual(0.15);
  expect(on.late.replies).toBeLessThan(0.85 * off.late.replies);
  expect(on.late.tokens).toBeLessThan(0.85 * off.late.tokens);
  expect(on.late.tokens + on.late.learningTokens).toBeLessThan(off.late.tokens);
  // Without learning nothing changes, and nothing is spent on it.
  expect(off.all.learningTokens).toBe(0);
  // Each kind of work has become a skill that was used and compared; none that was promoted made things worse.
  expect(skills.map(({ skill }) => skill)).toHaveLength(3);
  expect(skills.every(({ uses }) => uses > 0)).toBe(true);
  expect(skills.some(({ state }) => state === 'active')).toBe(true);
});

it('gives the same bytes for the same seed', { timeout: 100_000 }, async () => {
  const [first, second] = await Promise.all([comparison(3, 1), comparison(3, 1)]);
  expect(first.text).toBe(second.text);
});
