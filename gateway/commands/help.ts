// /help: what there is, for this person; and one command in detail.
import { AppError } from '../../shared/errors.ts';
import { isSteward, mayUse } from './access.ts';
import { code } from './format.ts';
import { matchCommand } from './match.ts';
import type { Command, CommandReply } from './types.ts';

export const help: Command = {
  name: 'help',
  aliases: ['h', 'commands'],
  description: 'Show what I understand, or explain one command',
  usage: '[command]',
  role: 'guest',
  duringTurn: true,
  async run({ args, commands, person }) {
    const usable = commands.filter((command) => mayUse(person.role, command));
    if (args !== '') return { text: detail(findUsable(args, usable)) };
    const lines = usable.map((command) => `- ${synopsis(command)} — ${command.description}`);
    const steward = isSteward(person.role) ? '' : ' The owner has a few more.';
    return {
      text: `Just write to me, or use a command:\n\n${lines.join('\n')}\n\n\`/help command\` explains one; the beginning of a name is enough.${steward}`,
    };
  },
};

/** What a person reads whose command does not exist. */
export function unknownCommandReply(name: string, suggestions: readonly string[]): CommandReply {
  const meant = suggestions.map((suggestion) => `\`/${suggestion}\``).join(' or ');
  return {
    text: `I do not know ${code(`/${name}`)}.${meant === '' ? '' : ` Did you mean ${meant}?`} \`/help\` lists all commands.`,
  };
}

function findUsable(args: string, usable: readonly Command[]): Command {
  const name = args.replace(/^[/!]/, '').split(/\s/, 1)[0] ?? '';
  const found = matchCommand(name, usable);
  if ('command' in found) return found.command;
  throw new AppError('not_found', unknownCommandReply(name, found.suggestions).text);
}

function synopsis(command: Command): string {
  return `\`${`/${command.name} ${command.usage}`.trim()}\``;
}

function detail(command: Command): string {
  const lines = [`${synopsis(command)} — ${command.description}.`];
  if (command.aliases.length > 0) lines.push(`Also: ${command.aliases.map((alias) => `\`/${alias}\``).join(', ')}`);
  if (!command.duringTurn) lines.push('While I am answering, it waits until the answer is done.');
  if (command.role === 'owner') lines.push('For the owner only.');
  if (command.role === 'admin') lines.push('For the owner and admins only.');
  return lines.join('\n\n');
}
