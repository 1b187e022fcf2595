// /pair: lets other people in and takes access away. Codes are stored as hashes, so the list shows who asks, not the codes.
import type { Person } from '../../data/process/people.ts';
import { normalizeCode } from '../../pairing/codes.ts';
import type { ApproveResult, Pairing } from '../../pairing/pairing.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import { userId, type PersonId } from '../../shared/ids.ts';
import { requireDm, requireRole } from './access.ts';
import { ago, code, counted, plain, span } from './format.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

const USAGE = '[approve CODE [me]|list|revoke PLATFORM USER|clear]';

export const pair: Command = {
  name: 'pair',
  aliases: ['pairing'],
  description: 'Let people in by their code, or take access away',
  usage: USAGE,
  role: 'admin',
  duringTurn: true,
  once: true,
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

async function approve(context: CommandContext, words: readonly string[]): Promise<CommandReply> {
  if (words.length === 0)
    throw new AppError('bad_input', 'Which code? `/pair approve CODE`, with the code that the person was given.');
  const result = await context.pairing.approve(...approvalOf(words, context.person.id));
  return { text: approveReply(result, result.ok && (await tell(context, result))) };
}

/** Tells the person who was let in. False when that cannot be done: they are let in all the same. */
async function tell({ gateway, row }: CommandContext, approved: ApproveResult & { ok: true }): Promise<boolean> {
  if (!approved.address) return false;
  const text = approvedNotice(approved.person, approved.firstOwner);
  try {
    await gateway.post(approved.address, text, { key: `paired-${row.id}`, person: approved.person.id, kind: 'notice' });
    return true;
  } catch (error) {
    if (asAppError(error).code === 'not_found') return false;
    throw error;
  }
}

/** `CODE`, however it is spaced, or `PLATFORM CODE` as the command line has it; `me` behind it joins the account to who says so. */
function approvalOf(typed: readonly string[], by: PersonId): Parameters<Pairing['approve']> {
  const isMine =
    typed.length > 1 && typed.at(-1)?.toLowerCase() === 'me' && normalizeCode(typed.join('')) === undefined;
  const words = isMine ? typed.slice(0, -1) : typed;
  const join = isMine ? by : undefined;
  const [platform, ...rest] = words;
  const isCode = rest.length === 0 || normalizeCode(words.join('')) !== undefined;
  return isCode ? [words.join(''), { by, join }] : [rest.join(''), { platform, by, join }];
}

/** What a person reads in their own chat once they were let in. */
export function approvedNotice(person: Person, isFirstOwner: boolean): string {
  const role = isFirstOwner ? ' You are the owner here.' : '';
  return `Welcome, ${plain(person.name)}: you are let in.${role} Just write to me; \`/help\` shows what I can do.`;
}

function approveReply(result: ApproveResult, isTold: boolean): string {
  if (result.ok)
    return `${plain(result.name, 40)} (${result.identity.platform} ${code(result.identity.user)}) is let in as ${result.person.role}${isTold ? ' and was told' : '; please tell them'}.`;
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
  // Whose access may be taken away is decided by pairing; that nobody locks themselves out by mistake, here.
  if (platform === context.address.platform && user === context.row.user)
    throw new AppError(
      'not_allowed',
      'That is the account you write from. Revoke it from another one, or with `herald pairing revoke`.',
    );
  const removed = await context.pairing.revoke(platform, user, context.person.id);
  if (removed === 0)
    throw new AppError('not_found', `No ${code(platform)} account ${code(user)} has access. Nothing was changed.`);
  return { text: `${code(user)} on ${platform} has no access any more. Their conversations are kept.` };
}

async function clear({ pairing }: CommandContext, platform: string | undefined): Promise<CommandReply> {
  const cleared = await pairing.clearPending(platform);
  return {
    text: cleared === 0 ? 'No request was open.' : `Cleared ${counted(cleared, 'open request')}; those codes are void.`,
  };
}
