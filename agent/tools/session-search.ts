// Looking into past conversations of the turn's own space: find by words, read around a hit, or list the latest sessions.
import { z } from 'zod';
import type { StoredMessage } from '../../data/messages.ts';
import { listTranscript } from '../../data/messages.ts';
import { searchMessages } from '../../data/search.ts';
import { findSessions, listSessions } from '../../data/sessions.ts';
import type { Origin } from '../../shared/messages.ts';
import { preview } from '../../shared/text.ts';
import { cutMiddle } from '../context/cut.ts';
import { holdsOthersWords, isForwarded } from '../context/others.ts';
import { defineTool, type ToolContext, type ToolResult } from './tool.ts';

const HIT_CHARS = 300;
const MESSAGE_CHARS = 2_000;
const READ_MESSAGES = 10;

export const sessionSearchTool = defineTool({
  name: 'session_search',
  description:
    'Past conversations with this person. query: find messages. session (and message): read there. Neither: list recent sessions.',
  parameters: z.strictObject({
    query: z.string().max(500).optional(),
    session: z.string().max(100).optional().describe('Id or title'),
    message: z.int().optional().describe('Id of a hit to read around'),
    limit: z.int().min(1).max(50).optional().describe('Default 8'),
  }),
  effect: 'pure',
  origin: 'agent',
  toolset: 'core',
  summarize: () => 'searching past messages',
  async execute({ query, session, message, limit }, context) {
    if (session !== undefined) return readSession(context, session, message, limit ?? READ_MESSAGES);
    if (query !== undefined && query.trim() !== '') return discover(context, query, limit ?? 8);
    return browse(context, limit ?? 8);
  },
});

async function discover(context: ToolContext, query: string, limit: number): Promise<ToolResult> {
  const hits = await searchMessages(context.db, context.scope, { query, limit });
  if (hits.length === 0) return { text: `Nothing said so far matches "${query}".` };
  const lines = hits.map(
    (hit) =>
      `message ${hit.message}, session ${hit.session}${hit.sessionTitle === undefined ? '' : ` "${hit.sessionTitle}"`}, ` +
      `${timeText(hit.createdAt)}, ${speaker(hit.role, hit.author)}: ${preview(hit.text, HIT_CHARS)}`,
  );
  const answered = new Set(hits.filter(({ role }) => role === 'assistant').map((hit) => hit.session));
  for (const session of answered)
    if (holdsForeign(await listTranscript(context.db, context.scope, session), context))
      return { text: lines.join('\n'), origin: 'foreign' };
  return { text: lines.join('\n'), origin: mixedOrigin(hits, context) };
}

async function readSession(
  context: ToolContext,
  name: string,
  around: number | undefined,
  limit: number,
): Promise<ToolResult> {
  const [session, other] = await findSessions(context.db, context.scope, name);
  if (!session) return { text: `There is no session "${name}" here.`, isError: true };
  if (other) return { text: `Several sessions begin with "${name}"; give the whole id.`, isError: true };
  const all = await listTranscript(context.db, context.scope, session.id);
  const messages = all.filter(isShown);
  const shown = around === undefined ? messages.slice(-limit) : windowAround(messages, around, limit);
  if (shown.length === 0) return { text: `No message ${around ?? ''} in session ${session.id}.`, isError: true };
  const isForeign = shown.some(({ role }) => role === 'assistant') && holdsForeign(all, context);
  return { text: shown.map(line).join('\n'), origin: isForeign ? 'foreign' : mixedOrigin(shown, context) };
}

async function browse(context: ToolContext, limit: number): Promise<ToolResult> {
  const sessions = await listSessions(context.db, context.scope, limit);
  const lines = sessions.map(
    (session) =>
      `session ${session.id}${session.title === undefined ? '' : ` "${session.title}"`}, ${timeText(session.updatedAt)}, ` +
      `${session.messages} messages: ${preview(session.opening, 120)}`,
  );
  if (lines.length === 0) return { text: 'There are no conversations yet.' };
  // Openings are the first words of whoever began; in a group that may be anyone.
  const isForeign = context.address.kind === 'group' || sessions.some(({ opening }) => isForwarded(opening));
  return { text: lines.join('\n'), origin: isForeign ? 'foreign' : 'agent' };
}

/** Taken back or technical rows are not part of what was said. */
function isShown(message: StoredMessage): boolean {
  return message.state !== 'undone' && (message.role === 'user' || message.role === 'assistant') && message.text !== '';
}

function windowAround(messages: readonly StoredMessage[], id: number, limit: number): readonly StoredMessage[] {
  const at = messages.findIndex((message) => message.id === id);
  if (at < 0) return [];
  const from = Math.max(0, at - Math.floor(limit / 2));
  return messages.slice(from, from + limit);
}

function line(message: StoredMessage): string {
  const text = cutMiddle(message.text, MESSAGE_CHARS, 'this message');
  return `message ${message.id}, ${timeText(message.createdAt)}, ${speaker(message.role, message.author)}: ${text}`;
}

function speaker(role: StoredMessage['role'], author: string): string {
  return role === 'assistant' ? 'you' : preview(author, 40) || 'person';
}

/** Whether words of others were read in a conversation: what the agent said there may repeat them. */
function holdsForeign(messages: readonly StoredMessage[], context: ToolContext): boolean {
  return mixedOrigin(messages, context) === 'foreign' || messages.some(({ files }) => (files ?? []).length > 0);
}

/** What was said by the person or by the agent is no instruction any more, but harmless; one foreign line makes all foreign. */
function mixedOrigin(
  said: readonly Pick<StoredMessage, 'role' | 'text' | 'origin'>[],
  { address }: ToolContext,
): Origin {
  const isForeign = said.some(
    ({ role, text, origin }) =>
      origin === 'foreign' || (role === 'user' && holdsOthersWords(text, address.kind === 'group')),
  );
  return isForeign ? 'foreign' : 'agent';
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
