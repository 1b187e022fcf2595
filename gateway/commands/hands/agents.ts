// /agents: the workers of this person; tells one something, or stops it.
import { getTask, listTasks, steerTask, type Task } from '../../../data/work/tasks.ts';
import { AppError } from '../../../shared/errors.ts';
import { ago, commandButtons, plain } from '../format.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';

const SHOWN = 15;

export const agents: Command = {
  name: 'agents',
  aliases: [],
  description: 'Workers that I gave something to do',
  usage: '[stop <id> | tell <id> <text> | show <id>]',
  role: 'member',
  duringTurn: true,
  async run(context) {
    const [verb = '', which = ''] = context.args.split(/\s+/);
    if (verb === '' || verb === 'list') return list(context);
    const task = await find(context, which);
    switch (verb.toLowerCase()) {
      case 'stop':
        if (await context.agent.stopWorker(context.scope, task.id)) return { text: `Stopped: ${plain(task.name)}.` };
        return { text: `${plain(task.name)} had ended already.` };
      case 'tell':
      case 'steer':
        return tell(context, task, context.args.split(/\s+/).slice(2).join(' '));
      case 'show':
        return { text: `**${plain(task.name)}** (${task.state})\n\n${plain(task.goal, 1_500)}${resultText(task)}` };
      default:
        throw new AppError(
          'bad_input',
          'I know `/agents`, `/agents show <id>`, `/agents tell <id> <text>` and `/agents stop <id>`.',
        );
    }
  },
};

async function list({ db, scope, clock }: CommandContext): Promise<CommandReply> {
  const tasks = await listTasks(db, scope, { limit: SHOWN });
  if (tasks.length === 0) return { text: 'I have no workers, now or lately.' };
  const lines = tasks.map(
    (task) =>
      `- \`${task.id}\` **${plain(task.name)}** ${task.state}, ${ago(task.createdAt, clock.now())}: ${plain(task.goal, 80)}`,
  );
  const live = tasks.filter((task) => task.state === 'waiting' || task.state === 'running');
  return {
    text: lines.join('\n'),
    buttons: commandButtons(
      live.map((task) => ({ label: `Stop ${task.name}`, command: `/agents stop ${task.id}` })),
      2,
    ),
  };
}

/** By its id, or the beginning of one. */
async function find({ db, scope }: CommandContext, which: string): Promise<Task> {
  const whole = which === '' ? undefined : await getTask(db, scope, which);
  if (whole) return whole;
  const tasks = which.length < 6 ? [] : await listTasks(db, scope, { limit: 200 });
  const found = tasks.filter((task) => task.id.startsWith(which.toUpperCase()));
  const [task] = found;
  if (task && found.length === 1) return task;
  throw new AppError(
    'not_found',
    `No worker has the id ${plain(which) || '""'}. \`/agents\` lists them; nothing was changed.`,
  );
}

async function tell({ db, scope }: CommandContext, task: Task, text: string): Promise<CommandReply> {
  if (text.trim() === '') throw new AppError('bad_input', 'Say what it should know: `/agents tell <id> <text>`.');
  if (await steerTask(db, scope, task.id, text.trim()))
    return { text: `${plain(task.name)} reads it after its next step.` };
  return { text: `${plain(task.name)} had ended already.` };
}

/** The stored form is JSON of text and origin; what is shown is the text. */
function resultText({ result }: Task): string {
  if (result === undefined) return '';
  const parsed: unknown = JSON.parse(result);
  const text = typeof parsed === 'object' && parsed !== null && 'text' in parsed ? String(parsed.text) : '';
  return `\n\n${plain(text, 3_000)}`;
}
