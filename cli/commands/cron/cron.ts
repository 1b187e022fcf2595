// `herald cron`: jobs, what they did and what they will do, by way of the running gateway, which alone runs them.
import type { OperationInput, OperationOutput } from '../../../gateway/control/operations.ts';
import { AppError } from '../../../shared/errors.ts';
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { formatPreview, formatSpan, formatTable, formatTime, printable } from '../../output.ts';

type Plan = OperationOutput<'cron.add'>['plan'];
type Job = OperationOutput<'cron.add'>['job'];
type Run = OperationOutput<'cron.runs'>[number];

export async function runCronList(context: CliContext, given: Given): Promise<number> {
  const jobs = await callControl(context.home, 'cron.list', { person: given.text('person') });
  context.print(jobs, (listed) =>
    listed.length === 0
      ? 'There are no jobs. `herald cron add every weekday at 9 --prompt "…"` makes one.'
      : formatTable([
          ['NAME', 'STATE', 'WHEN', 'NEXT', 'LAST', 'WHAT'],
          ...listed.map((job) => [
            formatPreview(job.name, 30),
            job.failures > 0 ? `${job.state}, failed ${job.failures} ×` : job.state,
            job.state === 'broken' ? 'cannot be read' : formatPreview(`${job.when} (${job.timezone})`, 50),
            job.nextRunAt === undefined ? '–' : formatTime(job.nextRunAt),
            job.lastRun === undefined ? '–' : `${job.lastRun.state} ${formatTime(job.lastRun.scheduledAt)}`,
            job.state === 'broken' ? `herald cron remove ${job.id}` : `${job.kind}: ${formatPreview(job.about, 60)}`,
          ]),
        ]),
  );
  return EXIT.ok;
}

export async function runCronAdd(context: CliContext, given: Given): Promise<number> {
  const made = await callControl(context.home, 'cron.add', {
    ...draftOf(given),
    when: given.rest(0).join(' ') || undefined,
    paused: given.flag('paused') || undefined,
  });
  context.print(made, ({ job, plan }) =>
    [planText(madeText(job, given.flag('paused')), plan), ...waitText(job)].join('\n'),
  );
  return EXIT.ok;
}

export async function runCronEdit(context: CliContext, given: Given): Promise<number> {
  const changed = await callControl(context.home, 'cron.edit', {
    ...draftOf(given),
    job: given.need(0),
    when: given.text('when'),
  });
  context.print(changed, ({ job, plan }) => [planText('Changed', plan), ...waitText(job)].join('\n'));
  return EXIT.ok;
}

export const runCronPause = (context: CliContext, given: Given) => change(context, given, 'pause');
export const runCronResume = (context: CliContext, given: Given) => change(context, given, 'resume');
export const runCronRemove = (context: CliContext, given: Given) => change(context, given, 'remove');

async function change(context: CliContext, given: Given, to: 'pause' | 'resume' | 'remove'): Promise<number> {
  const job = await callControl(context.home, 'cron.change', {
    person: given.text('person'),
    job: given.need(0),
    to,
  });
  const said = { pause: 'is paused', resume: 'goes on', remove: 'is removed; its history stays' }[to];
  context.print(job, ({ name }) => `${formatPreview(name, 80)} ${said}.`);
  return EXIT.ok;
}

export async function runCronRun(context: CliContext, given: Given): Promise<number> {
  const run = await callControl(context.home, 'cron.run', { person: given.text('person'), job: given.need(0) });
  context.print(run, ({ id }) => `Run ${id} begins. \`herald cron runs\` says what it came to.`);
  return EXIT.ok;
}

export async function runCronRuns(context: CliContext, given: Given): Promise<number> {
  const runs = await callControl(context.home, 'cron.runs', {
    person: given.text('person'),
    job: given.arg(0),
    limit: given.number('limit'),
  });
  context.print(runs, (listed) =>
    listed.length === 0
      ? 'No run yet.'
      : formatTable([['SCHEDULED', 'JOB', 'RUN', 'DELIVERY', 'TOOK', 'COST', 'RESULT'], ...listed.map(runRow)]),
  );
  return EXIT.ok;
}

