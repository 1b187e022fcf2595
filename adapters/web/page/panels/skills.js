// Skills: what is known, what is proposed, each version with its difference, and whether it helps.
import { make } from '../lines.js';
import { change, chip, dateText, Panel, percent, read, section, table } from './kit.js';
import { makePlot } from './plot.js';

const REVISIONS = { active: 'good', trial: 'warn', proposed: 'accent', rolled_back: 'bad', rejected: 'bad' };
/** Versions that were in force before, or could be again. */
const FORMER = new Set(['superseded', 'rolled_back', 'archived']);

export function open(root) {
  return new Panel(root, async (panel) => {
    const { skills } = await read('skills');
    const draw = (list) => list.map((skill) => makeSkill(panel, skill));
    const waiting = skills.filter(({ proposed }) => proposed > 0);
    const others = skills.filter(({ proposed }) => proposed === 0);
    return [
      waiting.length > 0 ? section('Waiting for your yes', ...draw(waiting)) : undefined,
      section(
        'Skills',
        ...(others.length > 0 ? draw(others) : [make('p', { className: 'soft', text: 'There are none.' })]),
      ),
    ];
  });
}

function makeSkill(panel, skill) {
  const { name } = skill;
  const marks = [
    chip(skill.source),
    skill.isTrusted ? undefined : chip('not trusted yet', 'bad'),
    skill.isTrial ? chip('on trial', 'warn') : undefined,
    skill.isFrozen ? chip('frozen') : undefined,
    skill.isPinned ? chip('pinned') : undefined,
    skill.isArchived ? chip('put away') : undefined,
    skill.proposed > 0 ? chip(`${skill.proposed} proposed`, 'accent') : undefined,
  ];
  return make(
    'article',
    { className: 'card' },
    make('div', { className: 'head' }, make('strong', { text: name }), ...marks),
    make('p', { className: 'soft', text: skill.description, dir: 'auto' }),
    panel.expander(`skill:${name}`, 'Versions and evidence', () => drawSkill(panel, skill)),
  );
}

async function drawSkill(panel, skill) {
  const { name } = skill;
  const { revisions, evidence } = await read(`skill?name=${encodeURIComponent(name)}`);
  const mark = (marks) => () => change('skills/mark', { name, ...marks });
  const isKnown = revisions.some(({ state }) => state !== 'proposed' && state !== 'rejected') || skill.source !== 'own';
  const canReset = skill.source !== 'own' && revisions.some(({ state }) => state === 'active' || state === 'trial');
  const actions = make(
    'div',
    { className: 'actions' },
    panel.button(skill.isFrozen ? 'Unfreeze' : 'Freeze', mark({ frozen: !skill.isFrozen }), {
      label: `${skill.isFrozen ? 'Unfreeze' : 'Freeze'} ${name}`,
    }),
    panel.button(skill.isPinned ? 'Unpin' : 'Pin', mark({ pinned: !skill.isPinned }), {
      label: `${skill.isPinned ? 'Unpin' : 'Pin'} ${name}`,
    }),
    canReset
      ? panel.sureButton('As it came', () => change('skills/rollback', { name }), { question: 'Leave all changes?' })
      : undefined,
  );
  return [
    isKnown ? actions : undefined,
    ...drawEvidence(evidence, panel.width),
    ...revisions.map((revision) => makeRevision(panel, name, revision)),
    revisions.length === 0
      ? make('p', { className: 'soft', text: 'It is as it came: nothing was changed here.' })
      : undefined,
  ];
}

function drawEvidence({ revisions, series }, width) {
  if (revisions.every(({ uses }) => uses === 0) && series.length === 0)
    return [make('p', { className: 'soft', text: 'No evidence yet: it was not used since it is watched.' })];
  const share = (one) =>
    one === undefined
      ? '–'
      : `${percent(one.value)} (${Math.round(one.low * 100)}\u2060–\u2060${Math.round(one.high * 100)})`;
  const rows = revisions.map((one) => [
    one.number === 0 ? 'as it came' : `version ${one.number}`,
    String(one.uses),
    share(one.successWith),
    share(one.successWithout),
  ]);
  const verdicts = revisions
    .filter(({ verdict }) => verdict !== undefined)
    .map(({ number, verdict }) =>
      make('p', { className: 'soft', text: `${number === 0 ? 'As it came' : `Version ${number}`}, ${verdict}` }),
    );
  return [makePlot({ revisions, series }, width), table(['', 'Uses', 'With it', 'Without'], rows), ...verdicts];
}

function makeRevision(panel, name, revision) {
  const { id, number, state, author, reason, isForeign, isDeletion, findings, createdAt } = revision;
  const decide = (as) => () => change('skills/approve', { revision: id, as });
  const label = (verb) => ({ label: `${verb} version ${number} of ${name}` });
  const actions =
    state === 'proposed'
      ? [
          panel.button('Approve', decide('active'), { className: 'main', ...label('Approve') }),
          isDeletion ? undefined : panel.button('Try it first', decide('trial'), label('Try')),
          panel.button('Reject', () => change('skills/reject', { revision: id }), label('Reject')),
        ]
      : FORMER.has(state) && !isDeletion
        ? [panel.button('Go back to this', () => change('skills/rollback', { name, to: id }), label('Go back to'))]
        : [];
  const said = `by ${author === 'person' ? 'you' : author}, ${dateText(createdAt)}: ${reason}`;
  return make(
    'div',
    { className: 'revision' },
    make(
      'div',
      { className: 'head' },
      make('strong', { text: isDeletion ? `Version ${number}: takes it away` : `Version ${number}` }),
      chip(state.replace('_', ' '), REVISIONS[state] ?? ''),
      isForeign ? chip('after words of others', 'warn') : undefined,
    ),
    make('p', { className: 'soft', text: said, dir: 'auto' }),
    findings === '' ? undefined : make('p', { className: 'problem', text: findings, dir: 'auto' }),
    actions.length > 0 ? make('div', { className: 'actions' }, ...actions) : undefined,
    panel.expander(`diff:${id}`, 'What it changes', async () => [drawDiff((await read(`diff?revision=${id}`)).diff)]),
  );
}

function drawDiff(text) {
  const lines = text.split('\n').map((line) => {
    const kind = /^(\+\+\+|---|@@|diff|Index|=+$)/.test(line)
      ? 'mark'
      : line.startsWith('+')
        ? 'plus'
        : line.startsWith('-')
          ? 'minus'
          : '';
    return make('span', { className: kind, text: `${line}\n` });
  });
  return make('pre', { className: 'diff', tabindex: '0' }, ...lines);
}
