// Days of a time zone, for caps that start anew at midnight there.

/** Start of the day that `now` falls in, and of the next one, in ms since the epoch. Days may have 23 or 25 hours. */
export function dayOf(now: number, timezone: string): { start: number; end: number } {
  const known = lastDays.get(timezone);
  if (known && known.start <= now && now < known.end) return known;
  const start = midnight(dateIn(now, timezone), timezone);
  // 36 hours after midnight is always the next day, whatever the clocks do.
  const day = { start, end: midnight(dateIn(start + 36 * HOUR_MS, timezone), timezone) };
  lastDays.set(timezone, day);
  return day;
}

/** The day that was asked for last: it is asked for before each model call. */
const lastDays = new Map<string, { start: number; end: number }>();

const HOUR_MS = 3_600_000;

interface DateParts {
  year: number;
  month: number;
  day: number;
}

function dateIn(at: number, timezone: string): DateParts & { offsetMs: number } {
  const parts = new Map(
    format(timezone)
      .formatToParts(at)
      .map((part) => [part.type, Number(part.value)]),
  );
  const get = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const wall = Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
  return {
    year: get('year'),
    month: get('month'),
    day: get('day'),
    offsetMs: wall - Math.floor(at / 1000) * 1000,
  };
}

/** First instant of the date. Where the clocks skip midnight, the first instant after the gap. */
function midnight(date: DateParts, timezone: string): number {
  const wall = Date.UTC(date.year, date.month - 1, date.day);
  // The offset at the guess may differ from the one at midnight itself; the second round settles it.
  let at = wall;
  for (let round = 0; round < 2; round++) at = wall - dateIn(at, timezone).offsetMs;
  const back = dateIn(at, timezone);
  return back.day === date.day ? at : at + HOUR_MS;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(timezone, made);
  return made;
}
