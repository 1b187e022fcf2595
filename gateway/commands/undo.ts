// /undo: takes the last exchanges out of the history, as if they had not been said.
import { AppError } from '../../shared/errors.ts';
import { isSteward } from './access.ts';
import { counted, plain } from './format.ts';
import type { Command, CommandContext } from './types.ts';
import { takeBackChanges } from './hands/take-back.ts';
import { chooseExchanges, isOwnExchange, takeBack, type TakenExchange } from './undo-plan.ts';

const MAX_UNDO = 50;

export const undo: Command = {
  name: 'undo',
  aliases: [],
  description: 'Take back the last exchange, with its files and memory',
  usage: '[n]',
  role: 'guest',
  duringTurn: false,
  async run(context) {
    const count = parseCount(context.args);
    const taken = await chooseExchanges(context, count);
    if (taken.length === 0) throw new AppError('not_found', 'There is nothing to take back in this conversation.');
    await requireOwn(context, taken);
    await takeBack(context, taken);
    const changes = await takeBackChanges(
      context,
      taken.map((exchange) => exchange.turn),
    );
    const fewer = taken.length < count ? ' There were no more.' : '';
    const lines = taken.map((exchange) => `- “${plain(exchange.text, 100)}”`);
    return {
      text: `Took back ${counted(taken.length, 'exchange')}, newest first:${fewer}\n\n${lines.join('\n')}\n\nI no longer see ${taken.length === 1 ? 'it' : 'them'}. ${changes}What went out, such as messages sent, stays done.`,
    };
  },
};

/** In a group each takes back their own; owner and admins may tidy up after others. */
async function requireOwn(context: CommandContext, taken: readonly TakenExchange[]): Promise<void> {
  if (context.address.kind === 'dm' || isSteward(context.person.role)) return;
  for (const exchange of taken)
    if (!(await isOwnExchange(context, exchange)))
      throw new AppError(
        'not_allowed',
        `“${plain(exchange.text)}” was not your message. Nothing was taken back; you can take back your own last exchanges only.`,
      );
}

function parseCount(args: string): number {
  if (args === '') return 1;
  const count = /^\d{1,3}$/.test(args) ? Number(args) : 0;
  if (count >= 1 && count <= MAX_UNDO) return count;
  throw new AppError('bad_input', `How many exchanges? A number from 1 to ${MAX_UNDO}. Nothing was taken back.`);
}
