// Ways in which a run could be lost without a word: each was possible once.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addOccurrence } from '../../data/schedule/occurrences.ts';
import { occurrenceValues } from '../../data/schedule/rows.ts';
import type { RunnerPorts } from '../../scheduler/ports.ts';
import type { Job, RunOutcome } from '../../scheduler/types.ts';
import { DAY, failure, HOUR, MINUTE, OK, openBench, statesOf, toldOnDisk, type Bench } from './bench.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const daily = { kind: 'cron', expressions: ['0 13 * * *'] } as const;
const after = (ms: number) => ({ kind: 'once', at: bench.clock.now() + ms }) as const;
const every = (ms: number) => ({ kind: 'interval', everyMs: ms, anchor: bench.clock.now() }) as const;

/** Runs of one job last until the process ends; others are done at once. */
const longFor =
  (name: string): RunnerPorts['run'] =>
  (run, signal) =>
    run.job.name !== name
      ? Promise.resolve(OK)
      : new Promise<RunOutcome>((resolve) =>
          signal.addEventListener('abort', () => resolve({ end: 'cut' }), { once: true }),
        );

async function addDone(job: Job, instants: readonly number[]): Promise<void> {
  const now = bench.clock.now();
  const row = { id: job.id, space_id: job.space, person_id: job.person };
  for (const at of instants) {
    const planned = occurrenceValues(row, { scheduledAt: at, dueAt: at, cause: 'schedule' }, now);
    await bench.db.query
      .insertInto('occurrences')
      .values({ ...planned, state: 'done', next_at: null })
      .execute();
  }
}

it('a run that waits for the one before it does not keep others from being seen in time', async () => {
  const policy = { overlap: 'wait', timeoutMs: 3 * HOUR } as const;
  await bench.add({ rule: every(10 * MINUTE), name: 'long', policy });
  const other = await bench.add({ rule: after(33 * MINUTE), policy: { catchUp: 'skip' } });
  await bench.start({ run: longFor('long') });
  await bench.clock.advance(40 * MINUTE);
  expect(await statesOf(bench, other)).toEqual(['done']);
});

it('nor do many events that wait for a long run', async () => {
  const busy = await bench.add({ rule: { kind: 'trigger' }, name: 'busy', policy: { timeoutMs: 3 * HOUR } });
  for (let i = 0; i < 150; i++) {
    const at = bench.clock.now();
    const run = { scheduledAt: at, dueAt: at, cause: 'trigger', triggerKey: `k${i}` } as const;
    await addOccurrence(bench.db, bench.scope, busy.id, run);
  }
  const other = await bench.add({ rule: after(10 * MINUTE), policy: { catchUp: 'skip' } });
  await bench.start({ run: longFor('busy') });
  await bench.clock.advance(20 * MINUTE);
  expect(await statesOf(bench, other)).toEqual(['done']);
});

it('a clock that goes back behind more runs than are looked through stops nothing', async () => {
  const often = await bench.add({ rule: every(MINUTE) });
  const anchor = bench.clock.now();
  await bench.db.query.deleteFrom('occurrences').execute();
  await addDone(
    often,
    Array.from({ length: 1_200 }, (_, i) => anchor + (i + 1) * MINUTE),
  );
  const last = anchor + 1_201 * MINUTE;
  const row = { id: often.id, space_id: often.space, person_id: often.person };
  const planned = occurrenceValues(row, { scheduledAt: last, dueAt: last, cause: 'schedule' }, anchor);
  await bench.db.query.insertInto('occurrences').values(planned).execute();
  const runner = await bench.start();
  bench.clock.set(bench.clock.now() - 3 * HOUR);
  const other = await bench.add({ rule: after(30 * MINUTE) });
  runner.wake();
  await bench.clock.advance(HOUR);
  expect(await statesOf(bench, other)).toEqual(['done']);
});

it('a run that lies ahead from when the clock was wrong does not end the chain', async () => {
  const job = await bench.add({ rule: daily });
  await addDone(job, [bench.clock.now() + HOUR + DAY]);
  await bench.start();
  await bench.clock.advance(4 * DAY);
  expect(bench.began).toHaveLength(3);
  expect(await statesOf(bench, job)).toEqual(['done', 'done', 'done', 'done', 'planned']);
});

it('a clock that was wrong in an earlier process is noticed by the next', async () => {
  const real = bench.clock.now();
  bench.clock.set(real + 365 * DAY);
  const job = await bench.add({ rule: daily });
  bench.clock.set(real);
  await bench.start();
  await bench.clock.advance(2 * DAY);
  expect(await statesOf(bench, job)).toEqual(['done', 'done', 'planned']);
});

it('an active job without a next run gets one', async () => {
  const job = await bench.add({ rule: daily });
  await bench.db.query.deleteFrom('occurrences').execute();
  await bench.start();
  await bench.clock.advance(DAY);
  expect(await statesOf(bench, job)).toEqual(['done', 'planned']);
});

it('what was taken while the process began to end is not begun, and begins with the next one', async () => {
  const job = await bench.add({ rule: after(MINUTE), policy: { rerun: 'never' } });
  const first = await bench.start();
  bench.clock.set(bench.clock.now() + 2 * MINUTE);
  first.wake();
  await first.stop();
  expect(bench.began).toHaveLength(0);
  expect((await bench.rows(job))[0]).toMatchObject({ state: 'planned', attempts: 0 });
  await bench.start({ isAlone: true });
  await bench.clock.advance(0);
  expect(await statesOf(bench, job)).toEqual(['done']);
});

it('a run that the orderly end of the process cut off for good is told', async () => {
  const job = await bench.add({ rule: after(MINUTE), name: 'long', policy: { rerun: 'never' } });
  const runner = await bench.start({ run: longFor('long') });
  await bench.clock.advance(MINUTE);
  await runner.stop();
  expect((await bench.rows(job))[0]).toMatchObject({ state: 'interrupted', failure: 'lost' });
  expect(await toldOnDisk(bench)).toEqual([expect.stringContaining('not begun again by itself')]);
});

it('a run that an event began is tried again also when the next one of the schedule is near', async () => {
  const job = await bench.add({ rule: every(4 * MINUTE) });
  const outcomes = [failure()];
  const runner = await bench.start({
    run: async ({ occurrence }) => (occurrence.cause === 'trigger' ? (outcomes.shift() ?? OK) : OK),
  });
  const at = bench.clock.now();
  const input = { text: 'invoice', origin: 'foreign' } as const;
  const event = { scheduledAt: at, dueAt: at, cause: 'trigger', triggerKey: 'k', input } as const;
  await addOccurrence(bench.db, bench.scope, job.id, event);
  runner.wake();
  await bench.clock.advance(6 * MINUTE);
  const rows = await bench.rows(job);
  expect(rows.find(({ cause }) => cause === 'trigger')).toMatchObject({ state: 'done', attempts: 2 });
});
