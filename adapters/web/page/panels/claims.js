// Claims about the person: how sure they are, why, and the person's own word, which wins.
import { make } from '../lines.js';
import { change, chip, dateText, percent, read, svg } from './kit.js';

const QUOTES = 8;

export function makeClaims(panel, claims) {
  if (claims.length === 0)
    return [make('p', { className: 'soft', text: 'Nothing yet. It is learnt from what you say.' })];
  return claims.map((claim) => makeClaim(panel, claim));
}

function makeClaim(panel, claim) {
  const { id, text, kind, confidence, isFixed, isDoubtful, seenAt } = claim;
  const { mean, low, high } = confidence;
  const sure = isFixed ? 'your own word' : `${percent(mean)}, between ${Math.round(low * 100)} and ${percent(high)}`;
  const right = make('input', {
    name: 'right',
    maxlength: '160',
    placeholder: 'how it is instead, if you like',
    'aria-label': 'How it is instead',
  });
  const wrong = panel.button('That is wrong', () =>
    change('profile/wrong', { id, ...(right.value.trim() !== '' && { right: right.value }) }),
  );
  return make(
    'article',
    { className: 'card' },
    make(
      'div',
      { className: 'head' },
      make('strong', { text, dir: 'auto' }),
      chip(kind),
      isDoubtful ? chip('doubtful', 'warn') : undefined,
    ),
    make(
      'div',
      { className: 'usage' },
      makeInterval(confidence, sure),
      make('span', { className: 'soft', text: `${sure}, last heard ${dateText(seenAt)}` }),
    ),
    panel.expander(`claim:${id}`, 'Why, and setting it right', async () => [
      await drawWhy(id),
      make(
        'div',
        { className: 'actions' },
        right,
        wrong,
        panel.sureButton('Forget', () => change('profile/forget', { id }), { question: 'Forget for good?' }),
      ),
    ]),
  );
}

async function drawWhy(id) {
  const { evidence } = await read(`why?id=${id}`);
  const line = ({ side, source, quote, platform, saidAt }) => {
    const where = source === 'corrected' ? 'you told me' : `you said${platform === undefined ? '' : ` on ${platform}`}`;
    return make(
      'li',
      {},
      chip(side, side === 'for' ? 'good' : 'bad'),
      make('q', { text: quote, dir: 'auto' }),
      make('span', { className: 'soft', text: ` ${where}, ${dateText(saidAt)}` }),
    );
  };
  const more =
    evidence.length > QUOTES
      ? make('li', { className: 'soft', text: `and ${evidence.length - QUOTES} more` })
      : undefined;
  return make('ul', { className: 'quotes' }, ...evidence.slice(0, QUOTES).map(line), more);
}

/** From 0 to 1: where it lies with 90 % probability, and its mean. */
function makeInterval({ mean, low, high }, label) {
  return svg(
    'svg',
    { class: 'interval', viewBox: '0 0 100 10', preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('rect', { class: 'track', y: 3, width: 100, height: 4 }),
    svg('rect', { class: 'band', x: low * 100, y: 3, width: Math.max(1, (high - low) * 100), height: 4 }),
    svg('rect', { class: 'mean', x: Math.min(98.5, Math.max(0, mean * 100 - 0.75)), width: 1.5, height: 10 }),
  );
}
