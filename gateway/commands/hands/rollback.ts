// /rollback: puts files and memory back as they were before a turn, and leaves the conversation as it is.
import { AppError } from '../../../shared/errors.ts';
import { ago, plain } from '../format.ts';
import type { Command } from '../types.ts';
import { takeBackChanges } from './take-back.ts';

const SHOWN = 15;

export const rollback: Command = {
  name: 'rollback',
  aliases: [],
  description: 'Put files back as they were before I changed them',
  usage: '[number]',
  role: 'member',
  duringTurn: false,
  async run(context) {
    const { agent, scope, clock } = context;
    const checkpoints = (await agent.listCheckpoints(scope)).slice(0, SHOWN);
    if (checkpoints.length === 0) throw new AppError('not_found', 'I have changed no files that could be put back.');
    if (context.args === '') {
      const lines = checkpoints.map(
        ({ at, paths }, i) =>
          `${i + 1}. ${ago(at, clock.now())}: ${plain(paths.slice(0, 5).join(', '), 200)}${paths.length > 5 ? ` and ${paths.length - 5} more` : ''}`,
      );
      return { text: `${lines.join('\n')}\n\n\`/rollback <number>\` puts back this one and all that are newer.` };
    }
    const wanted = /^\d{1,2}$/.test(context.args) ? Number(context.args) : 0;
    if (wanted < 1 || wanted > checkpoints.length)
      throw new AppError('bad_input', `A number from 1 to ${checkpoints.length}, please. Nothing was changed.`);
    const done = await takeBackChanges(
      context,
      checkpoints.slice(0, wanted).map(({ turn }) => turn),
    );
    return { text: done === '' ? 'There was nothing left to put back.' : done.trim() };
  },
};
