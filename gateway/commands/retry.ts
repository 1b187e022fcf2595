// /retry: takes the last exchange back and asks the same again.
import { AppError } from '../../shared/errors.ts';
import { plain } from './format.ts';
import type { Command, CommandContext } from './types.ts';
import { chooseExchanges, isOwnExchange, takeBack, type TakenExchange } from './undo-plan.ts';

export const retry: Command = {
  name: 'retry',
  aliases: ['redo'],
  description: 'Take the last exchange back and ask it again',
  usage: '',
  role: 'guest',
  duringTurn: false,
  async run(context) {
    const [last] = await chooseExchanges(context, 1);
    if (!last) throw new AppError('not_found', 'There is nothing to ask again in this conversation yet.');
    await requireAskable(context, last);
    await takeBack(context, [last]);
    const files = last.hasFiles ? ' Its files do not come along: send them again if they matter.' : '';
    return { text: `Asking again: “${plain(last.text, 120)}”.${files}`, ask: last.text };
  },
};

/** What is asked again is asked with the authority of who says /retry: it must have been theirs to begin with. */
async function requireAskable(context: CommandContext, last: TakenExchange): Promise<void> {
  if (context.address.kind === 'group' && !(await isOwnExchange(context, last)))
    throw new AppError(
      'not_allowed',
      'The last question here was not yours. Nothing was changed; ask it yourself if you like.',
    );
  const borrowed = last.origins.some((origin) => origin === 'agent' || origin === 'foreign');
  if (borrowed && context.person.role !== 'guest')
    throw new AppError(
      'not_allowed',
      'The last exchange was not begun by you, so it is not asked again in your name. Nothing was changed.',
    );
  if (last.text.trim() === '')
    throw new AppError('bad_input', 'The last message was only a file. Nothing was changed; please send it again.');
}
