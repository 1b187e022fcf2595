// /new: a fresh conversation with the same model and personality. The old one is kept.
import { listTranscript } from '../../data/messages.ts';
import { countQueued } from '../../data/process/inbox.ts';
import { asAppError } from '../../shared/errors.ts';
import { beginSession, cleanTitle, nameSession } from './current-session.ts';
import { code, plain } from './format.ts';
import { shortId } from './session-list.ts';
import type { Command, CommandContext } from './types.ts';

export const newConversation: Command = {
  name: 'new',
  aliases: ['reset'],
  description: 'Begin a new conversation; the old one is kept',
  usage: '[title]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const title = cleanTitle(context.args);
    if (await isFresh(context)) return { text: `A new conversation has begun.${await named(context, title)}` };
    const old = context.session;
    const running = context.gateway.isRunning(old.id);
    const session = await beginSession(context);
    const { scope, person, address } = context;
    context.agent.sessionLeft?.({ scope, session: old.id, role: person.role, address });
    const back = code(`/resume ${old.title ?? shortId(old.id, [session.id])}`);
    return {
      text:
        `A new conversation has begun.${await named({ ...context, session }, title)} The old one is kept: ${back} goes back to it.` +
        (running ? ' The answer that I am working on still arrives; `/stop` ends it.' : ''),
    };
  },
};

/** True for a conversation that began with this very command: before a crash, or because it is the first message of all. */
async function isFresh({ db, scope, session, row, gateway }: CommandContext): Promise<boolean> {
  if (session.createdAt < row.receivedAt || gateway.isRunning(session.id)) return false;
  if ((await countQueued(db, session.id)) > 0) return false;
  return (await listTranscript(db, scope, session.id)).length === 0;
}

/** Names the new session. It has begun by now: a title that cannot be had is said, and takes nothing back. */
async function named(context: CommandContext, title: string): Promise<string> {
  if (title === '') return '';
  try {
    await nameSession(context, context.session, title);
    return ` Its title: **${plain(title)}**.`;
  } catch (error) {
    const refused = asAppError(error);
    if (refused.code !== 'bad_input') throw error;
    return ` It has no title yet. ${refused.publicMessage}`;
  }
}
