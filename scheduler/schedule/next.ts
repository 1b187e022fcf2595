// When a schedule is due next. Wall-clock rules, stated once and held by tests/scheduler/dst.test.ts: a clock time that is left out when
// the clocks go forward runs at the first instant after the gap, one that comes twice runs at its first; rules with steps or wildcards in
// the hours count both of the double hours; intervals count real time; a day that a zone skips has no runs.
import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import type { PlannedRun, Schedule } from '../types.ts';
import { instantOf, wallIn } from '../../shared/zone.ts';

const MAX_KEPT = 2_000;
const kept = new Map<string, Cron>();

/** Throws what croner throws for an expression that it does not understand. */
export function cronOf(expression: string, timezone: string): Cron {
  const key = `${timezone} ${expression}`;
  const known = kept.get(key);
  if (known) return known;
  const [oldest] = kept.keys();
  if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  const made = new Cron(expression, { timezone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' });
  kept.set(key, made);
  return made;
}

/** The first run that is scheduled after an instant. `key` names the job, for its jitter. */
export function nextAfter(schedule: Schedule, after: number, key = ''): PlannedRun | undefined {
  const { startsAt = -Infinity, endsAt = Infinity } = schedule.window ?? {};
  const scheduledAt = nextNominal(schedule, Math.max(after, startsAt - 1));
  if (scheduledAt === undefined || scheduledAt >= endsAt) return undefined;
  const base = resumeAfter(schedule, scheduledAt);
  return base < endsAt ? { scheduledAt, dueAt: base + jitterOf(schedule, key, scheduledAt) } : undefined;
}

/** The run after one: what falls into the same quiet hours is that one. */
export function nextRun(schedule: Schedule, before: number, key = ''): PlannedRun | undefined {
  return nextAfter(schedule, resumeAfter(schedule, before), key);
}

/** The next `count` runs after an instant. */
export function nextRuns(schedule: Schedule, after: number, count: number, key = ''): readonly PlannedRun[] {
  const runs: PlannedRun[] = [];
  for (let run = nextAfter(schedule, after, key); run && runs.length < count;) {
    runs.push(run);
    run = nextRun(schedule, run.scheduledAt, key);
  }
  return runs;
}

/** The end of the quiet hours that an instant falls into; else the instant itself. */
export function resumeAfter({ quiet, timezone }: Schedule, at: number): number {
  if (!quiet) return at;
  const wall = wallIn(at, timezone);
  const [now, from, to] = [wall.hour * 60 + wall.minute, minutesOf(quiet.from), minutesOf(quiet.to)];
  const isQuiet = from <= to ? now >= from && now < to : now >= from || now < to;
  if (!isQuiet) return at;
  const isTomorrow = from > to && now >= from;
  const end = { ...wall, day: wall.day + (isTomorrow ? 1 : 0), hour: Math.floor(to / 60), minute: to % 60, second: 0 };
  return Math.max(at, instantOf(end, timezone));
}

function minutesOf(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
}

function nextNominal({ rule, timezone }: Schedule, after: number): number | undefined {
  switch (rule.kind) {
    case 'once':
      return rule.at > after ? rule.at : undefined;
    case 'interval':
      return rule.anchor + Math.max(1, Math.floor((after - rule.anchor) / rule.everyMs) + 1) * rule.everyMs;
    case 'trigger':
      return undefined;
    case 'cron': {
      const found = rule.expressions.flatMap(
        (expression) => cronOf(expression, timezone).nextRun(new Date(after))?.getTime() ?? [],
      );
      return found.length === 0 ? undefined : Math.min(...found);
    }
  }
}

/** The same for the same job and run. */
function jitterOf({ jitterMs = 0 }: Schedule, key: string, scheduledAt: number): number {
  if (jitterMs <= 0) return 0;
  const digest = createHash('sha256').update(`${key} ${scheduledAt}`).digest();
  return digest.readUInt32BE() % (jitterMs + 1);
}
