// What runs by itself: the week ahead, the jobs, and a form that makes one.
import { make } from '../lines.js';
import { makeJobForm } from './job-form.js';
import { change, chip, momentText, money, Panel, read, section, table } from './kit.js';
import { planOf } from './plan.js';
import { makeWeek } from './week.js';

const STATES = { active: 'good', paused: 'warn', done: '', removed: '', broken: 'bad' };
const RUNS = { done: 'good', failed: 'bad', missed: 'bad', interrupted: 'warn', running: 'warn' };

export function open(root) {
  let form;
  return new Panel(root, async (panel) => {
    // What is being written there outlives a refresh.
    form ??= makeJobForm(panel);
    const from = new Date().setHours(0, 0, 0, 0);
    const to = new Date(from).setDate(new Date(from).getDate() + 7);
    const [{ jobs }, { entries }] = await Promise.all([read('jobs'), read(`calendar?from=${from}&to=${to}`)]);
    const list = jobs.map((job) => makeJob(panel, job));
    const none = make('p', {
      className: 'soft',
      text: 'Nothing runs by itself yet. Make a job below, or tell Herald in the chat.',
    });
    return [
      section('The next seven days', makeWeek(from, entries)),
      section('Jobs', ...(list.length > 0 ? list : [none])),
      section('New job', form),
    ];
  });
}

function makeJob(panel, job) {
  const head = make(
    'div',
    { className: 'head' },
    make('strong', { text: job.name, dir: 'auto' }),
    chip(job.state, STATES[job.state]),
    job.failures > 0 ? chip(`failed ${job.failures}×`, 'bad') : undefined,
  );
  const to = (state, said) => async () => {
    await change('jobs/to', { job: job.id, to: state });
    return said;
  };
  const toggle =
    job.state === 'paused'
      ? panel.button('Resume', to('active'), { label: `Resume ${job.name}` })
      : panel.button('Pause', to('paused'), { label: `Pause ${job.name}` });
  // Nothing but its end is left of what cannot be read.
  const isBroken = job.state === 'broken';
  const run = () =>
    panel.button('Run now', to('run', `${job.name} runs now, beside its schedule.`), { label: `Run ${job.name} now` });
  const buttons = make(
    'div',
    { className: 'actions' },
    isBroken ? undefined : run(),
    isBroken || job.state === 'done' ? undefined : toggle,
    panel.sureButton('Remove', to('removed'), { label: `Remove ${job.name}`, question: 'Remove for good?' }),
  );
  return make(
    'article',
    { className: 'card' },
    head,
    make('p', { text: job.about, dir: 'auto', className: 'about' }),
    isBroken ? undefined : make('p', { className: 'soft', text: whenText(job) }),
    job.stateReason ? make('p', { className: 'note', text: job.stateReason, dir: 'auto' }) : undefined,
    job.lastRun ? lastRun(job.lastRun) : undefined,
    buttons,
    isBroken ? undefined : panel.expander(`job:${job.id}`, 'Plan and history', () => drawPlan(panel, job.id)),
  );
}

function whenText(job) {
  const when = job.when === '' ? 'when something triggers it' : `${job.when} (${job.timezone})`;
  return job.nextRunAt === undefined ? when : `${when} · next ${momentText(job.nextRunAt)}`;
}

function lastRun(run) {
  if (run.state === 'planned') return undefined;
  const said = run.reason ?? run.result ?? '';
  return make(
    'p',
    { className: 'soft last' },
    `Last: ${momentText(run.startedAt ?? run.scheduledAt)} `,
    chip(run.state, RUNS[run.state] ?? ''),
    make('span', { text: said === '' ? '' : ` ${said.slice(0, 200)}`, dir: 'auto' }),
  );
}

async function drawPlan(panel, id) {
  const { job, plan, runs } = await read(`job?job=${encodeURIComponent(id)}`);
  const rows = runs.map((run) => [
    momentText(run.startedAt ?? run.scheduledAt),
    chip(run.state, RUNS[run.state] ?? ''),
    run.delivery === 'none' ? '' : run.delivery,
    run.tokens > 0 ? money(run.costMicroUsd) : '',
    (run.reason ?? run.result ?? '').slice(0, 300),
  ]);
  return [
    job.about.length > 300 ? make('p', { text: job.about, dir: 'auto' }) : undefined,
    planOf(plan),
    makeChange(panel, job),
    rows.length > 0 ? table(['When', 'End', 'Delivery', 'Cost', 'What it said'], rows) : undefined,
  ];
}

/** Another time, or another place; what is left empty stays as it is. */
function makeChange(panel, { id, name, when }) {
  const input = (placeholder, label) =>
    make('input', { placeholder, 'aria-label': `${label} of ${name}`, maxlength: '300' });
  const time = input(when === '' ? 'when else' : when, 'Another time');
  const place = input('where else', 'Another place');
  const save = async () => {
    const wanted = [
      ['when', time.value.trim()],
      ['deliver', place.value.trim()],
    ].filter(([, value]) => value !== '');
    if (wanted.length === 0) return time.focus();
    await change('jobs/change', { job: id, change: Object.fromEntries(wanted) });
    return `${name} is changed: see its plan.`;
  };
  return make('div', { className: 'actions' }, time, place, panel.button('Change', save, { label: `Change ${name}` }));
}
