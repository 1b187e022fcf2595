// /goal: something that Herald works towards by itself, a step at a time, until it is reached.
import type { JobService } from '../../../scheduler/types.ts';
import { isWaiting } from '../../../scheduler/waiting.ts';
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import { code, commandButtons, plain } from '../format.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';
import { actorOf, chosen, idOf, isGoal, jobsOf, splitAtColon, type GoalJob } from './job-access.ts';
import { planText, runLine } from './job-text.ts';

const WHEN = 'every day at 9';
const DAY_CAP_MICRO_USD = 1_000_000;
const USAGE =
  'I know `/goal <text>`, `/goal every 4 hours: <text>`, `/goal list`, and `/goal show|step|tell|pause|resume|done|remove <goal>`.';

type Verb = (context: CommandContext, jobs: JobService, words: string) => Promise<CommandReply>;

const VERBS: Readonly<Record<string, Verb>> = { list, show, step, tell, pause, resume, done, remove: done };

export const goal: Command = {
  name: 'goal',
  aliases: ['goals'],
  description: 'Something I work towards by myself, step by step',
  usage: '[<text> | list | show|step|tell|pause|resume|done <goal>]',
  role: 'member',
  duringTurn: true,
  once: true,
  async run(context) {
    const jobs = jobsOf(context);
    const args = context.args.trim();
    const [first = ''] = args.split(/\s+/);
    const name = args === '' ? 'list' : first.toLowerCase();
    const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    return verb ? verb(context, jobs, args.slice(first.length).trim()) : make(context, jobs, args);
  },
};

async function make(context: CommandContext, jobs: JobService, args: string): Promise<CommandReply> {
  const [head, rest] = splitAtColon(args);
  // "Sell the car: ask Ann first" is a goal with a colon, not a time.
  const isTimed = rest !== '' && /^(?:every|each|daily|weekdays|weekly|hourly|on|in|at|\d|\*|@)/i.test(head);
  const text = isTimed ? rest : args;
  if (text.length < 4) throw new AppError('bad_input', `${USAGE} Nothing was made.`);
  const { job, plan } = await jobs.create(context.scope, actorOf(context), {
    id: idOf(context),
    name: `goal: ${preview(text, 40)}`,
    when: isTimed ? head : WHEN,
    work: { kind: 'prompt', prompt: text, goal: { dayCapMicroUsd: DAY_CAP_MICRO_USD } },
    origin: context.address,
  });
  return {
    text: `${planText(plan)}\n\nI work towards it. I ask when I need you; ${code(`/goal tell ${job.id} …`)} answers me.`,
    buttons: commandButtons(
      [
        { label: 'Begin now', command: `/goal step ${job.id}` },
        { label: 'Remove', command: `/goal remove ${job.id}` },
      ],
      2,
    ),
  };
}

async function list({ scope }: CommandContext, jobs: JobService): Promise<CommandReply> {
  const goals = (await jobs.list(scope)).filter(isGoal);
  if (goals.length === 0) return { text: `There is no goal yet. ${USAGE}` };
  const lines = goals.map((job, index) => `${index + 1}. ${plain(job.work.prompt, 120)}: ${stateText(job)}`);
  return { text: lines.join('\n') };
}

function stateText(job: GoalJob): string {
  if (isWaiting(job)) return 'waits for your confirmation';
  return job.state === 'active' ? plain(job.schedule.text) : job.state === 'done' ? 'reached' : job.state;
}

async function show(context: CommandContext, jobs: JobService, words: string): Promise<CommandReply> {
  const job = await find(context, jobs, words);
  const runs = await jobs.runs(context.scope, { job: job.id, limit: 5 });
  const lines = runs.map((run) => runLine(run, context.clock.now()));
  return { text: [planText(await jobs.plan(context.scope, job.id)), ...lines].join('\n') };
}

async function step(context: CommandContext, jobs: JobService, words: string): Promise<CommandReply> {
  const job = await find(context, jobs, words);
  await jobs.runNow(context.scope, actorOf(context), job.id);
  return { text: `I do the next step of **${plain(job.name)}** now.` };
}

/** Something that the next step knows, which begins at once. The goal is named by its id or place, since words follow. */
async function tell(context: CommandContext, jobs: JobService, words: string): Promise<CommandReply> {
  const [which = ''] = words.split(/\s+/);
  const goals = (await jobs.list(context.scope)).filter(isGoal);
  const named = chosen(goals, which);
  const job = named ?? chosen(goals, '');
  const text = (named ? words.slice(which.length) : words).trim();
  if (!job || text === '') throw new AppError('bad_input', 'Which goal, and what? `/goal tell <goal> <text>`.');
  const origin = context.person.role === 'owner' ? 'owner' : 'member';
  await jobs.trigger(context.scope, job.id, { key: `tell ${idOf(context)}`, text, origin });
  return { text: `**${plain(job.name)}** goes on with that.` };
}

async function pause(context: CommandContext, jobs: JobService, words: string): Promise<CommandReply> {
  const job = await find(context, jobs, words);
  await jobs.pause(context.scope, job.id);
  return { text: `**${plain(job.name)}** is paused; ${code(`/goal resume ${job.id}`)} lets it go on.` };
}

async function resume(context: CommandContext, jobs: JobService, words: string): Promise<CommandReply> {
  const job = await find(context, jobs, words);
  await jobs.resume(context.scope, actorOf(context), job.id);
  return { text: `**${plain(job.name)}** goes on.` };
}

async function done(context: CommandContext, jobs: JobService, words: string): Promise<CommandReply> {
  const job = await find(context, jobs, words);
  await jobs.remove(context.scope, job.id);
  return { text: `**${plain(job.name)}** is no goal any more. What was done for it stays in \`/cron runs\`.` };
}

async function find({ scope }: CommandContext, jobs: JobService, words: string): Promise<GoalJob> {
  const goals = (await jobs.list(scope)).filter(isGoal);
  const job = chosen(goals, words);
  if (job) return job;
  throw new AppError('not_found', 'Which goal? `/goal list` shows them with their numbers. Nothing was changed.');
}
