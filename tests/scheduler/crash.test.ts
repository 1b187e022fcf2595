// A runner that is killed at each boundary: just before and just after each statement that writes outside a transaction, and each commit.
// Whatever is on disk then, the next runner ends the run, nothing is delivered twice, and the next run is planned.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { StatementObserver } from '../../data/query/dialect.ts';
import { DAY, HOUR, makeSettableClock, MINUTE, openBench, statesOf, toldOnDisk, type Bench } from './bench.ts';

/** Calls `onBoundary` at each point between which nothing on disk changes. */
function watchBoundaries(onBoundary: () => void): StatementObserver {
  let inTransaction = false;
  return (when, sql) => {
    if (sql === 'begin') {
      inTransaction = true;
      return;
    }
    const isCommit = sql === 'commit';
    const isBoundary = isCommit || !inTransaction;
    if ((isCommit && when === 'after') || sql === 'rollback') inTransaction = false;
    if (isBoundary) onBoundary();
  };
}

/** What is on disk at each boundary while `armed` goes on. */
async function copiesOf(
  armed: (bench: Bench) => Promise<void>,
  prepare: (bench: Bench) => Promise<void>,
): Promise<{ bench: Bench; copies: readonly string[]; remove(): Promise<void> }> {
  const copies: string[] = [];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'herald-crash-'));
  let isArmed = false;
  const observe = watchBoundaries(() => {
    if (!isArmed) return;
    const copy = path.join(folder, String(copies.length));
    cpSync(bench.home, copy, { recursive: true });
    copies.push(copy);
  });
  const bench = await openBench({ observe });
  await prepare(bench);
  isArmed = true;
  await armed(bench);
  isArmed = false;
  return {
    bench,
    copies,
    async remove() {
      await bench.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

it('wherever it is killed, the run ends once and the next one is planned', async () => {
  const { bench, copies, remove } = await copiesOf(
    async ({ runner: open, clock }) => {
      const runner = open();
      await runner.start();
      await clock.advance(HOUR);
      await runner.stop();
    },
    async ({ add }) => void (await add({ rule: { kind: 'cron', expressions: ['0 13 * * *'] } })),
  );
  const [key] = bench.began.map((run) => run.key);
  expect(copies.length).toBeGreaterThanOrEqual(6);
  for (const home of copies) {
    const after = await openBench({ home, clock: makeSettableClock(bench.clock.now()) });
    const next = after.runner({ isAlone: true });
    await next.start();
    await after.clock.advance(MINUTE);
    await next.stop();
    const rows = await after.rows();
    expect(rows.map(({ state }) => state)).toEqual(['done', 'planned']);
    // Whatever is done again is done under the same key.
    expect(after.began.every((run) => run.key === key)).toBe(true);
    expect(after.notices.length).toBe(rows[0]?.interruptions);
    await after.close();
  }
  await remove();
});

it('wherever it is killed while it takes up what was missed, no row is missed without a word, and none is told twice', async () => {
  const { bench, copies, remove } = await copiesOf(
    async ({ runner: open, clock }) => {
      const runner = open();
      await runner.start();
      await clock.advance(MINUTE);
      await runner.stop();
    },
    async ({ add, clock }) => {
      await add({ rule: { kind: 'cron', expressions: ['0 13 * * *'] }, name: 'news', policy: { catchUp: 'skip' } });
      await clock.advance(3 * DAY);
    },
  );
  let missedOnDisk = 0;
  for (const home of copies) {
    const after = await openBench({ home, clock: makeSettableClock(bench.clock.now()) });
    if ((await statesOf(after)).includes('missed')) missedOnDisk++;
    const next = after.runner({ isAlone: true });
    await next.start();
    await after.clock.advance(MINUTE);
    await next.stop();
    expect(await statesOf(after)).toEqual(['missed', 'missed', 'missed', 'planned']);
    expect(await toldOnDisk(after)).toEqual([expect.stringMatching(/- news: 3 times since/)]);
    await after.close();
  }
  expect(missedOnDisk).toBeGreaterThan(0);
  await remove();
});
