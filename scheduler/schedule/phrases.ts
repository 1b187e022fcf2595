// Recurring phrases ("weekdays at 9am", "first Monday of the month at 10", "every 2 hours from 9 to 17") as cron expressions.
import { readDay, readDuration, readMonth, readTime, readTimes, type ClockTime } from './times.ts';

const DEFAULT_TIME: ClockTime = { hour: 9, minute: 0 };
const PARTS_OF_DAY: Readonly<Record<string, ClockTime>> = {
  morning: { hour: 8, minute: 0 },
  afternoon: { hour: 15, minute: 0 },
  evening: { hour: 18, minute: 0 },
  night: { hour: 22, minute: 0 },
};
const ORDINALS: Readonly<Record<string, string>> = {
  first: '#1',
  '1st': '#1',
  second: '#2',
  '2nd': '#2',
  third: '#3',
  '3rd': '#3',
  fourth: '#4',
  '4th': '#4',
  last: '#L',
};
const MINUTES_PER_DAY = 24 * 60;

/** Day of month, month, day of week. */
type Days = readonly [string, string, string];

/** The cron expressions of a phrase in lower case; undefined when it is none. */
export function readPhrase(phrase: string): readonly string[] | undefined {
  return readSpan(phrase) ?? readCalendar(phrase);
}

/** "every 30 minutes from 9 to 17 on weekdays". */
function readSpan(phrase: string): readonly string[] | undefined {
  const [, amount = '', from = '', to = '', rest = ''] =
    /^every (.+?) (?:from|between) (\S+(?: ?[ap]m)?) (?:to|and|until|till|-) (\S+(?: ?[ap]m)?)(?:,? (.+))?$/.exec(
      phrase,
    ) ?? [];
  const [stepMs, start, end] = [readDuration(amount), readTime(from), readTime(to)];
  const days = rest === '' ? EVERY_DAY : readDays(rest.replace(/^on /, ''));
  if (stepMs === undefined || !start || !end || !days) return undefined;
  const step = stepMs / 60_000;
  const [first, last] = [start.hour * 60 + start.minute, end.hour * 60 + end.minute];
  if (!Number.isInteger(step) || step >= MINUTES_PER_DAY || last <= first) return undefined;
  const times: ClockTime[] = [];
  for (let minute = first; minute <= last; minute += step)
    times.push({ hour: Math.floor(minute / 60), minute: minute % 60 });
  return expressionsOf(times, days);
}

const EVERY_DAY: Days = ['*', '*', '*'];

function readCalendar(phrase: string): readonly string[] | undefined {
  const { days: said, times } = splitTimes(phrase);
  const part = /^(?:every|each) (morning|afternoon|evening|night)$/.exec(said)?.[1];
  const partTime = part === undefined ? undefined : PARTS_OF_DAY[part];
  if (partTime) return expressionsOf(times ?? [partTime], EVERY_DAY);
  const days = readDays(said);
  return days && expressionsOf(times ?? [DEFAULT_TIME], days);
}

/** The times of a phrase, which may stand before or behind its days. */
function splitTimes(phrase: string): { days: string; times: readonly ClockTime[] | undefined } {
  const words = phrase.split(' ');
  // The longest end, then the longest beginning, that is nothing but times.
  for (let i = 1; i < words.length; i++) {
    const end = words.slice(i).join(' ');
    const isMarked = /^(?:at|@) /.test(end);
    const times = isMarked ? readTimes(end.replace(/^(?:at|@) /, '')) : /[:apn]/.test(end) ? readTimes(end) : undefined;
    if (times) return { days: words.slice(0, i).join(' ').replace(/,$/, ''), times };
  }
  for (let i = words.length - 1; i > 0; i--) {
    const beginning = words.slice(0, i).join(' ').replace(/,$/, '');
    const times = readTimes(beginning.replace(/^(?:at|@) /, ''));
    if (times) return { days: words.slice(i).join(' '), times };
  }
  return { days: phrase, times: undefined };
}

function readDays(phrase: string): Days | undefined {
  const said = phrase.replace(/^(?:on|each) /, (word) => (word === 'each ' ? 'every ' : '')).replace(/^the /, '');
  switch (said) {
    case 'daily':
    case 'every day':
    case 'days':
      return EVERY_DAY;
    case 'weekdays':
    case 'every weekday':
    case 'workdays':
    case 'every workday':
    case 'every working day':
      return ['*', '*', '1-5'];
    case 'weekends':
    case 'every weekend':
      return ['*', '*', '0,6'];
    case 'weekly':
    case 'every week':
      return ['*', '*', '1'];
    case 'monthly':
    case 'every month':
      return ['1', '*', '*'];
    default:
      return readMonthDays(said) ?? readWeekdays(said) ?? readYearly(said);
  }
}

