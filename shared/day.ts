// Days of a time zone, for caps that start anew at midnight there.
import { instantOf, wallIn } from './zone.ts';

/** Start of the day that `now` falls in, and of the next one, in ms since the epoch. Days may have 23 or 25 hours. */
export function dayOf(now: number, timezone: string): { start: number; end: number } {
  const known = lastDays.get(timezone);
  if (known && known.start <= now && now < known.end) return known;
  const start = midnight(now, timezone);
  // 36 hours after midnight is always the next day, whatever the clocks do.
  const day = { start, end: midnight(start + 36 * HOUR_MS, timezone) };
  lastDays.set(timezone, day);
  return day;
}

/** The day that was asked for last: it is asked for before each model call. */
const lastDays = new Map<string, { start: number; end: number }>();

const HOUR_MS = 3_600_000;

/** First instant of the date. Where the clocks skip midnight, the first instant after the gap. */
function midnight(at: number, timezone: string): number {
  const { year, month, day } = wallIn(at, timezone);
  return instantOf({ year, month, day, hour: 0, minute: 0 }, timezone);
}
