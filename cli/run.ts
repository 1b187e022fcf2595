// From arguments to exit code: parses, runs one command, and turns every error into one clear line.
import { CommanderError, type Command } from 'commander';
import { AppError, asAppError } from '../shared/errors.ts';
import { makeContext, makeGiven, type CliStreams, type Runner } from './context.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import type { SecretFlag } from './command-tree.ts';
import { buildProgram } from './program.ts';

/** Never rejects. Resolves with the exit code once the command has done its work. */
export async function runCli(argv: readonly string[], streams: CliStreams): Promise<number> {
  endQuietlyOnClosedPipe(streams.stdout);
  const show: ErrorStyle = { json: argv.includes('--json'), debug: argv.includes('--debug') };
  let exitCode: number = EXIT.ok;
  try {
    const program = buildProgram({
      secretFlags: argv.includes('setup') || argv.includes('completion') ? await listSecretFlags() : [],
      async run(command, load, home) {
        const run = await load();
        exitCode = await runCommand(command, { run, home, streams });
      },
    });
    configure(program, streams, show);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return commanderExit(error);
    return reportError(error, streams, show);
  }
}

async function runCommand(
  command: Command,
  call: { run: Runner; home: boolean; streams: CliStreams },
): Promise<number> {
  const given = makeGiven(command);
  const home = call.home ? await resolveHome(given.text('home')) : '';
  const context = makeContext(call.streams, { home, json: given.flag('json'), debug: given.flag('debug') });
  return call.run(context, given);
}

async function resolveHome(option: string | undefined): Promise<string> {
  const { heraldHome } = await import('../config/load.ts');
  return option === undefined ? heraldHome() : heraldHome({ HERALD_HOME: option });
}

/** The platforms say which secrets they need, so that no platform is named here. */
async function listSecretFlags(): Promise<readonly SecretFlag[]> {
  const { secretFlags } = await import('./setup/secret-flags.ts');
  return secretFlags().map(({ flag, secret, title }) => ({
    flag: `--${flag}`,
    description: `environment variable that holds the ${secret.key.replaceAll('_', ' ')} of ${title}`,
  }));
}

interface ErrorStyle {
  json: boolean;
  debug: boolean;
}

function configure(program: Command, streams: CliStreams, show: ErrorStyle): void {
  const usage = (message: string, command: string) =>
    new AppError('bad_input', `${message.replace(/^error: /, '').trim()}. See \`${command} --help\`.`);
  const each = (command: Command) => {
    command.exitOverride().configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      outputError: (text) => void reportError(usage(text.replaceAll('\n', ' '), fullName(command)), streams, show),
    });
    command.commands.forEach(each);
  };
  each(program);
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function commanderExit(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

function reportError(error: unknown, streams: CliStreams, show: ErrorStyle): number {
  const known = asAppError(error);
  if (show.json)
    streams.stderr.write(`${JSON.stringify({ error: { code: known.code, message: known.publicMessage } })}\n`);
  else streams.stderr.write(`herald: ${known.code}: ${known.publicMessage}\n`);
  if (show.debug) streams.stderr.write(`${describe(error)}\n`);
  return exitCodeOf(known.code);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** `herald logs | head` ends when head does, without an error. */
function endQuietlyOnClosedPipe(stdout: NodeJS.WriteStream): void {
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}
