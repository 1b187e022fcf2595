// How sessions are shown in lists: a title or how they began, and a short id that `/resume` takes.
import type { Session } from '../../data/sessions.ts';
import type { SessionId } from '../../shared/ids.ts';
import { commandButtons, plain } from './format.ts';

/** Ids begin with the time: this many characters usually tell two sessions apart that began in different milliseconds. */
const SHORT_ID_CHARS = 10;

/** Shortest beginning of `id`, at least ten characters, that no other of `among` shares. */
export function shortId(id: SessionId, among: readonly SessionId[] = []): string {
  for (let length = SHORT_ID_CHARS; length < id.length; length++) {
    const short = id.slice(0, length);
    if (!among.some((other) => other !== id && other.startsWith(short))) return short;
  }
  return id;
}

/** Escaped name of a session for a line of markdown. */
export function sessionName(session: Pick<Session, 'title'>, opening = ''): string {
  if (session.title !== undefined) return `**${plain(session.title)}**`;
  return opening === '' ? 'untitled' : `“${plain(opening, 60)}”`;
}

/** One button per session that resumes it. */
export function resumeButtons(sessions: readonly { id: SessionId; title: string | undefined; opening: string }[]) {
  return commandButtons(
    sessions.map((session) => ({
      label: session.title ?? (session.opening === '' ? shortId(session.id) : session.opening),
      command: `/resume ${session.id}`,
    })),
    1,
  );
}
