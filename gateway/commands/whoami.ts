// /whoami: who Herald takes you for, where this is, what it knows of you and why.
import { listIdentities } from '../../data/process/people.ts';
import { AppError } from '../../shared/errors.ts';
import { code, plain } from './format.ts';
import { profileText, runProfile } from './learning/profile.ts';
import { sessionName, shortId } from './session-list.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

export const whoami: Command = {
  name: 'whoami',
  aliases: [],
  description: 'Who you are to me: role, accounts, what I know of you, why',
  usage: '[why|wrong|forget <number> | add <words>]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    if (context.args !== '') return changed(context);
    const { person, address, session } = context;
    const thread = address.thread === undefined ? '' : `, thread ${code(address.thread)}`;
    const where = address.kind === 'dm' ? 'direct message' : 'group';
    const lines = [
      `**You**: ${plain(person.name)}, ${person.role}`,
      ...(await accountLines(context)),
      `**This chat**: ${address.platform}, ${where} ${code(address.chat)}${thread}`,
      `**Conversation**: ${sessionName(session)} (\`${shortId(session.id)}\`)`,
    ];
    const known = await profileText(context);
    return { text: `${lines.map((line) => `- ${line}`).join('\n')}${known === '' ? '' : `\n\n${known}`}` };
  },
};

async function changed(context: CommandContext): Promise<CommandReply> {
  const reply = await runProfile(context);
  if (reply) return reply;
  throw new AppError(
    'bad_input',
    `I do not know “${plain(context.args, 30)}” here. \`/whoami\` shows what can be done. Nothing was changed.`,
  );
}

/** Accounts on other platforms are nobody's business in a group. */
async function accountLines({ db, person, address, row }: CommandContext): Promise<readonly string[]> {
  if (address.kind === 'group') return [`**This account**: ${address.platform} ${code(row.user)}`];
  const identities = await listIdentities(db, { person: person.id });
  const accounts = identities.map((identity) => {
    const here =
      identity.platform === address.platform && identity.account === address.account && identity.user === row.user;
    return `\n  - ${identity.platform}: ${plain(identity.name, 40)} ${code(identity.user)}${here ? ' (here)' : ''}`;
  });
  return [`**Linked accounts**: ${identities.length}; \`/link\` joins another${accounts.join('')}`];
}
