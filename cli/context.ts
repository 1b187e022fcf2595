// What every command gets: where things are, how to print, and what was typed.
import type { Command } from 'commander';
import { AppError } from '../shared/errors.ts';
import { systemClock, type Clock } from '../shared/clock.ts';

/** The process's streams; tests run the real process. */
export interface CliStreams {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

export interface CliContext extends CliStreams {
  /** Absolute path of $HERALD_HOME. */
  home: string;
  json: boolean;
  debug: boolean;
  clock: Clock;
  fetch: typeof fetch;
  /** One line on standard output. */
  out(line: string): void;
  /** One line on standard error, for what is not the result. */
  note(line: string): void;
  /** `value` as JSON with --json, else what `text` makes of it, when it makes anything. */
  print<T>(value: T, text: (value: T) => string): void;
}

/** Arguments and options of one call, typed by how they are asked for. */
export interface Given {
  /** Positional argument; undefined when left out. */
  arg(index: number): string | undefined;
  /** Positional argument that the command demands. */
  need(index: number): string;
  /** All words of a last, variadic argument. */
  rest(index: number): readonly string[];
  text(option: string): string | undefined;
  flag(option: string): boolean;
  number(option: string): number | undefined;
}

/** A command: resolves with the exit code, rejects with AppError. */
export type Runner = (context: CliContext, given: Given) => Promise<number>;

export interface GlobalOptions {
  home: string;
  json: boolean;
  debug: boolean;
}

export function makeContext(streams: CliStreams, options: GlobalOptions): CliContext {
  const out = (line: string) => void streams.stdout.write(`${line}\n`);
  return {
    stdin: streams.stdin,
    stdout: streams.stdout,
    stderr: streams.stderr,
    ...options,
    clock: systemClock,
    fetch,
    out,
    note: (line) => void streams.stderr.write(`${line}\n`),
    print(value, text) {
      const shown = options.json ? JSON.stringify(value, null, 2) : text(value);
      if (shown !== '') out(shown);
    },
  };
}

export function makeGiven(command: Command): Given {
  const args: readonly unknown[] = command.processedArgs;
  const options: Record<string, unknown> = command.optsWithGlobals();
  const arg = (index: number) => {
    const value = args[index];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    arg,
    need(index) {
      const value = arg(index);
      if (value === undefined) throw new AppError('bad_input', 'An argument is missing.');
      return value;
    },
    rest(index) {
      const value = args[index];
      return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : [];
    },
    text(option) {
      const value = options[option];
      return typeof value === 'string' ? value : undefined;
    },
    flag: (option) => options[option] === true,
    number(option) {
      const value = options[option];
      return typeof value === 'number' ? value : undefined;
    },
  };
}
