// What people write as a time, as a schedule: cron, intervals, phrases, one-shots, ISO times. No model takes part.
import { AppError } from '../../shared/errors.ts';
import type { Rule, Schedule } from '../types.ts';
import { fromGerman } from './german.ts';
import { cronOf, nextAfter } from './next.ts';
import { readPhrase } from './phrases.ts';
import { readDuration } from './times.ts';
import { checkZone, instantOf, offsetAt } from '../../shared/zone.ts';

const MIN_INTERVAL_MS = 60_000;
const MAX_TEXT = 300;
const YEAR_MS = 366 * 86_400_000;
const MAX_INTERVAL_MS = 20 * YEAR_MS;

export interface ParseAt {
  /** Ms since the epoch. */
  now: number;
  /** Of whoever says it. */
  timezone: string;
}

/** Throws AppError `bad_input`, which says what would be understood. */
export async function parseSchedule(text: string, at: ParseAt): Promise<Schedule> {
  const said = text.trim().replace(/\s+/g, ' ');
  if (said === '' || said.length > MAX_TEXT) throw notUnderstood(said);
  // A zone may stand at the end.
  const named = /^(.+?) \(?([A-Z][A-Za-z_]+\/[A-Za-z_/+-]+|UTC)\)?$/.exec(said);
  const [when, timezone] = [named?.[1] ?? said, checkZone(named?.[2] ?? at.timezone)];
  const rule =
    readCron(when, timezone) ?? readIso(when, timezone) ?? (await readWords(when, { now: at.now, timezone }));
  if (!rule) throw notUnderstood(said);
  const schedule: Schedule = { rule, text: said, timezone };
  if (!nextAfter(schedule, at.now))
    throw new AppError(
      'bad_input',
      rule.kind === 'once'
        ? `"${said}" is over already. Name a time that is still to come.`
        : `"${said}" never happens. Nothing was made.`,
    );
  return schedule;
}

const CRON_FIELD = /^[\d*/,\-?LW#+a-z]+$/i;

function readCron(text: string, timezone: string): Rule | undefined {
  const fields = text.split(' ');
  const isNickname = /^@\w+$/.test(text);
  const mayBe = (fields.length === 5 || fields.length === 6) && fields.every((field) => CRON_FIELD.test(field));
  // Words have no digit or star at the beginning; an expression always has one.
  if (!isNickname && !(mayBe && /^[\d*]/.test(text) && fields.filter((field) => /^[\d*?L]/i.test(field)).length >= 3))
    return undefined;
  try {
    cronOf(text, timezone);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : '';
    throw new AppError(
      'bad_input',
      `"${text}" is no cron expression: ${why}. Five fields are minute, hour, day of month, month, day of week, as in "0 9 * * 1-5"; a sixth before them is the second.`,
    );
  }
  return { kind: 'cron', expressions: [text] };
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)? ?(Z|[+-]\d{2}:?\d{2})?$/i;

function readIso(text: string, timezone: string): Rule | undefined {
  const [matched, year, month, day, hour = '9', minute = '0', second = '0', offset] = ISO.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number);
  const wall = { year: y ?? 0, month: mo ?? 0, day: d ?? 0, hour: h ?? 0, minute: mi ?? 0, second: s ?? 0 };
  const utc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  const isReal = new Date(utc).getUTCDate() === wall.day && wall.hour < 24 && wall.minute < 60 && wall.month <= 12;
  if (!isReal)
    throw new AppError('bad_input', `"${text}" is no date that there is. Write it as 2026-12-24 or 2026-12-24T18:00.`);
  return { kind: 'once', at: offset === undefined ? instantOf(wall, timezone) : utc - offsetMs(offset) };
}

function offsetMs(offset: string): number {
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})$/.exec(offset) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

async function readWords(text: string, at: ParseAt): Promise<Rule | undefined> {
  const said = fromGerman(text.toLowerCase().replace(/[!?.]+$/, ''));
  if (readDuration(said) !== undefined && /^\d/.test(said))
    throw new AppError(
      'bad_input',
      `"${text}" can mean two things: "in ${said}" is once, "every ${said}" is again and again. Say which.`,
    );
  const span = /^(?:in|after) (.+?)(?: from now)?$/.exec(said)?.[1] ?? /^(.+) from now$/.exec(said)?.[1];
  const inMs = span === undefined ? undefined : readDuration(span);
  if (inMs !== undefined) return { kind: 'once', at: at.now + Math.min(inMs, MAX_INTERVAL_MS) };
  return readInterval(said, at) ?? readRecurring(said) ?? (await readOnce(said, at));
}

function readInterval(said: string, { now }: ParseAt): Rule | undefined {
  const every = said === 'hourly' ? 'hour' : /^(?:every|each) (.+)$/.exec(said)?.[1];
  if (every === undefined || /^(?:day|week)$/.test(every)) return undefined;
  const everyMs = readDuration(every.replace(/^other (day|hour|minute|week)$/, '2 $1s'));
  if (everyMs === undefined) return undefined;
  if (everyMs > MAX_INTERVAL_MS)
    throw new AppError('bad_input', `"${said.slice(0, 80)}" is too seldom: 20 years is the most. Nothing was made.`);
  if (everyMs < MIN_INTERVAL_MS)
    throw new AppError(
      'bad_input',
      `"${said}" is too often: a minute is the least. For seconds, use a cron expression of six fields.`,
    );
  return { kind: 'interval', everyMs, anchor: now };
}

function readRecurring(said: string): Rule | undefined {
  const expressions = readPhrase(said);
  return expressions && { kind: 'cron', expressions };
}

/** "tomorrow at 8", "next friday 3pm": as a wall clock there, whatever the machine's own zone is. */
async function readOnce(said: string, { now, timezone }: ParseAt): Promise<Rule | undefined> {
  const { casual } = await import('chrono-node/en');
  const reference = { instant: new Date(now), timezone: offsetAt(now, timezone) / 60_000 };
  const [found, ...more] = casual.parse(said, reference, { forwardDate: true });
  const isWhole =
    found &&
    said
      .replace(found.text, '')
      .replace(/\b(?:on|at|the)\b/g, '')
      .trim() === '';
  if (!found || !isWhole || more.length > 0 || found.end) return undefined;
  const { start } = found;
  if (start.isCertain('timezoneOffset')) return { kind: 'once', at: start.date().getTime() };
  const get = (part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second') => start.get(part) ?? 0;
  const hasTime = start.isCertain('hour') || /\b(?:morning|noon|afternoon|evening|night|tonight|midnight)\b/.test(said);
  const time = hasTime
    ? { hour: get('hour'), minute: get('minute'), second: get('second') }
    : { hour: 9, minute: 0, second: 0 };
  return {
    kind: 'once',
    at: instantOf({ year: get('year'), month: get('month'), day: get('day'), ...time }, timezone),
  };
}

function notUnderstood(said: string): AppError {
  const hint = /\bevery\s+(?:\d+|other|second|third)\s+(?:days?|weeks?|months?)\b.*\bat\b/.test(said.toLowerCase())
    ? ' An interval of days counts from now on and takes no clock time; use days of the week or of the month instead.'
    : '';
  return new AppError(
    'bad_input',
    `I do not understand "${said.slice(0, 80)}" as a time.${hint} Understood are: "in 20 minutes", "tomorrow at 8", "2026-12-24T18:00", ` +
      '"every 30m", "daily at 7", "weekdays at 9am", "every monday and thursday at 17:30", "first monday of the month at 10", ' +
      '"last day of the month", "every 2 hours from 9 to 17", or cron such as "0 9 * * 1-5".',
  );
}
