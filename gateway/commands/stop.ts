// /stop: ends what is running for this person, wherever it was begun. What waits in the queue is kept: nothing is dropped silently.
import { countQueued } from '../../data/process/inbox.ts';
import { isSteward } from './access.ts';
import { counted } from './format.ts';
import type { Command, CommandContext } from './types.ts';

export const stop: Command = {
  name: 'stop',
  aliases: ['cancel'],
  description: 'Stop what I am doing for you, from any chat',
  usage: '',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const stopped = await stopFor(context);
    return { text: stopReply(stopped, await countQueued(context.db, context.session.id)) };
  },
};

/** What was stopped and what goes on. `waiting` counts messages of this conversation that are still to be answered. */
export function stopReply(stopped: number, waiting: number): string {
  const what =
    stopped === 0 ? 'Nothing of yours is running.' : stopped === 1 ? 'Stopped.' : `Stopped ${stopped} answers.`;
  return waiting === 0
    ? what
    : `${what} ${counted(waiting, 'message')} of this conversation still ${waiting === 1 ? 'waits' : 'wait'} and will be answered next.`;
}

/** Owner and admins may also stop what somebody else began in the group where they say so. */
async function stopFor({ gateway, person, address, session }: CommandContext): Promise<number> {
  const own = await gateway.stopTurns({ person: person.id });
  if (address.kind === 'dm' || !isSteward(person.role)) return own;
  return own + (await gateway.stopTurns({ session: session.id }));
}
