// /continue: this chat shows the conversation that the person had last, wherever that was.
import { listSessions } from '../../data/sessions.ts';
import { AppError } from '../../shared/errors.ts';
import { showSession } from './current-session.ts';
import { counted } from './format.ts';
import { recapOf } from './recap.ts';
import { sessionName } from './session-list.ts';
import type { Command } from './types.ts';

export const continueHere: Command = {
  name: 'continue',
  aliases: [],
  description: 'Go on here with what you last talked about elsewhere',
  usage: '',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const { db, scope, address, session } = context;
    if (address.kind === 'group')
      throw new AppError('bad_input', 'What you say elsewhere does not belong in a group. Nothing was changed.');
    const recent = await listSessions(db, scope, 10);
    const last = recent.find((one) => one.messages > 0 && one.id !== session.id);
    const isNewest = session.updatedAt >= (last?.updatedAt ?? 0);
    const wanted = last && (!isNewest || recent.find((one) => one.id === session.id)?.messages === 0) ? last : session;
    if (wanted.id !== session.id) await showSession(context, wanted);
    const { recap, opening, count } = await recapOf(db, scope, wanted.id);
    if (count === 0) return { text: 'There is nothing to go on with yet: this is our first conversation.' };
    const name = sessionName(wanted, opening);
    return { text: `We are in ${name}, ${counted(count, 'message')}.${recap === '' ? '' : `\n\n${recap}`}` };
  },
};
