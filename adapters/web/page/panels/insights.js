// What Herald did lately, in numbers: a bar for each day, models and uses as tables.
import { make } from '../lines.js';
import { amount, dateFormat, money, Panel, percent, read, section, svg, svgText, table } from './kit.js';

const HEIGHT = 150;
const EDGE = { left: 8, right: 8, top: 18, bottom: 20 };
const SPANS = [7, 30, 90];

export function open(root) {
  let days = 30;
  return new Panel(root, async (panel) => {
    const seen = await read(`insights?days=${days}`);
    const choose = make(
      'select',
      { 'aria-label': 'How many days' },
      ...SPANS.map((count) =>
        make('option', { value: String(count), text: `${count} days`, selected: count === days ? '' : undefined }),
      ),
    );
    choose.addEventListener('change', () => {
      days = Number(choose.value);
      void panel.refresh();
    });
    const { total, models, causes, tools, runs, learned } = seen;
    const shares = (list) =>
      list.map(({ name, calls, tokens, microUsd }) => [name, amount(calls), amount(tokens), money(microUsd)]);
    const part = (title, head, rows) => (rows.length > 0 ? section(title, table(head, rows)) : undefined);
    return [
      section(
        'Lately',
        make('div', { className: 'actions' }, choose),
        make('p', { text: sentence(seen) }),
        total.calls === 0 ? undefined : makeBars(seen, panel.width + 30),
      ),
      part('Models', ['Model', 'Calls', 'Tokens', 'Cost'], shares(models)),
      part('Used for', ['Use', 'Calls', 'Tokens', 'Cost'], shares(causes)),
      part(
        'Tools',
        ['Tool', 'Calls', 'Failed'],
        tools.map(({ name, calls, failed }) => [name, amount(calls), amount(failed)]),
      ),
      part(
        'Jobs',
        ['Job', 'End', 'Runs', 'Cost'],
        runs.map(({ job, state, runs: count, microUsd }) => [job, state, amount(count), money(microUsd)]),
      ),
      learned.memories > 0 || learned.skills.length > 0 ? section('Learnt', ...makeLearned(learned)) : undefined,
    ];
  });
}

function makeLearned({ memories, skills }) {
  const kept =
    memories > 0 ? make('p', { text: `${counted(memories, 'new entry', 'new entries')} of memory.` }) : undefined;
  const changed = skills.map(({ skill, state }) => `${skill} (${state.replace('_', ' ')})`);
  return [
    kept,
    changed.length > 0 ? make('p', { text: `Skills written or changed: ${changed.join(', ')}.` }) : undefined,
  ];
}

function sentence({ answers, failed, conversations, total }) {
  if (total.calls === 0 && answers === 0) return 'Nothing was done in that time.';
  const cached = total.cachedShare > 0 ? ` (${percent(total.cachedShare)} of what went in from the cache)` : '';
  const unpriced = total.unpriced > 0 ? ' and calls without a known price' : '';
  const cost =
    total.unpriced === total.calls ? 'at a cost that is not known' : `for ${money(total.microUsd)}${unpriced}`;
  const done = `${counted(answers, 'answer')} in ${counted(conversations, 'conversation')}`;
  const bad = failed > 0 ? `, ${amount(failed)} failed` : '';
  return `${done}${bad}; ${counted(total.calls, 'model call')}, ${counted(total.tokens, 'token')}${cached}, ${cost}.`;
}

function counted(count, one, many = `${one}s`) {
  return `${amount(count)} ${count === 1 ? one : many}`;
}

/** By cost, or by tokens where prices are not known. */
function makeBars({ days, total, timezone }, available) {
  // Midnight there may be another day here.
  const date = dateFormat(timezone);
  const dateText = (at) => date.format(at);
  const byCost = total.microUsd > 0;
  const value = (day) => (byCost ? day.microUsd : day.tokens);
  const text = (day) => (byCost ? money(day.microUsd) : `${amount(day.tokens)} tokens`);
  const width = Math.max(260, Math.min(860, available || 640));
  const most = Math.max(1, ...days.map(value));
  const step = (width - EDGE.left - EDGE.right) / days.length;
  const room = HEIGHT - EDGE.top - EDGE.bottom;
  const top = days.reduce((best, day) => (value(day) > value(best) ? day : best));
  const bars = days.map((day, index) => {
    const height = value(day) === 0 ? 0 : Math.max(2, (value(day) / most) * room);
    const title = svg('title');
    title.textContent = `${dateText(day.start)}: ${text(day)}, ${amount(day.calls)} calls`;
    const box = {
      x: EDGE.left + index * step + step * 0.12,
      width: step * 0.76,
      y: HEIGHT - EDGE.bottom - height,
      height,
      rx: Math.min(3, step / 6),
    };
    return svg('rect', { class: 'day-bar', ...box }, title);
  });
  const image = svg(
    'svg',
    {
      class: 'plot',
      width,
      height: HEIGHT,
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: 'img',
      'aria-label': `${byCost ? 'Cost' : 'Tokens'} of each day; the most was ${text(top)} on ${dateText(top.start)}`,
    },
    svg('line', {
      class: 'grid',
      x1: EDGE.left,
      x2: width - EDGE.right,
      y1: HEIGHT - EDGE.bottom,
      y2: HEIGHT - EDGE.bottom,
    }),
    ...bars,
    svgText(`most: ${text(top)}, ${dateText(top.start)}`, { x: EDGE.left, y: 11 }),
    svgText(dateText(days[0].start), { x: EDGE.left, y: HEIGHT - 5 }),
    svgText('today', { x: width - EDGE.right, y: HEIGHT - 5, 'text-anchor': 'end' }),
  );
  return make('figure', { className: 'chart' }, image);
}
