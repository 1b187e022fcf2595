// /cron: what runs by itself: list, make, confirm, change, pause, run, remove, and what it came to.
import { instantText } from '../../../scheduler/schedule/describe.ts';
import type { JobService, Work } from '../../../scheduler/types.ts';
import { isWaiting, WAITS } from '../../../scheduler/waiting.ts';
import { AppError } from '../../../shared/errors.ts';
import { commandButtons, plain } from '../format.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';
import { actorOf, idOf, jobsOf, splitAtColon } from './job-access.ts';
import { brokenLine, jobLine, planText, readBack, runLine } from './job-text.ts';
import { off, on } from './on.ts';

const SHOWN = 20;
const WEEK_MS = 7 * 86_400_000;
const USAGE =
  'I know `/cron`, `/cron add <when>: <what>`, `/cron remind <when>: <text>`, `/cron show <job>`, `/cron when <job> <when>`, `/cron to <job> <chats>`, ' +
  '`/cron confirm|pause|resume|run|remove <job>`, `/cron runs [job]`, `/cron next` and `/cron on`, for what begins jobs beside the time.';

type Verb = (context: CommandContext, jobs: JobService, words: readonly string[]) => Promise<CommandReply>;

const VERBS: Readonly<Record<string, Verb>> = {
  '': list,
  list,
  add: (context, jobs, words) => make(context, jobs, { words, kind: 'prompt' }),
  remind: (context, jobs, words) => make(context, jobs, { words, kind: 'reminder' }),
  show,
  when: reschedule,
  to: retarget,
  change: howToChange,
  confirm,
  resume: goOn,
  pause,
  run,
  remove,
  runs,
  next,
  on,
  off,
};

export const cron: Command = {
  name: 'cron',
  aliases: ['jobs', 'schedule'],
  description: 'What I do by myself: reports and reminders',
  usage:
    '[add <when>: <what> | remind <when>: <text> | show|pause|resume|run|remove <job> | runs | next | on <event>: <what>]',
  role: 'member',
  duringTurn: true,
  once: true,
  async run(context) {
    const jobs = jobsOf(context);
    const [verb = '', ...words] = context.args.split(/\s+/);
    const name = verb.toLowerCase();
    const act = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    if (!act) throw new AppError('bad_input', `${USAGE} Nothing was changed.`);
    return act(context, jobs, words);
  },
};

async function list({ scope, clock }: CommandContext, jobs: JobService): Promise<CommandReply> {
  const all = await jobs.list(scope);
  const broken = (await jobs.broken(scope)).map(brokenLine);
  if (all.length + broken.length === 0)
    return {
      text: 'Nothing runs by itself yet. Tell me in your own words ("every weekday at 9 …"), or `/cron add every weekday at 9: <what>`.',
    };
  const shown = all.slice(0, SHOWN).map((job) => jobLine(job, clock.now()));
  const more = all.length > SHOWN ? [`… and ${all.length - SHOWN} more`] : [];
  return { text: [...shown, ...more, ...broken.slice(0, SHOWN)].join('\n') };
}

async function make(
  context: CommandContext,
  jobs: JobService,
  { words, kind }: { words: readonly string[]; kind: 'prompt' | 'reminder' },
): Promise<CommandReply> {
  const [when, what] = splitAtColon(words.join(' '));
  if (when === '' || what === '')
    throw new AppError(
      'bad_input',
      `When, and what? Such as \`/cron ${kind === 'prompt' ? 'add every weekday at 9: check the news' : 'remind tomorrow at 8: call Ann'}\`. Nothing was made.`,
    );
  const work: Work = kind === 'prompt' ? { kind, prompt: what } : { kind, text: what };
  const draft = { id: idOf(context), when, work, origin: context.address };
  const made = await jobs.create(context.scope, actorOf(context), draft);
  return readBack(made.job, made.plan);
}

async function show(
  { scope, clock }: CommandContext,
  jobs: JobService,
  words: readonly string[],
): Promise<CommandReply> {
  const job = await jobs.get(scope, nameOf(words));
  const history = await jobs.runs(scope, { job: job.id, limit: 5 });
  const lines = history.map((one) => runLine(one, clock.now()));
  const toggle = job.state === 'paused' ? 'resume' : 'pause';
  return {
    text: [planText(await jobs.plan(scope, job.id)), jobLine(job, clock.now()), ...lines].join('\n'),
    buttons: commandButtons(
      [
        { label: 'Run now', command: `/cron run ${job.id}` },
        { label: toggle === 'pause' ? 'Pause' : 'Resume', command: `/cron ${toggle} ${job.id}` },
        { label: 'Remove', command: `/cron remove ${job.id}` },
      ],
      3,
    ),
  };
}

/** The first word names the job, the rest says when; a name of several words is given by its id. */
async function reschedule(
  context: CommandContext,
  jobs: JobService,
  [job = '', ...when]: readonly string[],
): Promise<CommandReply> {
  if (when.length === 0) throw new AppError('bad_input', 'When? Such as `/cron when <job> every day at 8`.');
  const changed = await jobs.update(context.scope, actorOf(context), job, { when: when.join(' ') });
  return { text: `Changed.\n\n${planText(changed.plan)}` };
}

