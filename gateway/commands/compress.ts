// /compress: the older part of the conversation becomes a summary, so that the rest costs less.
import { counted, plain } from './format.ts';
import type { Command } from './types.ts';

export const compress: Command = {
  name: 'compress',
  aliases: ['compact'],
  description: 'Summarize the older part of this conversation',
  usage: '[what to keep in most detail]',
  role: 'guest',
  duringTurn: false,
  async run({ agent, scope, session, args, signal }) {
    const focus = args === '' ? undefined : args;
    const { summarized } = await agent.compress(scope, session.id, { focus }, signal);
    if (summarized === 0) return { text: 'This conversation is short: there is nothing to summarize yet.' };
    const about = focus === undefined ? '' : `, with most detail on “${plain(focus, 100)}”`;
    return {
      text: `Summarized ${counted(summarized, 'older message')}${about}. The last exchanges stay word for word, and \`/sessions words\` and \`/save\` still find everything.`,
    };
  },
};
