// The command menu of the bot.

/** "At most 100 commands can be specified" (setMyCommands, https://core.telegram.org/bots/api#setmycommands, read 2026-11-21). */
const MAX_COMMANDS = 100;
/** "1-32 characters. Can contain only lowercase English letters, digits and underscores" (BotCommand). */
const MAX_NAME_CHARS = 32;
/** "1-256 characters" (BotCommand). */
const MAX_DESCRIPTION_CHARS = 256;

/** Commands as Telegram takes them; names that it could not show are left out, the rest keep their order. */
export function makeBotCommands(
  commands: readonly { name: string; description: string }[],
): { command: string; description: string }[] {
  const seen = new Set<string>();
  const menu: { command: string; description: string }[] = [];
  for (const { name, description } of commands) {
    const command = name.toLowerCase().replaceAll('-', '_').slice(0, MAX_NAME_CHARS);
    if (!/^[a-z0-9_]+$/.test(command) || seen.has(command) || menu.length >= MAX_COMMANDS) continue;
    seen.add(command);
    const text = description.replace(/\s+/g, ' ').trim() || name;
    menu.push({
      command,
      description: text.length > MAX_DESCRIPTION_CHARS ? `${text.slice(0, MAX_DESCRIPTION_CHARS - 1)}…` : text,
    });
  }
  return menu;
}
