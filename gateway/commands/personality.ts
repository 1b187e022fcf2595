// /personality: how the agent speaks in this conversation.
import { AppError } from '../../shared/errors.ts';
import { adjustSession } from './current-session.ts';
import { code, commandButtons, plain } from './format.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

const NONE = 'none';

export const personality: Command = {
  name: 'personality',
  aliases: ['persona'],
  description: 'Show the personalities, or choose one',
  usage: '[name|none]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const wanted = context.args.toLowerCase();
    if (wanted === '') return list(context);
    if (wanted === NONE) {
      await adjustSession(context, { personality: null });
      return { text: 'I speak in my own voice again in this conversation.' };
    }
    const known = context.agent.personalities();
    const found = known.find((each) => each.name.toLowerCase() === wanted);
    if (!found) {
      const names = known.map((each) => code(each.name)).join(', ');
      throw new AppError(
        'not_found',
        `There is no personality ${code(context.args)}. ${names === '' ? 'None is configured.' : `There are: ${names}.`} Nothing was changed.`,
      );
    }
    await adjustSession(context, { personality: found.name });
    return { text: `I am ${code(found.name)} in this conversation now. \`/personality none\` ends that.` };
  },
};

function list({ agent, session }: CommandContext): CommandReply {
  const known = agent.personalities();
  if (known.length === 0) return { text: 'No personalities are configured.' };
  const now = session.personality;
  const lines = known.map(
    (each) => `- ${code(each.name)} — ${plain(each.description, 120)}${each.name === now ? ' ← in use' : ''}`,
  );
  const choices = known
    .filter((each) => each.name !== now)
    .map((each) => ({ label: each.name, command: `/personality ${each.name}` }));
  if (now !== undefined) choices.push({ label: 'None', command: `/personality ${NONE}` });
  return {
    text: `${now === undefined ? 'No personality is chosen.' : `In use: ${code(now)}.`}\n\n${lines.join('\n')}`,
    buttons: commandButtons(choices.slice(0, 9), 3),
  };
}
