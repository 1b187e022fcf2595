// A job in words: what is written is shown as a plan first, and made when that is confirmed.
import { make } from '../lines.js';
import { newId } from '../outbox.js';
import { change } from './kit.js';
import { planOf } from './plan.js';

const PLACES = [
  ['origin', 'this chat'],
  ['last-active', 'wherever I write last'],
  ['all', 'all of my chats'],
  ['none', 'nowhere: keep it in the history'],
];

export function makeJobForm(panel) {
  const when = make('input', { name: 'when', required: '', maxlength: '300', placeholder: 'every weekday at 9' });
  const what = make('textarea', {
    name: 'what',
    required: '',
    maxlength: '4000',
    rows: '3',
    placeholder: 'Summarize the news about …',
  });
  const kind = make(
    'select',
    { name: 'kind' },
    option('prompt', 'Herald works on it'),
    option('reminder', 'it is sent as it is'),
  );
  const where = make('input', { name: 'deliver', maxlength: '500', list: 'job-places', value: 'origin' });
  const places = make('datalist', { id: 'job-places' }, ...PLACES.map(([value, text]) => option(value, text)));
  const cap = make('input', {
    name: 'cap',
    inputmode: 'decimal',
    pattern: '[0-9]{1,3}([.,][0-9]{1,4})?',
    placeholder: 'as one answer may',
  });
  const show = make('button', { type: 'submit', className: 'main', text: 'Show the plan' });
  const shown = make('div', { className: 'proposal', 'aria-live': 'polite' });
  const form = make(
    'form',
    { className: 'job-form', autocomplete: 'off' },
    label('When', when),
    label('Where to', where, 'origin is this chat; also last-active, all, none, a platform, #group'),
    label('What', what),
    label('How', kind),
    label('Cost cap of a run in $', cap),
    places,
    make('div', { className: 'actions' }, show),
    shown,
  );
  const input = () => ({
    when: when.value,
    [kind.value]: what.value,
    ...(where.value.trim() !== '' && { deliver: where.value }),
    ...(cap.value.trim() !== '' && { capUsd: Number(cap.value.replace(',', '.')) }),
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  const clear = () => shown.replaceChildren();

  async function propose() {
    show.disabled = true;
    panel.say('');
    try {
      const asked = input();
      // Pressed twice, or sent again after the answer was lost: one job.
      const key = newId();
      const { plan } = await change('jobs/preview', asked);
      const confirm = panel.button('Make this job', () => confirmed(asked, key), { className: 'main' });
      const back = make('button', { type: 'button', text: 'Change something' });
      back.addEventListener('click', () => {
        clear();
        when.focus();
      });
      shown.replaceChildren(
        make('h3', { text: plan.name, dir: 'auto' }),
        planOf(plan),
        make('div', { className: 'actions' }, confirm, back),
      );
      confirm.focus();
    } catch (error) {
      shown.replaceChildren(make('p', { className: 'problem', role: 'alert', text: error.message }));
    } finally {
      show.disabled = false;
    }
  }

  async function confirmed(asked, key) {
    await change('jobs/create', { ...asked, key });
    form.reset();
    clear();
  }

  // A plan of other words than those above it must not be confirmed.
  form.addEventListener('input', clear);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void propose();
  });
  return form;
}

function option(value, text) {
  return make('option', { value, text });
}

function label(text, field, hint) {
  return make(
    'label',
    {},
    make('span', { text }),
    field,
    hint === undefined ? undefined : make('small', { className: 'soft', text: hint }),
  );
}
