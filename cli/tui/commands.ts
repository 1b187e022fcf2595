// Completion of slash commands: those of the gateway and the few that the terminal has itself.

export interface CommandHint {
  name: string;
  description: string;
}

const LOCAL: readonly CommandHint[] = [
  { name: 'attach', description: 'Send a file with the next message: /attach <path>' },
  { name: 'exit', description: 'Leave the chat' },
];

/** Commands whose name begins with what is typed after the slash; none once more than the name is typed. */
export function matchCommands(typed: string, commands: readonly CommandHint[]): readonly CommandHint[] {
  const start = /^\/([\w-]*)$/.exec(typed)?.[1]?.toLowerCase();
  if (start === undefined) return [];
  return [...commands, ...LOCAL].filter((command) => command.name.startsWith(start));
}

/** `typed` with as much added as all matches have in common; a single match is complete with a blank. */
export function completeCommand(typed: string, commands: readonly CommandHint[]): string {
  const names = matchCommands(typed, commands).map((command) => command.name);
  const [first] = names;
  if (first === undefined) return typed;
  if (names.length === 1) return `/${first} `;
  let common = first;
  for (const name of names) while (!name.startsWith(common)) common = common.slice(0, -1);
  return `/${common}`;
}
