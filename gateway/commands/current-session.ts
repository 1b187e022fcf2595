// Which session a chat shows: its own when it has one, else its space's.
import { getChat, setChat } from '../../data/process/chats.ts';
import { changeSession, createSession, switchSession, type Session } from '../../data/sessions.ts';
import { AppError } from '../../shared/errors.ts';
import { cleanText } from '../../shared/text.ts';
import type { CommandContext } from './types.ts';

/** Begins a session like the present one and shows it here. */
export async function beginSession(context: CommandContext): Promise<Session> {
  const { db, scope, address } = context;
  const chat = await getChat(db, address);
  if (chat?.session === undefined) return createSession(db, scope, { like: context.session });
  const session = await createSession(db, scope, { like: context.session, detached: true });
  await setChat(db, address, { session: session.id });
  return session;
}

/** Shows an existing session of the scope here. Rejects with `not_found` when it is gone. */
export async function showSession(context: CommandContext, session: Session): Promise<void> {
  const { db, scope, address } = context;
  const chat = await getChat(db, address);
  if (chat?.session !== undefined) return setChat(db, address, { session: session.id });
  if (!(await switchSession(db, scope, session.id))) throw gone();
}

/** Changes model or personality of the session shown here; null takes it away. Rejects with `not_found` when it is gone. */
export async function adjustSession(
  context: CommandContext,
  change: { model?: string | null; personality?: string | null },
): Promise<void> {
  if (!(await changeSession(context.db, context.scope, context.session.id, change))) throw gone();
}

const MAX_TITLE_CHARS = 80;

/** What was typed as a title, on one line and without invisible characters. */
export function cleanTitle(text: string): string {
  return cleanText(text).replace(/\s+/g, ' ').trim();
}

/** Names a session. Rejects with `bad_input` when the title is too long or another conversation here has it. */
export async function nameSession(context: CommandContext, session: Session, title: string): Promise<void> {
  if (title.length > MAX_TITLE_CHARS)
    throw new AppError('bad_input', `That title is too long: at most ${MAX_TITLE_CHARS} characters, please.`);
  if (await changeSession(context.db, context.scope, session.id, { title })) return;
  throw new AppError(
    'bad_input',
    'Another conversation here has that title already. Choose another one, or `/resume` that conversation.',
  );
}

function gone(): AppError {
  return new AppError('not_found', 'That conversation is not there any more. Begin another one with `/new`.');
}
