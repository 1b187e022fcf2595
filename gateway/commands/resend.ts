// /resend KEY: what the button under "I cannot tell whether this reached you" sends.
import type { Command } from './types.ts';

export const resend: Command = {
  name: 'resend',
  aliases: [],
  description: 'Send an answer again that may not have arrived',
  usage: 'KEY',
  role: 'guest',
  duringTurn: true,
  async run({ args, gateway, person }) {
    if (args !== '' && (await gateway.resend(args, person.id))) return { text: '' };
    return { text: 'There is nothing to send again: it was sent meanwhile, or is no longer kept.' };
  },
};
