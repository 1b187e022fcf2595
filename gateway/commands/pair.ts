// /pair: lets other people in and takes access away. Codes are stored as hashes, so the list shows who asks, not the codes.
import { getPerson, listIdentities, type Person } from '../../data/process/people.ts';
import type { ApproveResult } from '../../pairing/pairing.ts';
import { AppError } from '../../shared/errors.ts';
import { userId, type UserId } from '../../shared/ids.ts';
import { requireDm, requireRole } from './access.ts';
import { ago, code, counted, plain, span } from './format.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

const USAGE = '[approve CODE|list|revoke PLATFORM USER|clear]';

export const pair: Command = {
  name: 'pair',
  aliases: ['pairing'],
  description: 'Let people in by their code, or take access away',
  usage: USAGE,
  role: 'admin',
  duringTurn: true,
  async run(context) {
    await requireRole(context, pair);
    requireDm(context, 'who has access is nothing for a group.');
    const [verb = 'list', ...rest] = context.args.split(/\s+/).filter((word) => word !== '');
    switch (verb.toLowerCase()) {
      case 'list':
        return list(context);
      case 'approve':
        return approve(context, rest);
      case 'revoke':
        return revoke(context, rest);
      case 'clear':
        return clear(context, rest[0]);
      default:
        throw new AppError('bad_input', `I do not understand ${code(verb)} here. It is \`/pair ${USAGE}\`.`);
    }
  },
};

async function list({ pairing, clock }: CommandContext): Promise<CommandReply> {
  const pending = await pairing.pending();
  if (pending.length === 0)
    return { text: 'Nobody is waiting to be let in. Who writes to me gets a code to give you.' };
  const lines = pending.map(
    (request) =>
      `- ${plain(request.userName, 40)} (${request.platform} ${code(request.user)}), asked ${ago(request.createdAt, clock.now())}, code good for ${span(request.expiresAt - clock.now())}`,
  );
  return {
    text: `Waiting to be let in:\n\n${lines.join('\n')}\n\nAsk them for their code, then \`/pair approve CODE\`.`,
  };
}

/** `/pair approve CODE`, or with the platform before the code as the command line has it. */
async function approve(context: CommandContext, words: readonly string[]): Promise<CommandReply> {
  const typed = words.at(-1);
  if (typed === undefined || words.length > 2)
    throw new AppError('bad_input', 'Which code? `/pair approve CODE`, with the code that the person was given.');
  const platform = words.length === 2 ? words[0] : undefined;
  const result = await context.pairing.approve(typed.toUpperCase(), { platform, by: context.person.id });
  if (result.ok && result.address) {
    await context.gateway.post(result.address, approvedNotice(result.person, result.firstOwner), {
      key: `paired-${context.row.id}`,
      person: result.person.id,
      kind: 'notice',
    });
  }
  return { text: approveReply(result) };
}

/** What a person reads in their own chat once they were let in. */
export function approvedNotice(person: Person, isFirstOwner: boolean): string {
  const role = isFirstOwner ? ' You are the owner here.' : '';
  return `Welcome, ${plain(person.name)}: you are let in.${role} Just write to me; \`/help\` shows what I can do.`;
}

function approveReply(result: ApproveResult): string {
  if (result.ok)
    return `${plain(result.name, 40)} (${result.identity.platform} ${code(result.identity.user)}) is let in as ${result.person.role}${result.address ? ' and was told' : ''}.`;
  if (result.reason === 'unknown_code')
    return 'No open request has that code: it may be mistyped, used already, or older than an hour. `/pair list` shows who is waiting.';
  return `There were too many wrong codes, so none is taken for now.${result.retryAfterMs === undefined ? '' : ` Try again in ${span(result.retryAfterMs)}.`}`;
}

async function revoke(context: CommandContext, words: readonly string[]): Promise<CommandReply> {
  const [platform, ...rest] = words;
  if (platform === undefined || rest.length === 0)
    throw new AppError(
      'bad_input',
      'Whose access? `/pair revoke PLATFORM USER`, with the user id that `/whoami` shows them.',
    );
  const user = userId(rest.join(' '));
  await requireRevocable(context, platform, user);
  const removed = await context.pairing.revoke(platform, user, context.person.id);
  if (removed === 0)
    throw new AppError('not_found', `No ${code(platform)} account ${code(user)} has access. Nothing was changed.`);
  return { text: `${code(user)} on ${platform} has no access any more. Their conversations are kept.` };
}

/** An admin cannot lock the owner out, and nobody the very account that they write from. */
async function requireRevocable(context: CommandContext, platform: string, user: UserId): Promise<void> {
  if (platform === context.address.platform && user === context.row.user)
    throw new AppError(
      'not_allowed',
      'That is the account you write from. Revoke it from another one, or with `herald pairing revoke`.',
    );
  if (context.person.role === 'owner') return;
  for (const identity of await listIdentities(context.db, { platform, user })) {
    const holder = await getPerson(context.db, identity.person);
    if (holder?.role === 'owner')
      throw new AppError('not_allowed', 'That account is the owner’s. Nothing was changed.');
  }
}

async function clear({ pairing }: CommandContext, platform: string | undefined): Promise<CommandReply> {
  const cleared = await pairing.clearPending(platform);
  return {
    text: cleared === 0 ? 'No request was open.' : `Cleared ${counted(cleared, 'open request')}; those codes are void.`,
  };
}
