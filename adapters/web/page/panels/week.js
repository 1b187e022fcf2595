// The week ahead: a column for each day on wide screens, a list of days on narrow ones.
import { make } from '../lines.js';
import { clockText } from './kit.js';

const SHOWN = 6;
const name = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric' });

/** `from`: midnight of the first day, here. */
export function makeWeek(from, entries) {
  const start = new Date(from);
  const days = Array.from({ length: 7 }, (_, day) => {
    const begin = new Date(start).setDate(start.getDate() + day);
    const end = new Date(start).setDate(start.getDate() + day + 1);
    return { begin, runs: entries.filter(({ at }) => at >= begin && at < end) };
  });
  const week = make('ol', { className: 'week' }, ...days.map((day, index) => makeDay(day, index === 0)));
  if (entries.length === 0) week.append(make('li', { className: 'nothing', text: 'Nothing is planned.' }));
  return week;
}

function makeDay({ begin, runs }, isToday) {
  // A job that runs every hour is one line.
  const jobs = [...Map.groupBy(runs, ({ job }) => job).values()];
  const shown = jobs
    .slice(0, SHOWN)
    .map(([first, ...others]) =>
      make(
        'li',
        {},
        make('time', { datetime: new Date(first.at).toISOString(), text: clockText(first.at) }),
        ' ',
        make('span', { text: first.name, dir: 'auto' }),
        others.length > 0 ? make('span', { className: 'times', text: ` ×${others.length + 1}` }) : undefined,
      ),
    );
  const more =
    jobs.length > SHOWN ? make('li', { className: 'soft', text: `and ${jobs.length - SHOWN} more` }) : undefined;
  const day = make(
    'li',
    { className: runs.length === 0 ? 'day-cell empty' : 'day-cell' },
    make('h3', { text: isToday ? `${name.format(begin)}, today` : name.format(begin) }),
    make('ul', {}, ...shown, more),
  );
  if (isToday) day.dataset.today = '';
  return day;
}
