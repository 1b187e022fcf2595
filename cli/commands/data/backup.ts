import path from 'node:path';
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';

/** Copies the database to a file, by default under $HERALD_HOME/backups, and the skills beside it. */
export async function runBackup(context: CliContext, given: Given): Promise<number> {
  const file = given.arg(0);
  const done = await callControl(context.home, 'backup', { file: file === undefined ? undefined : path.resolve(file) });
  context.print(done, ({ file: copy, skills }) =>
    skills === undefined ? `Copied to ${copy}.` : `Copied to ${copy}; the skills are in ${skills}.`,
  );
  return EXIT.ok;
}
