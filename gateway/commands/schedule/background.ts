// /background: a task that is worked on while the conversation goes on, and whose result comes to the same chat.
import { AppError } from '../../../shared/errors.ts';
import { commandButtons, plain } from '../format.ts';
import type { Command } from '../types.ts';
import { actorOf, idOf, jobsOf } from './job-access.ts';

export const background: Command = {
  name: 'background',
  aliases: ['bg'],
  description: 'Works on a task meanwhile, and reports back here',
  usage: '<task>',
  role: 'member',
  duringTurn: true,
  async run(context) {
    const jobs = jobsOf(context);
    const task = context.args.trim();
    if (task === '')
      throw new AppError('bad_input', 'What shall I do meanwhile? `/background <task>`. Nothing was begun.');
    const { job } = await jobs.create(context.scope, actorOf(context), {
      id: idOf(context),
      when: 'in 1 second',
      work: { kind: 'prompt', prompt: task },
      origin: context.address,
      policy: { maxLateMs: 7 * 86_400_000 },
    });
    return {
      text: `I work on it: **${plain(job.name)}**. The result comes here.`,
      buttons: commandButtons([{ label: 'Stop it', command: `/cron remove ${job.id}` }], 1),
    };
  },
};
