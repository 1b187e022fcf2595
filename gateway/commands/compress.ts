// /compress: the older part of the conversation becomes a summary, so that the rest costs less.
import { counted } from './format.ts';
import type { Command } from './types.ts';

export const compress: Command = {
  name: 'compress',
  aliases: ['compact'],
  description: 'Summarize the older part of this conversation',
  usage: '',
  role: 'guest',
  duringTurn: false,
  async run({ agent, scope, session, person, signal }) {
    const { summarized } = await agent.compress(scope, session.id, person.id, signal);
    if (summarized === 0) return { text: 'This conversation is short: there is nothing to summarize yet.' };
    return {
      text: `Summarized ${counted(summarized, 'older message')}. The last exchanges stay word for word, and \`/sessions words\` and \`/save\` still find everything.`,
    };
  },
};
