// What people write as a time, as a table: the rule, or what is said about it.
import { describe, expect, it } from 'vitest';
import { describeSchedule } from '../../../scheduler/schedule/describe.ts';
import { nextRuns } from '../../../scheduler/schedule/next.ts';
import { parseSchedule } from '../../../scheduler/schedule/parse.ts';

/** A Saturday, 13:00 in Vienna. */
const now = Date.parse('2026-11-21T12:00:00Z');
const timezone = 'Europe/Vienna';

/** Text, in words, and the next runs. */
const TABLE: readonly (readonly [string, string, readonly string[]])[] = [
  ['in 20 minutes', 'once, Sat 21 Nov 2026, 13:20 (Europe/Vienna)', ['11-21T12:20']],
  ['in 1h 30m', 'once, Sat 21 Nov 2026, 14:30 (Europe/Vienna)', ['11-21T13:30']],
  ['tomorrow at 8', 'once, Sun 22 Nov 2026, 08:00 (Europe/Vienna)', ['11-22T07:00']],
  ['friday at 15', 'once, Fri 27 Nov 2026, 15:00 (Europe/Vienna)', ['11-27T14:00']],
  ['2026-12-01T09:00', 'once, Tue 1 Dec 2026, 09:00 (Europe/Vienna)', ['12-01T08:00']],
  ['2026-12-01T09:00+09:00', 'once, Tue 1 Dec 2026, 01:00 (Europe/Vienna)', ['12-01T00:00']],
  ['every 30m', 'every 30 minutes', ['11-21T12:30', '11-21T13:00']],
  ['weekdays at 9am', 'every weekday at 09:00 (Europe/Vienna)', ['11-23T08:00', '11-24T08:00']],
  ['daily at 7 and 19:30', 'every day at 07:00 and 19:30 (Europe/Vienna)', ['11-21T18:30', '11-22T06:00']],
  ['every monday 9am', 'every Monday at 09:00 (Europe/Vienna)', ['11-23T08:00', '11-30T08:00']],
  [
    'first Monday of the month at 10',
    'the first Monday of every month at 10:00 (Europe/Vienna)',
    ['12-07T09:00', '01-04T09:00'],
  ],
  ['last day of the month', 'the last day of every month at 09:00 (Europe/Vienna)', ['11-30T08:00', '12-31T08:00']],
  [
    'every 2 hours from 9 to 17',
    'every day at 09:00, 11:00, 13:00, 15:00 and 17:00 (Europe/Vienna)',
    ['11-21T14:00', '11-21T16:00'],
  ],
  ['0 9 * * 1-5', 'every weekday at 09:00 (Europe/Vienna)', ['11-23T08:00', '11-24T08:00']],
  ['*/10 * * * *', 'cron */10 * * * * (Europe/Vienna)', ['11-21T12:10', '11-21T12:20']],
  ['0 0 9 * * *', 'cron 0 0 9 * * * (Europe/Vienna)', ['11-22T08:00', '11-23T08:00']],
  ['daily at 9 America/New_York', 'every day at 09:00 (America/New_York)', ['11-21T14:00', '11-22T14:00']],
  ['jeden montag um 9:30 uhr', 'every Monday at 09:30 (Europe/Vienna)', ['11-23T08:30', '11-30T08:30']],
  ['werktags um 9 uhr', 'every weekday at 09:00 (Europe/Vienna)', ['11-23T08:00', '11-24T08:00']],
  ['übermorgen um 8', 'once, Mon 23 Nov 2026, 08:00 (Europe/Vienna)', ['11-23T07:00']],
  ['in 20 minuten', 'once, Sat 21 Nov 2026, 13:20 (Europe/Vienna)', ['11-21T12:20']],
];

describe('a time in words', () => {
  it.each(TABLE)('%s', async (text, words, runs) => {
    const schedule = await parseSchedule(text, { now, timezone });
    expect(describeSchedule(schedule)).toBe(words);
    const next = nextRuns(schedule, now, 2).map(({ dueAt }) => new Date(dueAt).toISOString().slice(5, 16));
    expect(next).toEqual(runs);
  });

  it.each([
    ['30m', '"in 30m" is once, "every 30m" is again and again'],
    ['2 hours', 'can mean two things'],
    ['yesterday at 9', 'over already'],
    ['2020-01-01', 'over already'],
    ['2026-02-30', 'no date that there is'],
    ['61 * * * *', 'no cron expression'],
    ['0 0 30 2 *', 'never happens'],
    ['every 20 seconds', 'too often'],
    ['every 4294967296 weeks', 'too seldom'],
    ['every 2 days at 9', 'takes no clock time'],
    ['daily at 9 Europe/Wien', 'no time zone'],
    ['whenever you like', 'I do not understand'],
    ['', 'I do not understand'],
  ])('%s is refused, and says why', async (text, why) => {
    await expect(parseSchedule(text, { now, timezone })).rejects.toThrow(why);
  });
});