/** A single day without "every" is the next one: that is no rule. */
const ONE_DAY = /^(?:on |next |this )?[a-z]+$/;

function readWeekdays(said: string): Days | undefined {
  if (ONE_DAY.test(said) && !said.endsWith('days')) return undefined;
  const names = said.replace(/^(?:every week on|every|weekly on) /, '').split(/\s*(?:,|\band\b|&|\/)\s*/);
  const days = names.map((name) => readDay(name.replace(/^(?:every|on) /, '')));
  const known = days.filter((day) => day !== undefined);
  if (known.length === 0 || known.length !== days.length) return readWeekdaySpan(said);
  return ['*', '*', [...new Set(known)].toSorted((a, b) => a - b).join(',')];
}

/** "monday to friday". */
function readWeekdaySpan(said: string): Days | undefined {
  const [, from = '', to = ''] = /^(?:every )?(?:from )?(\w+)(?: to | through |-)(\w+)$/.exec(said) ?? [];
  const [first, last] = [readDay(from), readDay(to)];
  if (first === undefined || last === undefined || first === last) return undefined;
  const days: number[] = [];
  for (let day = first; ; day = (day + 1) % 7) {
    days.push(day);
    if (day === last) return ['*', '*', days.join(',')];
  }
}

const OF_MONTH = /^(?:every )?(.+?) (?:of|in) (?:the|every|each) month$/;

function readMonthDays(phrase: string): Days | undefined {
  const said = OF_MONTH.exec(phrase)?.[1] ?? /^(?:monthly|every month) on (?:the )?(.+)$/.exec(phrase)?.[1];
  const dates = said ?? /^(?:every )?((?:\d{1,2}(?:st|nd|rd|th)(?:, | and )?)+)$/.exec(phrase)?.[1];
  if (dates === undefined) return undefined;
  if (/^last days?$/.test(dates)) return ['L', '*', '*'];
  if (/^first days?$/.test(dates)) return ['1', '*', '*'];
  const [, ordinal = '', day = ''] = /^(\w+) (\w+)$/.exec(dates) ?? [];
  const [nth, weekday] = [ORDINALS[ordinal], readDay(day)];
  if (nth !== undefined && weekday !== undefined) return ['*', '*', `${weekday}${nth}`];
  const numbers = dates.split(/\s*(?:,|\band\b)\s*/).map((one) => /^(\d{1,2})(?:st|nd|rd|th|\.)?$/.exec(one)?.[1]);
  const known = numbers.filter((number) => number !== undefined && Number(number) >= 1 && Number(number) <= 31);
  return known.length === numbers.length ? [known.map(Number).join(','), '*', '*'] : undefined;
}

/** "every 24 december", "every year on december 24". */
function readYearly(said: string): Days | undefined {
  const date = /^(?:every year on|yearly on|every) (?:the )?(.+)$/.exec(said)?.[1] ?? '';
  const [, dayFirst, monthAfter = '', monthFirst = '', dayAfter] =
    /^(?:(\d{1,2})(?:st|nd|rd|th|\.)?(?: of)? ([a-z]+)|([a-z]+) (\d{1,2})(?:st|nd|rd|th)?)$/.exec(date) ?? [];
  const month = readMonth(monthAfter === '' ? monthFirst : monthAfter);
  const day = Number(dayFirst ?? dayAfter);
  return month !== undefined && day >= 1 && day <= 31 ? [String(day), String(month), '*'] : undefined;
}

/** One for each minute of the hour, so that each is a list of fixed times. */
function expressionsOf(times: readonly ClockTime[], [date, month, weekday]: Days): readonly string[] {
  const minutes = [...new Set(times.map(({ minute }) => minute))].sort((a, b) => a - b);
  return minutes.map((minute) => {
    const hours = times.filter((time) => time.minute === minute).map(({ hour }) => hour);
    return `${minute} ${[...new Set(hours)].sort((a, b) => a - b).join(',')} ${date} ${month} ${weekday}`;
  });
}
