// Wall clocks by brute force: every minute of a span as the runtime's own tables show it. Shares nothing with what it is held against.

const MINUTE = 60_000;
const formats = new Map<string, Intl.DateTimeFormat>();

export interface WallMinute {
  at: number;
  /** "2026-03-29". */
  date: string;
  /** Minutes since midnight, as the clock shows them. */
  minute: number;
  /** 0 is Sunday. */
  weekday: number;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

export function wallOf(at: number, zone: string): WallMinute {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formats.set(zone, format);
  }
  // Like "Thu, 2026-01-01, 12:45"; in parts it takes three times as long, for some hundred thousand instants.
  const shown = /^(?<weekday>\w{3}), (?<date>[\d-]{10}), (?<hour>\d\d):(?<minutes>\d\d)$/.exec(
    format.format(at),
  )?.groups;
  if (!shown) throw new Error(`not a wall clock: ${format.format(at)}`);
  const { weekday = '', date = '', hour, minutes } = shown;
  return { at, date, minute: Number(hour) * 60 + Number(minutes), weekday: DAYS.indexOf(weekday) };
}

/** Every `stepMinutes` from `from` to `to`; zones change at multiples of 15 minutes. */
export function wallsOf(zone: string, from: number, to: number, stepMinutes = 1): readonly WallMinute[] {
  const walls: WallMinute[] = [];
  for (let at = from; at < to; at += stepMinutes * MINUTE) walls.push(wallOf(at, zone));
  return walls;
}

/** Instants of a daily clock time: the first of two, the first after a gap, none on a day that is left out. */
export function dailyInstants(walls: readonly WallMinute[], minute: number): readonly number[] {
  const days = Map.groupBy(walls, ({ date }) => date);
  // The first and the last day may not be whole.
  return [...days.values()].slice(1, -1).flatMap((day) => {
    const shown = day.find((wall) => wall.minute === minute) ?? day.find((wall) => wall.minute > minute);
    return shown ? [shown.at] : [];
  });
}
