// /sessions: conversations of this space, latest first, or those where something was said.
import { searchMessages, type SearchHit } from '../../data/search.ts';
import { listSessions } from '../../data/sessions.ts';
import { ago, counted, plain } from './format.ts';
import { resumeButtons, sessionName, shortId } from './session-list.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

const SHOWN = 10;
const BUTTONS = 5;
/** How many sessions are looked through for a title. */
const TITLES = 500;

export const sessions: Command = {
  name: 'sessions',
  aliases: ['history'],
  description: 'List your conversations, or search in them',
  usage: '[search words]',
  role: 'guest',
  duringTurn: true,
  run(context) {
    return context.args === '' ? listLatest(context) : search(context);
  },
};

type Listed = Awaited<ReturnType<typeof listSessions>>[number];

async function listLatest(context: CommandContext): Promise<CommandReply> {
  const listed = await listSessions(context.db, context.scope, SHOWN + 1);
  const shown = listed.slice(0, SHOWN);
  const more = listed.length > SHOWN ? '\n\nThere are more: `/sessions words` searches in all of them.' : '';
  return {
    text: `**Conversations**, latest first:\n\n${lines(context, shown)}${more}\n\n\`/resume id\` or \`/resume title\` goes back to one.`,
    buttons: resumeButtons(others(context, shown)),
  };
}

async function search(context: CommandContext): Promise<CommandReply> {
  const { db, scope, args } = context;
  const all = await listSessions(db, scope, TITLES);
  const hits = firstPerSession(await searchMessages(db, scope, { query: args, limit: 50 }));
  const wanted = args.toLowerCase();
  const found = all.filter((session) => hits.has(session.id) || session.title?.toLowerCase().includes(wanted));
  if (found.length === 0) return { text: `Nothing found for “${plain(args)}” in your conversations here.` };
  const shown = found.slice(0, SHOWN);
  const more = found.length > SHOWN ? `\n\n… and ${found.length - SHOWN} more; add a word to narrow it down.` : '';
  return {
    text: `Found in ${counted(found.length, 'conversation')}:\n\n${lines(context, shown, hits)}${more}`,
    buttons: resumeButtons(others(context, shown)),
  };
}

function lines(context: CommandContext, listed: readonly Listed[], hits?: ReadonlyMap<string, SearchHit>): string {
  const ids = listed.map((session) => session.id);
  const now = context.clock.now();
  return listed
    .map((session) => {
      const here = session.id === context.session.id ? ' (here)' : '';
      const head = `- \`${shortId(session.id, ids)}\` ${sessionName(session, session.opening)}${here}, ${counted(session.messages, 'message')}, ${ago(session.updatedAt, now)}`;
      const hit = hits?.get(session.id);
      return hit ? `${head}\n  - ${speaker(hit)}: “${plain(around(hit.text, context.args), 120)}”` : head;
    })
    .join('\n');
}

function others(context: CommandContext, listed: readonly Listed[]): readonly Listed[] {
  return listed.filter((session) => session.id !== context.session.id).slice(0, BUTTONS);
}

/** Best hit of each session. */
function firstPerSession(hits: readonly SearchHit[]): ReadonlyMap<string, SearchHit> {
  const first = new Map<string, SearchHit>();
  for (const hit of hits) if (!first.has(hit.session)) first.set(hit.session, hit);
  return first;
}

function speaker(hit: SearchHit): string {
  return hit.role === 'assistant' ? 'I' : plain(hit.author === '' ? 'You' : hit.author, 30);
}

/** The text from shortly before the first word that was searched for. */
function around(text: string, query: string): string {
  const lower = text.toLowerCase();
  const places = query
    .toLowerCase()
    .split(/\s+/)
    .map((word) => lower.indexOf(word))
    .filter((at) => at > 40);
  return places.length === 0 ? text : `…${text.slice(Math.min(...places) - 40)}`;
}
