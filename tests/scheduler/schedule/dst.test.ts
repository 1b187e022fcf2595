// The nasty hours of many zones, against the runtime's own tables, minute by minute.
import { describe, expect, it } from 'vitest';
import { nextAfter, nextRun, nextRuns, resumeAfter } from '../../../scheduler/schedule/next.ts';
import { instantOf } from '../../../shared/zone.ts';
import type { Schedule } from '../../../scheduler/types.ts';
import { dailyInstants, wallsOf } from './walls.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** Zone, and the days around which its clocks change, or once did. */
const CHANGES: readonly (readonly [string, string])[] = [
  ['America/New_York', '2026-03-08'],
  ['America/New_York', '2026-11-01'],
  ['Europe/Vienna', '2026-03-29'],
  ['Europe/Vienna', '2026-10-25'],
  ['Europe/London', '2026-03-29'],
  ['Europe/Lisbon', '2026-10-25'],
  ['America/St_Johns', '2026-03-08'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['Australia/Lord_Howe', '2026-10-04'],
  ['Australia/Sydney', '2026-10-04'],
  ['Pacific/Chatham', '2026-04-05'],
  ['America/Sao_Paulo', '2018-11-04'],
  ['America/Sao_Paulo', '2018-02-18'],
  ['America/Santiago', '2026-09-06'],
  ['Africa/Casablanca', '2026-02-15'],
  ['Africa/Casablanca', '2026-03-22'],
  ['Africa/Cairo', '2026-04-24'],
  ['Asia/Beirut', '2026-03-29'],
  ['Asia/Kathmandu', '2026-03-29'],
  ['Asia/Kolkata', '2026-10-25'],
  ['Pacific/Apia', '2011-12-30'],
  ['UTC', '2026-03-29'],
];
/** Minutes since midnight. */
const TIMES = [0, 15, 30, 59, 60, 90, 105, 120, 135, 150, 165, 180, 210, 540, 1410, 1425];

const daily = (zone: string, minute: number): Schedule => ({
  rule: { kind: 'cron', expressions: [`${minute % 60} ${Math.floor(minute / 60)} * * *`] },
  text: '',
  timezone: zone,
});

function between(schedule: Schedule, from: number, to: number): readonly number[] {
  const runs: number[] = [];
  for (let run = nextAfter(schedule, from - 1); run && run.scheduledAt < to; run = nextRun(schedule, run.scheduledAt))
    runs.push(run.scheduledAt);
  return runs;
}

const iso = (instants: readonly number[]) => instants.map((at) => new Date(at).toISOString());

describe('a daily clock time', () => {
  it.each(CHANGES)('in %s around %s runs once on each day that there is', (zone, date) => {
    const middle = Date.parse(`${date}T12:00:00Z`);
    const walls = wallsOf(zone, middle - 3 * DAY, middle + 3 * DAY);
    for (const minute of TIMES) {
      const expected = dailyInstants(walls, minute);
      const [first = 0] = expected;
      expect([minute, iso(between(daily(zone, minute), first, (expected.at(-1) ?? 0) + 1))]).toEqual([
        minute,
        iso(expected),
      ]);
    }
  });

  it('02:30 runs once in both nights', () => {
    const at = (zone: string, from: string) =>
      iso(nextRuns(daily(zone, 150), Date.parse(from), 2).map((run) => run.scheduledAt));
    expect(at('Europe/Vienna', '2026-03-28T12:00Z')).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
    expect(at('Europe/Vienna', '2026-10-24T12:00Z')).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  });

  it('0 2 * * * runs once in both nights', () => {
    const at = (from: string) =>
      iso(nextRuns(daily('America/New_York', 120), Date.parse(from), 2).map((run) => run.scheduledAt));
    expect(at('2026-03-07T12:00Z')).toEqual(['2026-03-08T07:00:00.000Z', '2026-03-09T06:00:00.000Z']);
    expect(at('2026-10-31T12:00Z')).toEqual(['2026-11-01T07:00:00.000Z', '2026-11-02T07:00:00.000Z']);
  });
});

describe('steps and intervals', () => {
  it('a rule with steps counts both of the double hours, and skips what is left out', () => {
    const half: Schedule = { ...daily('America/New_York', 0), rule: { kind: 'cron', expressions: ['*/30 * * * *'] } };
    const from = Date.parse('2026-11-01T04:00Z');
    expect(between(half, from, from + 4 * HOUR)).toHaveLength(8);
    const spring = Date.parse('2026-03-08T06:00Z');
    expect(between(half, spring, spring + 4 * HOUR)).toHaveLength(8);
  });

  it('an interval is real time', () => {
    const anchor = Date.parse('2026-03-28T20:00Z');
    const every: Schedule = {
      rule: { kind: 'interval', everyMs: 6 * HOUR, anchor },
      text: '',
      timezone: 'Europe/Vienna',
    };
    expect(between(every, anchor + 1, anchor + DAY + 1).map((at) => (at - anchor) / HOUR)).toEqual([6, 12, 18, 24]);
  });
});

describe('quiet hours', () => {
  const quiet = { from: '22:00', to: '07:00' };

  it('move what is due within to their end, once', () => {
    const half: Schedule = {
      ...daily('Europe/Vienna', 0),
      rule: { kind: 'cron', expressions: ['*/30 * * * *'] },
      quiet,
    };
    const runs = nextRuns(half, Date.parse('2026-11-21T20:29Z'), 4);
    expect(iso(runs.map(({ dueAt }) => dueAt))).toEqual([
      '2026-11-21T20:30:00.000Z',
      '2026-11-22T06:00:00.000Z',
      '2026-11-22T06:30:00.000Z',
      '2026-11-22T07:00:00.000Z',
    ]);
  });

  it('end by the clock on the wall in the night of a change', () => {
    const schedule = { ...daily('Europe/Vienna', 0), quiet };
    expect(iso([resumeAfter(schedule, Date.parse('2026-03-28T22:30Z'))])).toEqual(['2026-03-29T05:00:00.000Z']);
    expect(iso([resumeAfter(schedule, Date.parse('2026-10-24T21:30Z'))])).toEqual(['2026-10-25T06:00:00.000Z']);
    expect(resumeAfter(schedule, Date.parse('2026-03-28T12:00Z'))).toBe(Date.parse('2026-03-28T12:00Z'));
  });
});

describe('jitter and windows', () => {
  it('jitter is the same for the same job and run, within its bound', () => {
    const schedule: Schedule = { ...daily('UTC', 540), jitterMs: 300_000 };
    const runs = nextRuns(schedule, 0, 50, 'a');
    expect(nextRuns(schedule, 0, 50, 'a')).toEqual(runs);
    const delays = runs.map(({ dueAt, scheduledAt }) => dueAt - scheduledAt);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(300_000);
    expect(new Set(delays).size).toBeGreaterThan(40);
    expect(nextRuns(schedule, 0, 50, 'b').map(({ dueAt }) => dueAt)).not.toEqual(runs.map(({ dueAt }) => dueAt));
  });

  it('nothing is due outside of the window', () => {
    const [startsAt, endsAt] = [10 * DAY, 13 * DAY];
    const schedule: Schedule = { ...daily('UTC', 0), window: { startsAt, endsAt } };
    expect(nextRuns(schedule, 0, 50).map(({ dueAt }) => dueAt / DAY)).toEqual([10, 11, 12]);
  });
});

describe('a wall clock as an instant', () => {
  it('takes the first of two and the end of a gap', () => {
    const wall = (month: number, day: number, hour: number, minute: number) => ({
      year: 2026,
      month,
      day,
      hour,
      minute,
    });
    expect(iso([instantOf(wall(3, 29, 2, 30), 'Europe/Vienna')])).toEqual(['2026-03-29T01:00:00.000Z']);
    expect(iso([instantOf(wall(10, 25, 2, 30), 'Europe/Vienna')])).toEqual(['2026-10-25T00:30:00.000Z']);
    expect(iso([instantOf(wall(10, 4, 2, 15), 'Australia/Lord_Howe')])).toEqual(['2026-10-03T15:30:00.000Z']);
    expect(iso([instantOf({ year: 2011, month: 12, day: 30, hour: 9, minute: 0 }, 'Pacific/Apia')])).toEqual([
      '2011-12-30T10:00:00.000Z',
    ]);
  });
});
