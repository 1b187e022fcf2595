// What becomes of runs that were due while nothing ran, as a table; and the same through the runner.
import { describe, expect, it } from 'vitest';
import { decideCatchUp } from '../../scheduler/catch-up.ts';
import type { Policy, Schedule } from '../../scheduler/types.ts';
import { DAY, HOUR, MINUTE, openBench, POLICY, statesOf } from './bench.ts';

const hourly: Schedule = { rule: { kind: 'interval', everyMs: HOUR, anchor: 0 }, text: '', timezone: 'UTC' };
const once: Schedule = { rule: { kind: 'once', at: HOUR }, text: '', timezone: 'UTC' };

/** Schedule, policy, now in hours, hours that run, hours that are missed. The first run is due at hour 1. */
const TABLE: readonly (readonly [string, Schedule, Partial<Policy>, number, readonly number[], readonly number[]])[] = [
  ['a moment late', hourly, { catchUp: 'skip' }, 1.01, [1], []],
  ['skip', hourly, { catchUp: 'skip' }, 4.5, [], [1, 2, 3, 4]],
  ['skip, but one is due just now', hourly, { catchUp: 'skip' }, 4.01, [4], [1, 2, 3]],
  ['latest', hourly, { catchUp: 'latest' }, 4.5, [4], [1, 2, 3]],
  ['latest, too late', hourly, { catchUp: 'latest', maxLateMs: 10 * MINUTE }, 4.5, [], [1, 2, 3, 4]],
  ['all', hourly, { catchUp: 'all' }, 4.5, [1, 2, 3, 4], []],
  ['all, the oldest too late', hourly, { catchUp: 'all', maxLateMs: 2 * HOUR }, 4.5, [3, 4], [1, 2]],
  ['once, late', once, { catchUp: 'latest' }, 9, [1], []],
  ['once, too late', once, { catchUp: 'latest', maxLateMs: HOUR }, 9, [], [1]],
  ['once, never made up', once, { catchUp: 'skip' }, 9, [], [1]],
];

describe('catching up', () => {
  it.each(TABLE)('%s', (_name, schedule, policy, now, run, missed) => {
    const job = { id: 'j', schedule, policy: { ...POLICY, ...policy } };
    const found = decideCatchUp(job, { scheduledAt: HOUR, dueAt: HOUR }, now * HOUR);
    expect(found.run.map(({ dueAt }) => dueAt / HOUR)).toEqual(run);
    expect(found.missed.map((one) => one.run.dueAt / HOUR)).toEqual(missed);
    for (const { reason } of found.missed) expect(reason).toContain('Herald was not running');
  });

  it('of a job of each second after a month away: the latest, in order, in no time', () => {
    const rule = { kind: 'cron', expressions: ['* * * * * *'] } as const;
    const job = {
      id: 'j',
      schedule: { rule, text: '', timezone: 'UTC' },
      policy: { ...POLICY, catchUp: 'all' },
    } as const;
    const started = performance.now();
    const { run, missed, last } = decideCatchUp(job, { scheduledAt: HOUR, dueAt: HOUR }, 30 * DAY + 500);
    expect(run.map(({ dueAt }) => dueAt)).toEqual(Array.from({ length: 24 }, (_, at) => 30 * DAY - (23 - at) * 1_000));
    expect(missed[0]?.run.dueAt).toBe(HOUR);
    expect(last.dueAt).toBe(30 * DAY);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('of a job that runs often on one day of the week: its last ones are found', () => {
    const rule = { kind: 'cron', expressions: ['* * * * 1'] } as const;
    const job = { id: 'j', schedule: { rule, text: '', timezone: 'UTC' }, policy: { ...POLICY, maxLateMs: 9 * DAY } };
    // 1970-01-05 was a Monday; it is the Friday of a later week now.
    const first = { scheduledAt: 4 * DAY, dueAt: 4 * DAY };
    const found = decideCatchUp({ ...job, policy: { ...job.policy, catchUp: 'latest' } }, first, 36 * DAY);
    expect(found.run.map(({ dueAt }) => dueAt)).toEqual([33 * DAY - MINUTE]);
  });

  it('that fails after runs were noted as missed tells of them all the same, once', async () => {
    let isBroken = false;
    const bench = await openBench({
      observe(when, sql) {
        const isClaim = sql.startsWith('update "occurrences" set "state"') && !sql.includes('"reason"');
        if (!isBroken || when !== 'before' || !isClaim) return;
        isBroken = false;
        throw new Error('the disk is full');
      },
    });
    await bench.add({ rule: { kind: 'cron', expressions: ['0 9 * * *'] }, policy: { maxLateMs: 4 * DAY } });
    await bench.clock.advance(3 * DAY);
    isBroken = true;
    const runner = bench.runner();
    await runner.start();
    await bench.clock.advance(MINUTE);
    expect(isBroken).toBe(false);
    expect(bench.began).toHaveLength(1);
    expect(bench.notices).toHaveLength(1);
    await runner.stop();
    await bench.close();
  });

  it.each([
    ['skip', ['missed', 'missed', 'missed', 'planned'], 0],
    ['latest', ['missed', 'missed', 'done', 'planned'], 1],
    ['all', ['done', 'done', 'done', 'planned'], 3],
  ] as const)(
    '%s, through a runner that was away for three days: each run is a row, told once',
    async (catchUp, states, ran) => {
      const bench = await openBench();
      const rule = { kind: 'cron', expressions: ['0 9 * * *'] } as const;
      const job = await bench.add({ rule, name: 'news', policy: { catchUp, maxLateMs: 4 * DAY } });
      await bench.clock.advance(3 * DAY);
      const runner = bench.runner();
      await runner.start();
      await bench.clock.advance(MINUTE);
      expect(await statesOf(bench, job)).toEqual(states);
      expect(bench.began).toHaveLength(ran);
      expect(bench.notices).toHaveLength(catchUp === 'all' ? 0 : 1);
      if (catchUp !== 'all') expect(bench.notices[0]).toContain('- news: ');
      await runner.stop();
      await bench.close();
    },
  );

  it('a start a few seconds after the instant is nothing to speak of', async () => {
    const bench = await openBench();
    const rule = { kind: 'cron', expressions: ['0 13 * * *'] } as const;
    const job = await bench.add({ rule, policy: { catchUp: 'skip' } });
    await bench.clock.advance(HOUR + 13_000);
    const runner = bench.runner();
    await runner.start();
    await bench.clock.advance(1_000);
    expect(await statesOf(bench, job)).toEqual(['done', 'planned']);
    expect(bench.notices).toEqual([]);
    await runner.stop();
    // Again at once: what has run stays done.
    const second = bench.runner();
    await second.start();
    await bench.clock.advance(1_000);
    expect(bench.began).toHaveLength(1);
    await second.stop();
    await bench.close();
  });
});
