// The parts that the tree of commands is built of: groups, commands with what is understood everywhere, and checked numbers.
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Runner } from './context.ts';

/** A secret that `herald setup` takes by the name of an environment variable; one per secret of each platform. */
export interface SecretFlag {
  /** Such as --<platform>-token-env. */
  flag: string;
  description: string;
}

export interface ProgramHooks {
  /** Runs a command's action. `home` is false for commands that touch no files. */
  run(command: Command, load: () => Promise<Runner>, home: boolean): Promise<void>;
  secretFlags: readonly SecretFlag[];
}

/** Adds commands below `parent`, each with the options that are understood everywhere. */
export function adderTo(parent: Command, hooks: ProgramHooks) {
  return (spec: string, description: string, load: () => Promise<Runner>): Command => {
    const command = parent.command(spec).description(description);
    addGlobals(command);
    return command.action(() => hooks.run(command, load, true));
  };
}

export function group(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).helpCommand(false);
}

/** Understood before and after the name of the command. */
export function addGlobals(command: Command): void {
  const heading = 'Everywhere:';
  command.addOption(
    new Option('--home <dir>', 'folder of configuration and data (default: $HERALD_HOME, else ~/.herald)').helpGroup(
      heading,
    ),
  );
  command.addOption(new Option('--json', 'print JSON').helpGroup(heading));
  command.addOption(new Option('--debug', 'show the whole error').helpGroup(heading));
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
