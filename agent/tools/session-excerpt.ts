// How past conversations are shown to the model, and whose words count as being in them.
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import { listDoubtful, MAX_COUNTED, type SaidMessage } from '../../data/search/conversation.ts';
import type { SessionId } from '../../shared/ids.ts';
import type { Address, Origin } from '../../shared/messages.ts';
import { preview, takePrefix } from '../../shared/text.ts';
import { cutMiddle } from '../context/cut.ts';
import { holdsOthersWords, OTHERS_MARKS } from '../context/others.ts';

/** So many messages of a conversation are judged one by one; with more of them in doubt it counts as holding words of others. */
const MAX_DOUBTFUL = 200;

export interface ExcerptContext {
  db: Db;
  scope: Scope;
  address: Address;
}

/** One message on a line of its own; `maxChars` of its text. */
export function messageLine(message: Omit<SaidMessage, 'origin'>, maxChars: number): string {
  const text = cutMiddle(message.text, maxChars, 'this message');
  return `message ${message.id}, ${timeText(message.createdAt)}, ${speaker(message)}: ${text}`;
}

export function speaker({ role, author }: Pick<SaidMessage, 'role' | 'author'>): string {
  return role === 'assistant' ? 'you' : preview(author, 40) || 'person';
}

/** The text round the first place where one of the words stands, on one line. */
export function snippet(text: string, words: readonly string[], maxChars: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= maxChars) return line;
  const lower = line.toLowerCase();
  const places = words.map((word) => lower.indexOf(word.toLowerCase())).filter((at) => at >= 0);
  const from = Math.max(0, Math.min(...(places.length === 0 ? [0] : places)) - Math.floor(maxChars / 3));
  // Not in the middle of a sign.
  const part = line.slice(from).replace(/^[\udc00-\udfff]/, '');
  return `${from > 0 ? '…' : ''}${takePrefix(part, maxChars, 'utf16')}${part.length > maxChars ? '…' : ''}`;
}

export function countText(count: number): string {
  return count >= MAX_COUNTED ? `${MAX_COUNTED} or more` : String(count);
}

export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** What was said by the person or by the agent is no instruction any more, but harmless; one foreign line makes all foreign. */
export function mixedOrigin(
  said: readonly { role: string; text: string; origin: Origin }[],
  { address }: Pick<ExcerptContext, 'address'>,
): 'foreign' | 'agent' {
  const isForeign = said.some(
    ({ role, text, origin }) =>
      origin === 'foreign' || (role === 'user' && holdsOthersWords(text, address.kind === 'group')),
  );
  return isForeign ? 'foreign' : 'agent';
}

/** Whether words of others were read in a conversation: what the agent said there may repeat them. */
export async function holdsForeign(context: ExcerptContext, session: SessionId): Promise<boolean> {
  const doubtful = await listDoubtful(context.db, context.scope, session, { marks: OTHERS_MARKS, limit: MAX_DOUBTFUL });
  return (
    doubtful.length >= MAX_DOUBTFUL ||
    doubtful.some(({ hasFiles }) => hasFiles) ||
    mixedOrigin(doubtful, context) === 'foreign'
  );
}