async function retarget(
  context: CommandContext,
  jobs: JobService,
  [job = '', ...chats]: readonly string[],
): Promise<CommandReply> {
  if (chats.length === 0)
    throw new AppError(
      'bad_input',
      'Where to? Such as `/cron to <job> origin`, a platform, `#name`, `all` or `last-active`.',
    );
  const changed = await jobs.update(context.scope, actorOf(context), job, { deliver: chats.join(' ') });
  return { text: `Changed.\n\n${planText(changed.plan)}` };
}

async function howToChange(
  { scope }: CommandContext,
  jobs: JobService,
  words: readonly string[],
): Promise<CommandReply> {
  const { id, name } = await jobs.get(scope, nameOf(words));
  return {
    text:
      `Tell me in your own words what shall be different about **${plain(name)}**, or use \`/cron when ${id} <when>\`, ` +
      `\`/cron to ${id} <chats>\`, \`/cron remove ${id}\`.`,
  };
}

async function confirm(context: CommandContext, jobs: JobService, words: readonly string[]): Promise<CommandReply> {
  const { scope } = context;
  const job = await jobs.get(scope, nameOf(words));
  if (job.state === 'active') return { text: `**${plain(job.name)}** runs already; nothing was changed.` };
  if (!isWaiting(job)) return goOn(context, jobs, [job.id]);
  const [early] = (await jobs.runs(scope, { job: job.id, limit: 5 })).filter(({ reason }) => reason === WAITS);
  const { state } = await jobs.resume(scope, actorOf(context), job.id);
  if (state === 'done')
    return { text: `**${plain(job.name)}** is confirmed. Its time was over before you did, so it runs now.` };
  const [next] = (await jobs.plan(scope, job.id)).nextRunTexts;
  const then = next === undefined ? '.' : `, next ${plain(next)}.`;
  if (!early) return { text: `**${plain(job.name)}** is confirmed${then}` };
  const when = instantText(early.dueAt, job.schedule.timezone);
  return {
    text: `**${plain(job.name)}** is confirmed${then} Its run of ${plain(when)} was due before you did, and was left out.`,
    buttons: commandButtons([{ label: 'Run it now', command: `/cron run ${job.id}` }], 1),
  };
}

async function goOn(context: CommandContext, jobs: JobService, words: readonly string[]): Promise<CommandReply> {
  const job = await jobs.resume(context.scope, actorOf(context), nameOf(words));
  const { nextRunTexts } = await jobs.plan(context.scope, job.id);
  const [next] = nextRunTexts;
  return { text: `**${plain(job.name)}** runs${next === undefined ? '.' : `, next ${plain(next)}.`}` };
}

async function pause({ scope }: CommandContext, jobs: JobService, words: readonly string[]): Promise<CommandReply> {
  const { id, name } = await jobs.pause(scope, nameOf(words));
  return { text: `**${plain(name)}** is paused; \`/cron resume ${id}\` lets it go on.` };
}

async function run(context: CommandContext, jobs: JobService, words: readonly string[]): Promise<CommandReply> {
  const name = nameOf(words);
  await jobs.runNow(context.scope, actorOf(context), name);
  return { text: `It runs now, beside its schedule: **${plain((await jobs.get(context.scope, name)).name)}**.` };
}

async function remove({ scope }: CommandContext, jobs: JobService, words: readonly string[]): Promise<CommandReply> {
  const { name } = await jobs.remove(scope, nameOf(words));
  return { text: `**${plain(name)}** is removed. What it did stays in \`/cron runs\`.` };
}

async function runs(
  { scope, clock }: CommandContext,
  jobs: JobService,
  words: readonly string[],
): Promise<CommandReply> {
  const job = words.join(' ').trim();
  const found = await jobs.runs(scope, { job: job === '' ? undefined : job, limit: SHOWN });
  if (found.length === 0) return { text: 'No run yet.' };
  return { text: found.map((one) => runLine(one, clock.now())).join('\n') };
}

async function next({ scope, clock }: CommandContext, jobs: JobService): Promise<CommandReply> {
  const now = clock.now();
  const entries = await jobs.calendar(scope, now, now + WEEK_MS);
  if (entries.length === 0) return { text: 'Nothing is to run in the next seven days.' };
  const zones = new Map((await jobs.list(scope)).map(({ id, schedule }) => [id, schedule.timezone]));
  const lines = entries.slice(0, SHOWN).map(({ job, name, at }) => {
    const timeZone = zones.get(job) ?? 'UTC';
    const time = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
    });
    return `- ${time.format(at)} (${timeZone}): ${plain(name)}`;
  });
  const more = entries.length > SHOWN ? [`… and ${entries.length - SHOWN} more`] : [];
  return { text: [...lines, ...more].join('\n') };
}

function nameOf(words: readonly string[]): string {
  const name = words.join(' ').trim();
  if (name === '') throw new AppError('bad_input', 'Which job? `/cron` lists them. Nothing was changed.');
  return name;
}
