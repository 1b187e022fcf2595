// The commands that the app offers when somebody types a slash.

/** "You can create up to 30 commands … a maximum of 32 characters … hint … 256 characters", https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/conversational-components, read 2026-11-21. */
const MAX_COMMANDS = 30;
const MAX_NAME_CHARS = 32;
const MAX_DESCRIPTION_CHARS = 256;

/** Commands as the API takes them; the rest keep their order. */
export function makeCommands(
  commands: readonly { name: string; description: string }[],
): { command_name: string; command_description: string }[] {
  const names = new Set<string>();
  return commands
    .filter(({ name }) => {
      const isUsable = name.length <= MAX_NAME_CHARS && /^[\w-]+$/.test(name) && !names.has(name);
      names.add(name);
      return isUsable;
    })
    .slice(0, MAX_COMMANDS)
    .map(({ name, description }) => ({
      command_name: name,
      command_description: (description.replace(/\s+/g, ' ').trim() || name).slice(0, MAX_DESCRIPTION_CHARS),
    }));
}
