// How a job is read back: when, where to, what it may do, what it may cost.
import { make } from '../lines.js';
import { money } from './kit.js';

export function planOf(plan) {
  const item = (title, ...texts) =>
    texts.length === 0
      ? undefined
      : make('div', {}, make('dt', { text: title }), ...texts.map((text) => make('dd', { text, dir: 'auto' })));
  return make(
    'dl',
    { className: 'plan' },
    item('When', plan.when === '' ? 'when something triggers it' : plan.when),
    item('Next', ...plan.nextRunTexts),
    item('Goes to', ...(plan.targets.length > 0 ? plan.targets : ['nobody: it is kept in the history'])),
    item('May', ...plan.may),
    item('Costs at most', ...(plan.capMicroUsd === undefined ? [] : [`${money(plan.capMicroUsd)} each time`])),
    item('Note', ...plan.warnings),
  );
}
