// /link: joins another platform account to the same person. The code is shown in direct messages only.
import type { RedeemResult } from '../../pairing/redeem.ts';
import { requireDm } from './access.ts';
import { plain, span } from './format.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

export const link: Command = {
  name: 'link',
  aliases: [],
  description: 'Join your account on another app to this one',
  usage: '[code]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    requireDm(context, 'a link code gives access to your conversations.');
    return context.args === '' ? offerCode(context) : redeem(context);
  },
};

/** What whoever sent a code reads, paired before or not. */
export function redeemReply(result: RedeemResult): string {
  if (result.ok) {
    const name = plain(result.person.name);
    return result.how === 'owner'
      ? `Welcome, ${name}: you are the owner here. Just write to me; \`/help\` shows what I can do.`
      : `This account belongs to ${name} now. Our conversation goes on here; \`/help\` shows what I can do.`;
  }
  switch (result.reason) {
    case 'unknown_code':
      return 'That code is not valid: it may be mistyped, used already, or older than an hour. Get a new one with `/link` in a chat where I know you.';
    case 'already':
      return 'This account belongs to somebody here already, perhaps to that very person, so nothing was changed. If it should move, the owner can revoke it first with `/pair revoke`.';
    case 'locked': {
      const wait = result.retryAfterMs === undefined ? 'later' : `again in ${span(result.retryAfterMs)}`;
      return `There were too many wrong codes, so none is taken for now. Try ${wait}.`;
    }
  }
}

async function offerCode({ pairing, person, address, row, clock }: CommandContext): Promise<CommandReply> {
  const from = { platform: address.platform, account: address.account, user: row.user };
  const { code, expiresAt } = await pairing.createLinkCode(person.id, from);
  return {
    text: `Your code: \`${code}\`\n\nSend \`/link ${code}\` to me from your other account. It works once, for ${span(expiresAt - clock.now())}. Give it to nobody else: whoever sends it reads and writes as you.`,
  };
}

async function redeem({ pairing, args, address, row }: CommandContext): Promise<CommandReply> {
  const who = { platform: address.platform, account: address.account, user: row.user, name: row.payload.senderName };
  return { text: redeemReply(await pairing.redeem(args, who)) };
}
