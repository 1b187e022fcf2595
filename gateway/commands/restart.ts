// /restart: starts the gateway anew. A crash between the restart and this answer must not restart it for ever.
import { requireRole } from './access.ts';
import type { Command } from './types.ts';

export const restart: Command = {
  name: 'restart',
  aliases: [],
  description: 'Restart Herald; running answers go on afterwards',
  usage: '',
  role: 'owner',
  duringTurn: true,
  async run(context) {
    await requireRole(context, restart);
    const { startedAt } = await context.gateway.status();
    // The row is older than the process: the restart that it asked for has happened.
    if (context.row.receivedAt < startedAt) return { text: 'I am back.' };
    await context.gateway.restart('asked for by the owner in a chat');
    return { text: 'Restarting. What is unfinished goes on afterwards; nothing that you send meanwhile is lost.' };
  },
};
