// Wall clocks of time zones. Where the clocks go forward, a time that is left out stands for the first instant after the gap; where they go
// back, a time that comes twice stands for the first of the two.
import { AppError } from './errors.ts';

export interface Wall {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second?: number;
}

const DAY_MS = 24 * 3_600_000;

/** Formats by zone, each made once: making one takes longer than all the rest of a prompt. Throws RangeError for unknown zones. */
export function zoneFormats(
  locale: string,
  options: Intl.DateTimeFormatOptions,
): (zone: string) => Intl.DateTimeFormat {
  const formats = new Map<string, Intl.DateTimeFormat>();
  return (zone) => {
    const known = formats.get(zone);
    if (known) return known;
    const made = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
    formats.set(zone, made);
    return made;
  };
}

const formatOf = zoneFormats('en-US', {
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
});

/** Throws AppError `bad_input` for a zone that is not known. */
export function checkZone(zone: string): string {
  try {
    formatOf(zone);
    return zone;
  } catch {
    throw new AppError(
      'bad_input',
      `There is no time zone "${zone.slice(0, 60)}". Zones are named as in Europe/Vienna or America/New_York.`,
    );
  }
}

export function wallIn(at: number, zone: string): Required<Wall> {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map((part) => [part.type, Number(part.value)]),
  );
  const get = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return {
    year: get('year'),
    month: get('month'),
    day: get('day'),
    hour: get('hour'),
    minute: get('minute'),
    second: get('second'),
  };
}

/** Of the zone at an instant, in ms to be added to UTC. */
export function offsetAt(at: number, zone: string): number {
  return asUtc(wallIn(at, zone)) - Math.floor(at / 1000) * 1000;
}

/** Days beyond the end of a month count into the next. */
export function instantOf(wall: Wall, zone: string): number {
  const utc = asUtc(wall);
  const before = utc - offsetAt(utc - DAY_MS, zone);
  const after = utc - offsetAt(utc + DAY_MS, zone);
  const fitting = [before, after].filter((at) => at + offsetAt(at, zone) === utc);
  if (fitting.length > 0) return Math.min(...fitting);
  return gapEnd(Math.min(before, after) - 1000, Math.max(before, after), zone);
}

function asUtc({ year, month, day, hour, minute, second = 0 }: Wall): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** The first instant after a change of the offset that lies between the two. */
function gapEnd(from: number, to: number, zone: string): number {
  const start = offsetAt(from, zone);
  let [low, high] = [from, to];
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (offsetAt(middle, zone) === start) low = middle;
    else high = middle;
  }
  return Math.ceil(high / 1000) * 1000;
}
