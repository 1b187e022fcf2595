// /title: names this conversation, so that /resume finds it.
import { cleanTitle, nameSession } from './current-session.ts';
import { plain } from './format.ts';
import type { Command } from './types.ts';

export const title: Command = {
  name: 'title',
  aliases: ['rename'],
  description: 'Show or set the title of this conversation',
  usage: '[text]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const { session } = context;
    const wanted = cleanTitle(context.args);
    if (wanted === '') {
      const now =
        session.title === undefined
          ? 'This conversation has no title yet.'
          : `The title is **${plain(session.title)}**.`;
      return { text: `${now} \`/title text\` sets one.` };
    }
    await nameSession(context, session, wanted);
    return { text: `This conversation is now **${plain(wanted)}**. \`/resume\` finds it by that name.` };
  },
};
