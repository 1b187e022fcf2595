// /status: where things stand, from our own books; no model is asked.
import { countMessages } from '../../data/messages.ts';
import { getChat } from '../../data/process/chats.ts';
import { countQueued } from '../../data/process/inbox.ts';
import { listReviews } from '../../data/review/marks.ts';
import { sumUsage } from '../../data/usage.ts';
import type { AdapterHealth, GatewayStatus } from '../actions.ts';
import { isSteward } from './access.ts';
import { ago, code, counted, plain, span } from './format.ts';
import { sessionName, shortId } from './session-list.ts';
import type { Command, CommandContext } from './types.ts';
import { startOfToday, totalLine } from './usage.ts';

export const status: Command = {
  name: 'status',
  aliases: [],
  description: 'Conversation, model, queue, platforms, usage of today',
  usage: '',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const gateway = await context.gateway.status();
    const lines = [
      await conversationLine(context),
      modelLine(context),
      await workLine(context),
      await usageLine(context),
      ...(await reviewLines(context)),
      ...platformLines(context, gateway),
      ...(seesAll(context) ? processLines(context, gateway) : []),
    ];
    return { text: lines.map((line) => `- ${line}`).join('\n') };
  },
};

/** Details of other platforms are for owner and admins, and not before a group. */
function seesAll({ person, address }: CommandContext): boolean {
  return isSteward(person.role) && address.kind === 'dm';
}

async function conversationLine({ db, scope, session, clock }: CommandContext): Promise<string> {
  const messages = await countMessages(db, scope, session.id);
  const now = clock.now();
  return `**Conversation**: ${sessionName(session)} (\`${shortId(session.id)}\`), ${counted(messages, 'message')}, begun ${ago(session.createdAt, now)}, last used ${ago(session.updatedAt, now)}`;
}

function modelLine({ agent, session }: CommandContext): string {
  const standard = agent.describeModel();
  const personality = session.personality === undefined ? '' : `, personality ${code(session.personality)}`;
  if (session.model !== undefined)
    return `**Model**: ${code(session.model)}, chosen for this conversation${personality}`;
  const demo = standard.demo ? '; that is the built-in demo, `herald setup` sets up a real one' : '';
  return `**Model**: ${code(standard.name)} (${standard.provider})${demo}${personality}`;
}

async function workLine({ db, gateway, session, address, defaultQueueMode }: CommandContext): Promise<string> {
  const waiting = await countQueued(db, session.id);
  const mode = (await getChat(db, address))?.settings.queueMode ?? defaultQueueMode;
  const busy = gateway.isRunning(session.id) ? 'working on an answer' : 'idle';
  return `**Now**: ${busy}, ${counted(waiting, 'message')} waiting, mode ${code(mode)}`;
}

async function usageLine({ db, scope, session, address, clock }: CommandContext): Promise<string> {
  const here = address.kind === 'group';
  const filter = { since: startOfToday(clock.now()), ...(here ? { session: session.id } : {}) };
  return `**Your usage today${here ? ' in this conversation' : ''}**: ${totalLine(await sumUsage(db, scope, filter))}`;
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** What looking back came to lately; nothing where it was not done. */
async function reviewLines({ db, scope, clock }: CommandContext): Promise<readonly string[]> {
  const reviews = await listReviews(db, scope, { limit: 500, since: clock.now() - WEEK_MS });
  const done = reviews.filter(({ state }) => state === 'done');
  if (done.length === 0) return [];
  const sum = (what: 'kept' | 'pending' | 'drafts') => done.reduce((all, review) => all + review[what], 0);
  const counts = `${sum('kept')} kept, ${sum('pending')} for you to approve, ${counted(sum('drafts'), 'skill')} drafted`;
  return [`**Looked back** this week: ${counted(done.length, 'time')}, ${counts}`];
}

function platformLines(context: CommandContext, gateway: GatewayStatus): readonly string[] {
  const { address, clock } = context;
  if (seesAll(context)) return gateway.adapters.map((adapter) => healthLine(adapter, clock.now()));
  return gateway.adapters
    .filter((adapter) => adapter.platform === address.platform && adapter.account === address.account)
    .map((adapter) => `**${plain(adapter.title)}**: ${adapter.state}`);
}

function healthLine(adapter: AdapterHealth, now: number): string {
  const alive = adapter.lastAliveAt === undefined ? 'no traffic yet' : `last traffic ${ago(adapter.lastAliveAt, now)}`;
  const detail = adapter.detail === undefined ? '' : `, ${plain(adapter.detail, 160)}`;
  const restarts = adapter.restarts === 0 ? '' : `, restarted ${counted(adapter.restarts, 'time')}`;
  return `**${plain(adapter.title)}** (${plain(adapter.account, 40)}): ${adapter.state}${detail}, ${alive}${restarts}`;
}

function processLines({ clock }: CommandContext, gateway: GatewayStatus): readonly string[] {
  const { inbox, outbox } = gateway;
  const toSend = (outbox.pending ?? 0) + (outbox.sending ?? 0);
  // The row of this very command is still there as received.
  const waiting = Math.max(0, (inbox.received ?? 0) - 1) + (inbox.queued ?? 0);
  const lost = (inbox.dead ?? 0) + (outbox.dead ?? 0);
  const unsure = outbox.uncertain ?? 0;
  return [
    `**Herald ${gateway.version}**: up ${span(clock.now() - gateway.startedAt)}, ${counted(gateway.runningTurns, 'answer')} in the works, ${Math.round(gateway.rssBytes / 1_048_576)} MB`,
    `**All chats**: ${counted(waiting, 'message')} waiting, ${toSend} to send${lost === 0 ? '' : `, ${lost} given up so far`}${unsure === 0 ? '' : `, ${unsure} perhaps not delivered`}`,
  ];
}