function runRow(run: Run): readonly string[] {
  const { startedAt, endedAt } = run;
  const cost = run.tokens === 0 ? '' : `$${(run.costMicroUsd / 1_000_000).toFixed(4)}, ${run.tokens} tokens`;
  return [
    formatTime(run.scheduledAt),
    formatPreview(run.name, 30),
    run.attempts > 1 ? `${run.state}, ${run.attempts} attempts` : run.state,
    run.delivery,
    startedAt === undefined || endedAt === undefined ? '' : formatSpan(endedAt - startedAt),
    cost,
    formatPreview(run.reason ?? run.result ?? '', 80),
  ];
}

export async function runCronNext(context: CliContext, given: Given): Promise<number> {
  const entries = await callControl(context.home, 'cron.next', {
    person: given.text('person'),
    days: given.number('days'),
  });
  context.print(entries, (listed) =>
    listed.length === 0
      ? 'Nothing is to run.'
      : formatTable(listed.map(({ at, name }) => [formatTime(at), formatPreview(name, 60)])),
  );
  return EXIT.ok;
}

function draftOf(given: Given): Omit<OperationInput<'cron.add'>, 'when' | 'paused'> {
  const catchUp = given.text('catchUp');
  const cap = given.text('capUsd');
  const capUsd = cap === undefined ? undefined : Number(cap);
  if (capUsd !== undefined && !(capUsd >= 0))
    throw new AppError('bad_input', `--cap-usd takes an amount such as 0.25, not ${JSON.stringify(cap)}.`);
  return {
    person: given.text('person'),
    prompt: given.text('prompt'),
    reminder: given.text('reminder'),
    script: given.text('script'),
    name: given.text('name'),
    timezone: given.text('timezone'),
    deliver: given.text('to'),
    fallback: given.text('fallback'),
    tools: listed(given, 'tools'),
    skills: listed(given, 'skills'),
    contextFrom: listed(given, 'context'),
    memory: memoryOf(given.text('memory')),
    model: given.text('model'),
    capUsd,
    quiet: given.text('quiet'),
    jitterMinutes: given.number('jitterMinutes'),
    catchUp: catchUp === 'skip' || catchUp === 'latest' || catchUp === 'all' ? catchUp : undefined,
  };
}

function memoryOf(given: string | undefined): boolean | undefined {
  return given === undefined ? undefined : given === 'on';
}

function listed(given: Given, option: string): string[] | undefined {
  const text = given.text(option);
  return text === undefined ? undefined : listOf(text);
}

export function listOf(text = ''): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function madeText({ state }: Job, isPaused: boolean): string {
  return state === 'paused' && isPaused ? 'Made, and paused' : 'Made';
}

/** What it needs before it begins. */
function waitText({ state, stateReason, id }: Job): readonly string[] {
  return state === 'paused' && stateReason !== undefined
    ? [`It does not run yet: ${printable(stateReason)}. \`herald cron resume ${id}\` lets it begin.`]
    : [];
}

function planText(said: string, plan: Plan): string {
  const cap =
    plan.capMicroUsd === undefined ? [] : [`  costs at most $${(plan.capMicroUsd / 1_000_000).toFixed(2)} a run`];
  return [
    `${said}: ${formatPreview(plan.name, 80)}, ${plan.when}`,
    ...(plan.nextRunTexts.length === 0 ? ['  `herald cron on` and `herald cron hook` say what begins it'] : []),
    ...plan.nextRunTexts.map((text) => `  runs ${text}`),
    ...plan.targets.map((target) => `  goes to ${target}`),
    ...plan.may.map((line) => `  ${line}`),
    ...cap,
    ...plan.warnings.map((line) => `  note: ${line}`),
  ]
    .map(printable)
    .join('\n');
}
