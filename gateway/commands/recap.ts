// The last lines of a conversation, for a chat that comes to show it.
import type { ProcessDb } from '../../data/db.ts';
import { listHistory, type StoredMessage } from '../../data/messages.ts';
import type { Scope } from '../../data/scope.ts';
import type { SessionId } from '../../shared/ids.ts';
import { plain } from './format.ts';

const LINES = 4;

export interface Recap {
  /** Markdown quote of the last lines; '' when nothing was said yet. */
  recap: string;
  /** What was said first. */
  opening: string | undefined;
  /** Messages in all. */
  count: number;
}

export async function recapOf(db: ProcessDb, scope: Scope, session: SessionId): Promise<Recap> {
  const history = await listHistory(db, scope, session);
  const said = history.filter(
    (message) => (message.role === 'user' || message.role === 'assistant') && message.text !== '',
  );
  const lines = said.slice(-LINES).map((message) => `> ${speaker(message)}: ${plain(message.text, 160)}`);
  return { recap: lines.join('\n>\n'), opening: said[0]?.text, count: history.length };
}

function speaker(message: StoredMessage): string {
  return message.role === 'assistant' ? 'I' : plain(message.author === '' ? 'You' : message.author, 30);
}
