// Rows of jobs that cannot be read, or whose schedule cannot be followed: told once, set aside, and in nobody's way.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addOccurrence } from '../../data/schedule/occurrences.ts';
import type { Runner } from '../../scheduler/ports.ts';
import type { Job } from '../../scheduler/types.ts';
import { DAY, HOUR, makeSettableClock, MINUTE, openBench, statesOf, toldOnDisk, type Bench } from './bench.ts';

let bench: Bench;
let runner: Runner;
beforeEach(async () => {
  bench = await openBench();
  runner = bench.runner();
});
afterEach(async () => {
  await runner.stop();
  await bench.close();
});

const daily = { kind: 'cron', expressions: ['0 13 * * *'] } as const;
const unreadable = { work: '{"kind":"dance"}' };
const noJson = { policy: '{' };
const noCron = { schedule: '{"rule":{"kind":"cron","expressions":["99 99 * * *"]},"text":"","timezone":"UTC"}' };

async function damage(job: Job, columns: Record<string, string>, on = bench): Promise<void> {
  await on.db.query.updateTable('jobs').set(columns).where('id', '=', job.id).execute();
}

async function rowOf({ id }: Job) {
  return bench.db.query.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

describe.each([
  ['an unknown kind of work', unreadable],
  ['no JSON', noJson],
  ['a cron expression that nobody understands', noCron],
])('%s', (_, columns) => {
  it('is told once and set aside, and other jobs go on', async () => {
    const bad = await bench.add({ rule: daily, name: 'bad' });
    const good = await bench.add({ rule: daily });
    await damage(bad, columns);
    await runner.start();
    await bench.clock.advance(3 * DAY);
    expect(await statesOf(bench, bad)).toEqual(['failed']);
    expect(await statesOf(bench, good)).toEqual(['done', 'done', 'done', 'planned']);
    expect(await rowOf(bad)).toMatchObject({ state: 'paused', state_reason: 'it cannot be read as it is stored' });
    // Begun by hand all the same: it fails, and nobody is told again.
    const at = bench.clock.now();
    await addOccurrence(bench.db, bench.scope, bad.id, { scheduledAt: at, dueAt: at, cause: 'manual' });
    runner.wake();
    await bench.clock.advance(MINUTE);
    expect(await toldOnDisk(bench)).toEqual([expect.stringContaining(`/cron remove ${bad.id}`)]);
  });

  it('is in nobody’s way when it was due while nothing ran, or when the clock goes back', async () => {
    const bad = await bench.add({ rule: daily, name: 'bad' });
    const good = await bench.add({ rule: daily });
    await bench.clock.advance(2 * DAY);
    await damage(bad, columns);
    await runner.start();
    await bench.clock.advance(MINUTE);
    expect(await statesOf(bench, good)).toEqual(['missed', 'done', 'planned']);
    const later = await bench.add({ rule: daily, name: 'later' });
    await damage(later, columns);
    bench.clock.set(bench.clock.now() - 3 * HOUR);
    await bench.clock.advance(DAY);
    expect(await statesOf(bench, good)).toEqual(['missed', 'done', 'done', 'planned']);
    expect(await toldOnDisk(bench)).toHaveLength(3);
  });
});

it('a job that cannot be read any more when its run ends: the run ends all the same', async () => {
  const job = await bench.add({ rule: daily });
  runner = bench.runner({
    async run({ job: mine }) {
      await damage(mine, unreadable);
      return { end: 'done', text: 'fine', files: [], origin: 'agent', costMicroUsd: 0, tokens: 0 };
    },
  });
  await runner.start();
  await bench.clock.advance(HOUR);
  expect(await statesOf(bench, job)).toEqual(['done', 'planned']);
});

it('a run that a crash cut off, of a job that cannot be read: it ends, is told, and nothing waits for it', async () => {
  const job = await bench.add({ rule: daily, name: 'bad' });
  await bench.runner({ run: () => new Promise(() => undefined) }).start();
  await bench.clock.advance(HOUR);
  const after = await openBench({ home: bench.home, clock: makeSettableClock(bench.clock.now()) });
  await damage(job, unreadable, after);
  const next = after.runner({ isAlone: true });
  await next.start();
  await after.clock.advance(MINUTE);
  expect(await statesOf(after, job)).toEqual(['interrupted', 'failed']);
  expect(await toldOnDisk(after)).toEqual([expect.stringContaining('"bad" cannot be read')]);
  expect(after.clock.pending()).toBe(0);
  await next.stop();
  await after.close();
});
