// Errors of SQLite as errors that say what to do. Needs no driver, so that the command line can use it without loading one.
import path from 'node:path';
import { AppError } from '../shared/errors.ts';
import { fileError } from './files.ts';

/** Codes of SQLite that speak of the file or the disk, not of a statement: https://www.sqlite.org/rescode.html (read 2026-11-21). */
const STORAGE_CODES = /^SQLITE_(FULL|IOERR|CORRUPT|NOTADB|READONLY|CANTOPEN|PERM|AUTH|BUSY|LOCKED|NOLFS|PROTOCOL)(_|$)/;

/** Whether `error` is about the file or the disk, and so of interest to whoever runs Herald. */
export function isStorageFailure(error: unknown): boolean {
  return STORAGE_CODES.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Errors of SQLite as errors that say what to do. */
export function databaseError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')
    return new AppError('db_corrupt', corruptMessage(file), { cause: error });
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return new AppError('db_locked', `Another process is writing ${file}. Stop it and start again.`, { cause: error });
  if (code.startsWith('SQLITE_') && !isStorageFailure(error))
    return new AppError('internal', `The database ${file} refused a statement. Nothing was changed.`, { cause: error });
  return code === ''
    ? new AppError('internal', `Could not open ${file}. Nothing was changed.`, { cause: error })
    : fileError(error, file);
}

/** What to tell about a damaged database file. */
export function corruptMessage(file: string): string {
  return (
    `The database ${file} is damaged. It was left as it is. Restore a copy: stop Herald, move the damaged file (and its -wal and -shm) away, ` +
    `and copy the newest file of ${path.join(path.dirname(file), 'backups')} in its place (or start empty without one).`
  );
}
