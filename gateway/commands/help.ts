// /help: what there is, for this person; and one command in detail.
import { canUseCommand } from '../../pairing/policy.ts';
import { AppError } from '../../shared/errors.ts';
import { isSteward } from './access.ts';
import { code } from './format.ts';
import { matchCommand } from './match.ts';
import type { Command } from './types.ts';

export const help: Command = {
  name: 'help',
  aliases: ['h', 'commands'],
  description: 'Show what I understand, or explain one command',
  usage: '[command]',
  role: 'guest',
  duringTurn: true,
  async run({ args, commands, person }) {
    const usable = commands.filter((command) => canUseCommand(person.role, command.role).allowed);
    if (args !== '') return { text: detail(findUsable(args, usable)) };
    const lines = usable.map((command) => `- ${synopsis(command)} — ${command.description}`);
    const steward = isSteward(person.role) ? '' : ' The owner has a few more.';
    return {
      text: `Just write to me, or use a command:\n\n${lines.join('\n')}\n\n\`/help command\` explains one; the beginning of a name is enough.${steward}`,
    };
  },
};

function findUsable(args: string, usable: readonly Command[]): Command {
  const name = args.replace(/^[/!]/, '').split(/\s/, 1)[0] ?? '';
  const found = matchCommand(name, usable);
  if ('command' in found) return found.command;
  const meant = found.suggestions.map((suggestion) => `\`/${suggestion}\``).join(' or ');
  throw new AppError(
    'not_found',
    `I know no command ${code(`/${name}`)}.${meant === '' ? '' : ` Did you mean ${meant}?`} \`/help\` lists them all.`,
  );
}

function synopsis(command: Command): string {
  return `\`${`/${command.name} ${command.usage}`.trim()}\``;
}

function detail(command: Command): string {
  const lines = [`${synopsis(command)} — ${command.description}.`];
  if (command.aliases.length > 0) lines.push(`Also: ${command.aliases.map((alias) => `\`/${alias}\``).join(', ')}`);
  if (!command.duringTurn) lines.push('Not while I am answering: wait for the answer, or `/stop` first.');
  if (command.role === 'owner') lines.push('For the owner only.');
  if (command.role === 'admin') lines.push('For the owner and admins only.');
  return lines.join('\n\n');
}
