// `herald backup`: a copy of the database, and beside it a copy of `$HERALD_HOME/skills` as plain files, so that putting both back is copying
// them. What a person wrote or changed of skills are rows of the database; the files are what was installed, the record of that, and bundles.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ensureDir, fileError } from '../data/files.ts';
import type { Clock } from '../shared/clock.ts';
import { AppError, asAppError } from '../shared/errors.ts';
import { withStore } from './hub/store.ts';

export interface Backup {
  /** The copy of the database. */
  file: string;
  /** Folder of the copy of the skills; undefined when there are no files of skills. */
  skills?: string | undefined;
}

export interface BackupInput {
  home: string;
  clock: Clock;
  /** Copies the database; see OpenedData. */
  copyDatabase(file: string): Promise<void>;
}

/** Locks say who changes skills now. */
const LEFT_OUT = /^(?:quarantine|writer\.(?:lock(?:-.*)?|json))$/;

/**
 * To `file`, by default a new one under `$HERALD_HOME/backups`; the skills go to `<file>.skills`, whole or not at all, and replace what an
 * earlier copy of the same name put there. Rejects with AppError; when only the skills could not be copied, it says so.
 */
export async function backupHome(input: BackupInput, file: string | undefined): Promise<Backup> {
  const { home, clock } = input;
  const stamp = new Date(clock.now()).toISOString().replace(/[:.]/g, '-');
  const target = path.resolve(file ?? path.join(home, 'backups', `herald-${stamp}.db`));
  const source = path.join(home, 'skills');
  if (target.startsWith(source + path.sep))
    throw new AppError(
      'bad_input',
      `A backup cannot be among the skills that it copies (${source}). Nothing was copied.`,
    );
  await input.copyDatabase(target);
  try {
    const skills = await copySkills(input, source, `${target}.skills`);
    return skills === undefined ? { file: target } : { file: target, skills };
  } catch (error) {
    const { code, publicMessage, retryable } = asAppError(error);
    const message = `The database was copied to ${target}, the skills were not: ${publicMessage}`;
    throw new AppError(code, message, { retryable, cause: error });
  }
}

async function copySkills({ home, clock }: BackupInput, source: string, target: string): Promise<string | undefined> {
  if (!fs.existsSync(source)) {
    fs.rmSync(target, { recursive: true, force: true });
    return undefined;
  }
  // Alone: an installation in the middle would give the record of one skill and the files of another.
  return withStore({ home, clock }, async ({ folders }) => {
    ensureDir(path.dirname(target));
    const temporary = `${target}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await fs.promises.cp(source, temporary, {
        recursive: true,
        // A link stays a link: what it points at is not Herald's.
        verbatimSymlinks: true,
        filter: (one) => path.dirname(one) !== folders.hub || !LEFT_OUT.test(path.basename(one)),
      });
      await fs.promises.chmod(temporary, 0o700);
      await fs.promises.rm(target, { recursive: true, force: true });
      await fs.promises.rename(temporary, target);
      return target;
    } catch (error) {
      await fs.promises.rm(temporary, { recursive: true, force: true });
      throw fileError(error, target);
    }
  });
}
