// A simulated year over 1,000 jobs in many zones: every occurrence exactly once, at its minute, against a calculation by brute force that
// shares nothing with the schedules.
import { afterEach, expect, it } from 'vitest';
import type { Rule } from '../../scheduler/types.ts';
import { makeRandom } from '../support/random.ts';
import { DAY, HOUR, makeSettableClock, MINUTE, OK, openBench, type Bench } from './bench.ts';
import { wallsOf, type WallMinute } from './schedule/walls.ts';

const START = Date.UTC(2026, 0, 1, 12);
const END = START + 365 * DAY;
const JOBS = 1_000;
const ZONES = [
  'UTC',
  'America/New_York',
  'America/St_Johns',
  'Europe/Vienna',
  'Africa/Casablanca',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
];

let bench: Bench | undefined;
afterEach(() => bench?.close());

interface Planned {
  rule: Rule;
  zone: string;
  expected: readonly number[];
}

/** Days by date, and their weekday and place in the month. */
interface Day {
  walls: readonly WallMinute[];
  weekday: number;
  date: number;
  isLastOfMonth: boolean;
}

function daysOf(zone: string): readonly Day[] {
  // Zones change at quarters of an hour, and so do the times that are used here.
  const walls = wallsOf(zone, START - 2 * DAY, END + 2 * DAY, 15);
  const groups = [...Map.groupBy(walls, ({ date }) => date)];
  return groups.map(([date, day], index) => ({
    walls: day,
    weekday: day[0]?.weekday ?? 0,
    date: Number(date.slice(8)),
    isLastOfMonth: groups[index + 1]?.[0].slice(5, 7) !== date.slice(5, 7),
  }));
}

function instants(days: readonly Day[], minute: number, isMeant: (day: Day) => boolean): readonly number[] {
  return days
    .filter(isMeant)
    .flatMap(
      ({ walls }) =>
        (walls.find((wall) => wall.minute === minute) ?? walls.find((wall) => wall.minute > minute))?.at ?? [],
    )
    .filter((at) => at > START && at <= END);
}

function makeJobs(random: () => number): readonly Planned[] {
  const days = new Map(ZONES.map((zone) => [zone, daysOf(zone)]));
  const pick = (count: number) => Math.floor(random() * count);
  return Array.from({ length: JOBS }, (_, index): Planned => {
    const zone = ZONES[index % ZONES.length] ?? 'UTC';
    const known = days.get(zone) ?? [];
    // A third of them in the hours in which clocks change.
    const minute = (index % 3 === 0 ? pick(16) : pick(96)) * 15;
    const time = `${minute % 60} ${Math.floor(minute / 60)}`;
    const cron = (rest: string, isMeant: (day: Day) => boolean): Planned => ({
      rule: { kind: 'cron', expressions: [`${time} ${rest}`] },
      zone,
      expected: instants(known, minute, isMeant),
    });
    const kind = index % 200;
    if (kind === 0) return cron('* * *', () => true);
    if (kind === 1) return cron('* * 1-5', ({ weekday }) => weekday >= 1 && weekday <= 5);
    if (kind < 4) return cron('* * 0', ({ weekday }) => weekday === 0);
    if (kind < 8) return cron('1,15 * *', ({ date }) => date === 1 || date === 15);
    if (kind < 15) return cron('L * *', ({ isLastOfMonth }) => isLastOfMonth);
    if (kind < 20) {
      const weekday = pick(7);
      return cron(`* * ${weekday}#1`, (day) => day.weekday === weekday && day.date <= 7);
    }
    if (kind < 150) {
      const at = START + (1 + pick(365 * 24 - 1)) * HOUR;
      return { rule: { kind: 'once', at }, zone, expected: [at] };
    }
    const everyMs = (60 + pick(120)) * DAY + pick(96) * 15 * MINUTE;
    const count = Math.floor((END - START) / everyMs);
    return {
      rule: { kind: 'interval', everyMs, anchor: START },
      zone,
      expected: Array.from({ length: count }, (_one, n) => START + (n + 1) * everyMs),
    };
  });
}

it('every occurrence of a year happens exactly once, at its minute', { timeout: 90_000 }, async () => {
  const seed = 20_261_121;
  console.log(`year: seed ${seed}`);
  const planned = makeJobs(makeRandom(seed));
  const clock = makeSettableClock(START);
  bench = await openBench({ clock });
  const names = new Map<string, readonly number[]>();
  for (const { rule, zone, expected } of planned) {
    const job = await bench.add({ rule, schedule: { timezone: zone }, policy: { overlap: 'wait' } });
    names.set(job.id, expected);
  }
  const happened = new Map<string, number[]>();
  const late: string[] = [];
  const runner = bench.runner({
    limits: { parallel: 1_000, perPerson: 1_000 },
    maxSleepMs: 30 * DAY,
    async run({ job, occurrence }) {
      happened.set(job.id, [...(happened.get(job.id) ?? []), occurrence.scheduledAt]);
      if (clock.now() - occurrence.scheduledAt >= MINUTE) late.push(occurrence.id);
      return OK;
    },
  });
  await runner.start();
  await clock.advance(END - START);
  await runner.stop();
  const total = [...names.values()].reduce((sum, expected) => sum + expected.length, 0);
  expect(total).toBeGreaterThan(4_500);
  expect(late).toEqual([]);
  const wrong = [...names].filter(
    ([id, expected]) => JSON.stringify(happened.get(id) ?? []) !== JSON.stringify(expected),
  );
  expect(wrong.map(([id, expected]) => [id, expected.slice(0, 3), happened.get(id)?.slice(0, 3)])).toEqual([]);
  expect(bench.notices).toEqual([]);
});
