import type { CliContext, Given } from '../context.ts';
import { AppError } from '../../shared/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { buildProgram, SHELLS } from '../program.ts';
import { completionScript, describeCommands, isShell } from '../completion.ts';
import { secretFlags } from '../setup/secret-flags.ts';

/** Prints the script; how to install it stands in its first lines. */
export async function runCompletion(context: CliContext, given: Given): Promise<number> {
  const shell = given.need(0);
  if (!isShell(shell))
    throw new AppError('bad_input', `There is no completion for ${shell}: use one of ${SHELLS.join(', ')}.`);
  const flags = secretFlags().map(({ flag, title }) => ({ flag: `--${flag}`, description: `secret of ${title}` }));
  const program = buildProgram({ run: async () => undefined, secretFlags: flags });
  context.out(completionScript(shell, describeCommands(program)));
  return EXIT.ok;
}
