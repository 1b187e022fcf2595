// Whether a skill helps, drawn: for each version the share of turns that went well with it and without, as lines in the band that holds the
// truth 95 times in 100; and each week as a point.
import { make } from '../lines.js';
import { dateText, percent, svg, svgText } from './kit.js';

const HEIGHT = 190;
const EDGE = { left: 40, right: 10, top: 22, bottom: 24 };
const DAY_MS = 24 * 3_600_000;
const WEEK_MS = 7 * DAY_MS;

export function makePlot({ revisions, series }, available) {
  const width = Math.max(260, Math.min(720, available || 640));
  const now = Date.now();
  const known = [...series.map(({ at }) => at), ...revisions.map(({ from }) => from).filter((at) => at > 0)];
  const first = Math.min(now - WEEK_MS, ...known);
  const x = (at) =>
    EDGE.left + ((Math.min(now, Math.max(first, at)) - first) / (now - first)) * (width - EDGE.left - EDGE.right);
  const y = (share) => EDGE.top + (1 - share) * (HEIGHT - EDGE.top - EDGE.bottom);
  const image = svg(
    'svg',
    {
      class: 'plot',
      width,
      height: HEIGHT,
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: 'img',
      'aria-label': describe(revisions),
    },
    ...[0, 0.5, 1].flatMap((share) => [
      svg('line', { class: 'grid', x1: EDGE.left, x2: width - EDGE.right, y1: y(share), y2: y(share) }),
      svgText(percent(share), { x: EDGE.left - 6, y: y(share) + 4, 'text-anchor': 'end' }),
    ]),
    svgText(dateText(first), { x: EDGE.left, y: HEIGHT - 6 }),
    svgText('today', { x: width - EDGE.right, y: HEIGHT - 6, 'text-anchor': 'end' }),
    ...revisions.flatMap((one) => drawRevision(one, { x, y, now, first })),
    ...series.flatMap((point) => drawWeek(point, { x, y, now })),
  );
  const legend = make(
    'p',
    { className: 'legend soft' },
    make('span', { className: 'with', text: 'with it' }),
    make('span', { className: 'without', text: 'without' }),
    'share of turns that went well: lines and bands for each version (95 %), points for weeks',
  );
  return make('figure', { className: 'chart' }, image, legend);
}

function drawRevision({ number, from, until, successWith, successWithout }, { x, y, now, first }) {
  const [start, end] = [x(Math.max(first, from)), x(until ?? now)];
  const width = Math.max(2, end - start);
  const band = (share, kind) =>
    share === undefined
      ? []
      : [
          svg('rect', {
            class: `band ${kind}`,
            x: start,
            width,
            y: y(share.high),
            height: Math.max(1, y(share.low) - y(share.high)),
          }),
          svg('line', { class: `value ${kind}`, x1: start, x2: start + width, y1: y(share.value), y2: y(share.value) }),
        ];
  return [
    ...band(successWithout, 'without'),
    ...band(successWith, 'with'),
    ...(number === 0 ? [] : [svg('line', { class: 'start', x1: start, x2: start, y1: y(1) - 4, y2: y(0) })]),
    svgText(number === 0 ? 'as it came' : `v${number}`, { x: Math.min(start + 3, x(now) - 22), y: EDGE.top - 8 }),
  ];
}

function drawWeek({ at, withSkill, without }, { x, y, now }) {
  const middle = Math.min(now, at + WEEK_MS / 2);
  const point = ({ turns, successes }, kind, name) => {
    if (turns === 0) return [];
    const title = svg('title');
    title.textContent = `Week of ${dateText(at)}, ${name}: ${successes} of ${turns} went well`;
    const circle = {
      class: `point ${kind}`,
      cx: x(middle),
      cy: y(successes / turns),
      r: Math.min(7, 2 + Math.sqrt(turns)),
    };
    return [svg('circle', circle, title)];
  };
  return [...point(without, 'without', 'without'), ...point(withSkill, 'with', 'with it')];
}

function describe(revisions) {
  const share = (one) =>
    one === undefined ? 'unknown' : `${percent(one.value)}, between ${percent(one.low)} and ${percent(one.high)}`;
  const parts = revisions.map(
    ({ number, successWith, successWithout }) =>
      `version ${number}: with it ${share(successWith)}, without ${share(successWithout)}`,
  );
  return `Share of turns that went well. ${parts.join('; ')}`;
}
