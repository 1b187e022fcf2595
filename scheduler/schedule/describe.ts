// Schedules in words.
import type { Schedule } from '../types.ts';
import { DAYS, MONTHS, timeText, type ClockTime } from './times.ts';
import { wallIn } from '../../shared/zone.ts';

/** Such as "every weekday at 09:00 (Europe/Vienna)". */
export function describeSchedule(schedule: Schedule): string {
  const { rule, timezone, quiet, jitterMs = 0 } = schedule;
  const more = [
    ...(quiet ? [`not from ${quiet.from} to ${quiet.to}`] : []),
    ...(jitterMs > 0 ? [`up to ${spanText(jitterMs)} later`] : []),
  ];
  const zone = rule.kind === 'interval' || rule.kind === 'trigger' ? '' : ` (${timezone})`;
  return [`${ruleText(schedule)}${zone}`, ...more].join(', ');
}

function ruleText({ rule, timezone }: Schedule): string {
  switch (rule.kind) {
    case 'once':
      return `once, ${instantText(rule.at, timezone)}`;
    case 'interval':
      return `every ${spanText(rule.everyMs)}`;
    case 'trigger':
      return 'when something triggers it';
    case 'cron':
      return cronText(rule.expressions);
  }
}

/** Such as "Mon 23 Nov 2026, 09:00". */
export function instantText(at: number, timezone: string): string {
  const wall = wallIn(at, timezone);
  const day = DAYS[new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay()] ?? '';
  const month = MONTHS[wall.month - 1] ?? '';
  return `${title(day).slice(0, 3)} ${wall.day} ${title(month).slice(0, 3)} ${wall.year}, ${timeText(wall)}`;
}

/** Such as "1 hour 30 minutes". */
export function spanText(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
  ] as const;
  let rest = ms;
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.join(' ') || '0 seconds';
}

/** Fixed times of one set of days in words; everything else as it was written. */
function cronText(expressions: readonly string[]): string {
  const read = expressions.map(readFixed);
  const known = read.filter((one) => one !== undefined);
  const [first] = known;
  if (!first || known.length !== read.length || known.some(({ days }) => days !== first.days))
    return `cron ${expressions.join(' and ')}`;
  const times = known
    .flatMap((one) => one.times)
    .sort((a, b) => a.hour * 60 + a.minute - b.hour * 60 - b.minute)
    .map(timeText);
  return `${first.days} at ${listText(times)}`;
}

function readFixed(expression: string): { days: string; times: readonly ClockTime[] } | undefined {
  const [minute = '', hours = '', date = '', month = '', weekday = '', ...more] = expression.split(' ');
  if (more.length > 0 || !/^\d+$/.test(minute) || !/^\d+(?:,\d+)*$/.test(hours)) return undefined;
  const days = daysText(date, month, weekday);
  return days === undefined
    ? undefined
    : { days, times: hours.split(',').map((hour) => ({ hour: Number(hour), minute: Number(minute) })) };
}

const NTH: Readonly<Record<string, string>> = { '1': 'first', '2': 'second', '3': 'third', '4': 'fourth', L: 'last' };

function daysText(date: string, month: string, weekday: string): string | undefined {
  const isEvery = (field: string) => field === '*';
  if (isEvery(date) && isEvery(month)) return weekdayText(weekday);
  if (!isEvery(weekday)) return undefined;
  if (isEvery(month)) return date === 'L' ? 'the last day of every month' : datesText(date);
  const name = /^\d+$/.test(month) ? MONTHS[Number(month) - 1] : undefined;
  return name === undefined || !/^\d+$/.test(date) ? undefined : `every ${date} ${title(name)}`;
}

function datesText(date: string): string | undefined {
  if (!/^\d+(?:,\d+)*$/.test(date)) return undefined;
  return `day ${listText(date.split(','))} of every month`;
}

function weekdayText(weekday: string): string | undefined {
  if (weekday === '*') return 'every day';
  if (weekday === '1-5' || weekday === '1,2,3,4,5') return 'every weekday';
  if (weekday === '0,6') return 'every weekend day';
  const [, day = '', nth = ''] = /^(\d)#([\dL])$/.exec(weekday) ?? [];
  const name = DAYS[Number(day)];
  if (nth !== '' && name !== undefined && NTH[nth] !== undefined)
    return `the ${NTH[nth]} ${title(name)} of every month`;
  if (!/^[0-6](?:,[0-6])*$/.test(weekday)) return undefined;
  return `every ${listText(weekday.split(',').map((one) => title(DAYS[Number(one)] ?? '')))}`;
}

function listText(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}

function title(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
