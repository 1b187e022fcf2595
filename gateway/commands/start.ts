// /start: what messengers send when somebody opens the chat with a bot for the first time.
import type { Command } from './types.ts';

export const start: Command = {
  name: 'start',
  aliases: [],
  description: 'Say hello and where to begin',
  usage: '',
  role: 'guest',
  duringTurn: true,
  run({ person }) {
    const more = person.role === 'owner' ? ' `/link` joins your other apps, `/pair` lets other people in.' : '';
    return Promise.resolve({
      text: `Hello! Just write to me. \`/new\` begins a fresh conversation, \`/stop\` stops me, \`/help\` shows the rest.${more}`,
    });
  },
};
