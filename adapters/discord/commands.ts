// Slash commands of the bot, https://docs.discord.com/developers/interactions/application-commands, read 2026-11-21.
import {
  ApplicationCommandOptionType,
  ApplicationCommandType,
  ApplicationIntegrationType,
  InteractionContextType,
  type RESTPutAPIApplicationCommandsJSONBody,
} from 'discord.js';

/** "An app can have … 100 global CHAT_INPUT commands". */
const MAX_COMMANDS = 100;
/** "1-100 character description". */
const MAX_DESCRIPTION_CHARS = 100;
/** Longest text of an option. */
const MAX_ARGUMENT_CHARS = 2_000;

/** Commands as Discord takes them; names that it could not show are left out, the rest keep their order. */
export function makeSlashCommands(
  commands: readonly { name: string; description: string }[],
): RESTPutAPIApplicationCommandsJSONBody {
  const seen = new Set<string>();
  const menu: RESTPutAPIApplicationCommandsJSONBody = [];
  for (const { name, description } of commands) {
    const command = name.toLowerCase();
    // "^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$", of which ours use ASCII.
    if (!/^[-_a-z0-9]{1,32}$/.test(command) || seen.has(command) || menu.length >= MAX_COMMANDS) continue;
    seen.add(command);
    const text = description.replace(/\s+/g, ' ').trim() || name;
    menu.push({
      type: ApplicationCommandType.ChatInput,
      name: command,
      description: text.length > MAX_DESCRIPTION_CHARS ? `${text.slice(0, MAX_DESCRIPTION_CHARS - 1)}…` : text,
      contexts: [InteractionContextType.Guild, InteractionContextType.BotDM],
      integration_types: [ApplicationIntegrationType.GuildInstall],
      options: [
        {
          type: ApplicationCommandOptionType.String,
          name: 'text',
          description: 'What follows the command',
          required: false,
          max_length: MAX_ARGUMENT_CHARS,
        },
      ],
    });
  }
  return menu;
}
