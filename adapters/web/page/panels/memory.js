// What Herald remembers, what waits for a yes, and what it takes its person to be.
import { make } from '../lines.js';
import { makeClaims } from './claims.js';
import { change, chip, dateText, Panel, read, section, svg } from './kit.js';

const TITLES = { memory: 'Of the work', user: 'Of you' };
const AUTHORS = { person: 'by you', agent: 'by Herald', review: 'by Herald, looking back', file: 'from the file' };

export function open(root) {
  return new Panel(root, async (panel) => {
    const [memory, { claims }] = await Promise.all([
      read('memory').catch((error) => {
        // Guests have no memory of their own, and still a profile.
        if (error.status !== 403) throw error;
      }),
      read('profile'),
    ]);
    return [
      memory && memory.pending.length > 0
        ? section('Waiting for your yes', ...memory.pending.map((item) => makePending(panel, item)))
        : undefined,
      ...(memory ? [makeCore(panel, memory)] : []),
      section('What I know of you', ...makeClaims(panel, claims)),
    ];
  });
}

function makePending(panel, item) {
  const short = item.text.slice(0, 40);
  const keep = async () => {
    const { refused } = await change('memory/approve', { id: item.id });
    return refused === undefined ? undefined : `Not kept, since ${refused}. It still waits.`;
  };
  return makeItem(item, [
    panel.button('Keep', keep, { className: 'main', label: `Keep: ${short}` }),
    panel.button('Reject', () => change('memory/reject', { id: item.id }), { label: `Reject: ${short}` }),
  ]);
}

function makeCore(panel, { core, usage, archived }) {
  const parts = usage.flatMap(({ target, percent, text }) => {
    const items = core.filter((item) => item.target === target);
    const none = make('p', { className: 'soft', text: 'Nothing yet.' });
    const drawn = items.map((item) =>
      makeItem(item, [
        panel.sureButton('Forget', () => change('memory/forget', { id: item.id }), {
          label: `Forget: ${item.text.slice(0, 40)}`,
          question: 'Forget for good?',
        }),
      ]),
    );
    return [
      make('h3', { text: TITLES[target] }),
      make('div', { className: 'usage' }, makeBar(percent), make('span', { className: 'soft', text })),
      ...(drawn.length > 0 ? drawn : [none]),
    ];
  });
  const more =
    archived > 0
      ? make('p', {
          className: 'soft',
          text: `${archived} more in the archive: /memory search in the chat finds them.`,
        })
      : undefined;
  return section('Always in mind', ...parts, more);
}

function makeItem(item, buttons) {
  const text =
    item.blocked === undefined
      ? make('p', { text: item.text, dir: 'auto' })
      : make('p', { className: 'problem', text: `Blocked: ${item.blocked}` });
  const meta = make(
    'p',
    { className: 'soft' },
    `${AUTHORS[item.author]}, ${dateText(item.createdAt)} `,
    item.isForeign ? chip('words of others', 'warn') : undefined,
  );
  return make('article', { className: 'card' }, text, meta, make('div', { className: 'actions' }, ...buttons));
}

function makeBar(percent) {
  const width = Math.min(100, percent);
  return svg(
    'svg',
    {
      class: percent > 90 ? 'bar-of full' : 'bar-of',
      viewBox: '0 0 100 6',
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    svg('rect', { class: 'track', width: 100, height: 6 }),
    svg('rect', { class: 'fill', width, height: 6 }),
  );
}
