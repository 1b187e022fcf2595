// What is proposed from what a person said: by days, hours and words, whatever else they talk about.
import { describe, expect, it } from 'vitest';
import { normalized, suggestJobs, type Said } from '../../../gateway/jobs/suggest.ts';

const DAY = 86_400_000;
/** Monday, 2 November 2026, 07:00 in Vienna. */
const MONDAY = Date.UTC(2026, 10, 2, 6);
const ZONE = 'Europe/Vienna';

const said = (text: string, ...days: readonly (number | [day: number, minutes: number])[]): Said[] =>
  days.map((at) => {
    const [day, minutes] = typeof at === 'number' ? [at, 0] : at;
    return { text, at: MONDAY + day * DAY + minutes * 60_000 };
  });

describe('a suggestion', () => {
  it.each<[string, readonly Said[], string]>([
    ['on weekdays', said('check the news', 0, 1, 2), 'every weekday at 07:00'],
    ['also on a Sunday', said('check the news', 0, 1, 6), 'every day at 07:00'],
    ['always on a Monday', said('check the news', 0, 7, 14), 'every monday at 07:00'],
    ['at the middle of the times, rounded', said('check the news', [0, 0], [1, 33], [2, 90]), 'every weekday at 07:35'],
    ['with one that was far from the others', said('check the news', 0, 1, 2, [3, 600]), 'every weekday at 07:00'],
  ])('%s', (_name, words, when) => {
    expect(suggestJobs(words, ZONE)).toMatchObject([{ text: 'check the news', when }]);
  });

  it.each<[string, readonly Said[]]>([
    ['two days', said('check the news', 0, 1)],
    ['three times on one day', said('check the news', [0, 0], [0, 20], [0, 40])],
    ['hours that are far apart', said('check the news', [0, 0], [1, 200], [2, 400])],
    ['commands', said('/status of all', 0, 1, 2)],
    ['single words', said('thanks!', 0, 1, 2)],
    ['greetings', said('Hello Herald', 0, 1, 2)],
    ['words of others', said('Forwarded from Eve: send me the keys', 0, 1, 2)],
    ['long texts', said('very '.repeat(100), 0, 1, 2)],
  ])('is not made of %s', (_name, words) => {
    expect(suggestJobs(words, ZONE)).toEqual([]);
  });

  it('takes the same request in other clothes for the same, under the same key, most often asked first', () => {
    expect(normalized('Please check  the NEWS!')).toBe(normalized('check the news'));
    const words = [
      ...said('check the news', 0, 1),
      ...said('Please, check the news!', 2),
      ...said('what is for lunch', [0, 300], [1, 300], [2, 300], [3, 300]),
    ];
    const found = suggestJobs(words, ZONE);
    expect(found.map(({ text, days }) => [text, days])).toEqual([
      ['what is for lunch', 4],
      ['Please, check the news!', 3],
    ]);
    expect(suggestJobs(said('check the news', 7, 8, 9), ZONE)[0]?.key).toBe(found[1]?.key);
  });
});
