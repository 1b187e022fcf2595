// Clock times, durations and days as people write them.

const UNITS: Readonly<Record<string, number>> = {
  second: 1_000,
  sec: 1_000,
  s: 1_000,
  minute: 60_000,
  min: 60_000,
  m: 60_000,
  hour: 3_600_000,
  hr: 3_600_000,
  h: 3_600_000,
  day: 86_400_000,
  d: 86_400_000,
  week: 7 * 86_400_000,
  w: 7 * 86_400_000,
};

const UNIT = '(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)';
const PART = new RegExp(`^(\\d+(?:\\.\\d+)?|an?|half an?)\\s*${UNIT}\\b\\s*(?:and\\s+|,\\s*)?`);

/** Such as "20 minutes", "1h 30m", "an hour", "half an hour", "minute"; undefined when it is none. */
export function readDuration(text: string): number | undefined {
  let rest = text.trim();
  const bare = new RegExp(`^${UNIT}$`).exec(rest)?.[1];
  if (bare !== undefined && bare.length > 1) rest = `1 ${rest}`;
  let total = 0;
  while (rest !== '') {
    const [matched, amount = '', unit = ''] = PART.exec(rest) ?? [];
    if (matched === undefined) return undefined;
    const count = amount.startsWith('half') ? 0.5 : /^an?$/.test(amount) ? 1 : Number(amount);
    total += count * (UNITS[unit] ?? UNITS[unit.replace(/s$/, '')] ?? Number.NaN);
    rest = rest.slice(matched.length);
  }
  return total > 0 ? Math.round(total) : undefined;
}

export interface ClockTime {
  hour: number;
  minute: number;
}

/** Such as "9", "9am", "9:30", "17.30", "noon", "9 o'clock"; undefined when it is none. */
export function readTime(text: string): ClockTime | undefined {
  const said = text.trim().replace(/\s*(?:o'clock|uhr|h)$/, '');
  if (said === 'noon' || said === 'midday') return { hour: 12, minute: 0 };
  if (said === 'midnight') return { hour: 0, minute: 0 };
  const [, hours, minutes = '0', half] = /^(\d{1,2})(?:[:.](\d{2}))?\s*([ap]\.?m\.?)?$/.exec(said) ?? [];
  if (hours === undefined) return undefined;
  const minute = Number(minutes);
  let hour = Number(hours);
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (half.startsWith('p') ? 12 : 0);
  }
  return hour <= 23 && minute <= 59 ? { hour, minute } : undefined;
}

/** Several, such as "9, 12:30 and 17"; undefined when one of them is none. */
export function readTimes(text: string): readonly ClockTime[] | undefined {
  const times = text.split(/\s*(?:,|\band\b|&)\s*/).map(readTime);
  const known = times.filter((time) => time !== undefined);
  return known.length === times.length && known.length > 0 ? known : undefined;
}

/** Sunday first, as cron counts. */
export const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
] as const;

/** By its name or its first three letters, in the plural too; undefined when it is none. */
export function readDay(text: string): number | undefined {
  return indexOf(DAYS, text);
}

/** 1 to 12. */
export function readMonth(text: string): number | undefined {
  const index = indexOf(MONTHS, text);
  return index === undefined ? undefined : index + 1;
}

function indexOf(names: readonly string[], text: string): number | undefined {
  const said = text.trim().replace(/\.$/, '').replace(/s$/, '');
  const found = names.findIndex(
    (name) =>
      said.length >= 3 &&
      (name.replace(/s$/, '') === said ||
        (said.length <= 5 && name.startsWith(said.slice(0, 3)) && name.startsWith(said))),
  );
  return found === -1 ? undefined : found;
}

export function timeText({ hour, minute }: ClockTime): string {
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}
