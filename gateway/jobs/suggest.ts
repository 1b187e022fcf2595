// Jobs that a person may want: what they asked for again and again at about the same time. Counted, without a model.
import { sha256Hex } from '../../shared/digest.ts';
import { FORWARD_MARK } from '../../shared/messages.ts';
import { wallIn } from '../../shared/zone.ts';
import { timeText } from '../../scheduler/schedule/times.ts';

/** On so many days at least. */
const MIN_DAYS = 3;
/** "At about the same time": within so many minutes. */
const WITHIN_MINUTES = 120;
const ROUND_MINUTES = 5;
const MAX_CHARS = 300;
const MAX_SUGGESTIONS = 5;
const DAY_NAMES = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

export interface Said {
  text: string;
  /** Ms since the epoch. */
  at: number;
}

export interface Suggestion {
  /** The same for the same request. */
  key: string;
  /** As it was said last. */
  text: string;
  when: string;
  days: number;
}

/** Most often asked first. */
export function suggestJobs(said: readonly Said[], timezone: string): readonly Suggestion[] {
  const asked = said.filter(({ text }) => isRequest(text));
  const groups = Map.groupBy(asked, ({ text }) => normalized(text));
  return [...groups]
    .flatMap(([words, times]) => suggestionOf(words, times, timezone))
    .toSorted((a, b) => b.days - a.days || (a.key < b.key ? -1 : 1))
    .slice(0, MAX_SUGGESTIONS);
}

/** Of what was said, and of what jobs do: the same request has the same words. */
export function normalized(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .replace(/\b(?:please|bitte|hey|hi|hello|herald)\b/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Commands, greetings, long texts and words of others are no requests. */
function isRequest(text: string): boolean {
  const said = text.trim();
  return (
    said.length <= MAX_CHARS &&
    !/^[/![]/.test(said) &&
    !said.includes(FORWARD_MARK) &&
    normalized(said).split(' ').length >= 2
  );
}

interface Moment extends Said {
  day: string;
  weekday: number;
  minute: number;
}

function suggestionOf(words: string, said: readonly Said[], timezone: string): readonly Suggestion[] {
  const moments = said.map((one) => momentOf(one, timezone)).toSorted((a, b) => a.minute - b.minute);
  const best = moments
    .map((first) => moments.filter(({ minute }) => minute >= first.minute && minute - first.minute <= WITHIN_MINUTES))
    .map((near) => [...new Map(near.map((one) => [one.day, one])).values()])
    .reduce((most, near) => (near.length > most.length ? near : most), []);
  const middle = best.toSorted((a, b) => a.minute - b.minute)[Math.floor(best.length / 2)];
  const last = best.toSorted((a, b) => b.at - a.at)[0];
  if (!middle || !last || best.length < MIN_DAYS) return [];
  const minute = Math.min(24 * 60 - ROUND_MINUTES, Math.round(middle.minute / ROUND_MINUTES) * ROUND_MINUTES);
  const time = timeText({ hour: Math.floor(minute / 60), minute: minute % 60 });
  const key = sha256Hex(words, 8);
  return [{ key, text: last.text.trim(), when: `${daysText(best)} at ${time}`, days: best.length }];
}

function momentOf(said: Said, timezone: string): Moment {
  const { year, month, day, hour, minute } = wallIn(said.at, timezone);
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  return { ...said, day: `${year}-${month}-${day}`, weekday, minute: hour * 60 + minute };
}

function daysText(moments: readonly Moment[]): string {
  const weekdays = new Set(moments.map(({ weekday }) => weekday));
  const [only] = weekdays;
  if (only !== undefined && weekdays.size === 1) return `every ${DAY_NAMES[only] ?? 'day'}`;
  return [...weekdays].every((day) => day >= 1 && day <= 5) ? 'every weekday' : 'every day';
}
