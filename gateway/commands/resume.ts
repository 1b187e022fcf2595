// /resume: this chat shows an earlier conversation again. Only those of the own space can be found.
import { findSessions, listSessions, type Session } from '../../data/sessions.ts';
import { AppError } from '../../shared/errors.ts';
import { cleanTitle, showSession } from './current-session.ts';
import { ago, counted, plain } from './format.ts';
import { recapOf } from './recap.ts';
import { resumeButtons, sessionName, shortId } from './session-list.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

const CHOICES = 5;

export const resume: Command = {
  name: 'resume',
  aliases: ['switch'],
  description: 'Go back to an earlier conversation',
  usage: '[id or title]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    if (context.args === '') return offer(context);
    const found = await findSessions(context.db, context.scope, cleanTitle(context.args));
    const only = found[0];
    if (!only)
      throw new AppError(
        'not_found',
        `I find no conversation “${plain(context.args)}” here. \`/sessions\` lists them.`,
      );
    if (found.length > 1) return choose(context, found);
    if (only.id === context.session.id) return { text: `You are in ${sessionName(only)} already.` };
    await showSession(context, only);
    return { text: await welcomeBack(context, only) };
  },
};

async function offer(context: CommandContext): Promise<CommandReply> {
  const listed = (await listSessions(context.db, context.scope, CHOICES + 1))
    .filter((session) => session.id !== context.session.id)
    .slice(0, CHOICES);
  if (listed.length === 0) return { text: 'There is no other conversation here yet. `/new` begins one.' };
  const ids = listed.map((session) => session.id);
  const now = context.clock.now();
  const lines = listed.map(
    (session) =>
      `- \`${shortId(session.id, ids)}\` ${sessionName(session, session.opening)}, ${ago(session.updatedAt, now)}`,
  );
  return {
    text: `Which one? \`/resume id\` or \`/resume title\`:\n\n${lines.join('\n')}`,
    buttons: resumeButtons(listed),
  };
}

function choose(context: CommandContext, found: readonly Session[]): CommandReply {
  const shown = found.slice(0, CHOICES);
  const ids = found.map((session) => session.id);
  const now = context.clock.now();
  const lines = shown.map(
    (session) => `- \`${shortId(session.id, ids)}\` ${sessionName(session)}, ${ago(session.updatedAt, now)}`,
  );
  return {
    text: `${counted(found.length, 'conversation')} begin like that. Which one?\n\n${lines.join('\n')}`,
    buttons: resumeButtons(shown.map((session) => ({ ...session, opening: '' }))),
  };
}

async function welcomeBack(context: CommandContext, session: Session): Promise<string> {
  const { recap, opening, count } = await recapOf(context.db, context.scope, session.id);
  const running = context.gateway.isRunning(context.session.id)
    ? ' The answer that I am working on still arrives here.'
    : '';
  return `Back in ${sessionName(session, opening)}, ${counted(count, 'message')}, last used ${ago(session.updatedAt, context.clock.now())}.${running}${recap === '' ? '' : `\n\n${recap}`}`;
}
