// Files under $HERALD_HOME: written whole or not at all, private to the user.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../shared/errors.ts';

/** Creates `dir` and its parents with mode 0700. Throws AppError `home_unwritable` or `disk_full`. */
export function ensureDir(dir: string): void {
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    fs.accessSync(dir, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    throw fileError(error, dir);
  }
}

/** Replaces `file` atomically: temporary file, fsync, rename. Throws AppError `home_unwritable` or `disk_full`. */
export function writeFileAtomic(file: string, content: string | Uint8Array, mode = 0o600): void {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const fd = fs.openSync(temporary, 'wx', mode);
    try {
      fs.writeFileSync(fd, content);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, file);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw fileError(error, file);
  }
}

/** An error of the file system as one that says what to do. */
export function fileError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const isIoError = code === 'EIO' || (typeof code === 'string' && code.startsWith('SQLITE_IOERR'));
  // SQLite reports a full disk as a plain I/O error where it extends its shared memory file.
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL' || (isIoError && isDiskFull(file)))
    return new AppError(
      'disk_full',
      `No space left to write ${file}. Nothing that was stored is lost; free some space and try again.`,
      {
        retryable: true,
        cause: error,
      },
    );
  return new AppError(
    'home_unwritable',
    `Cannot write ${file}${typeof code === 'string' ? ` (${code})` : ''}. Check that it belongs to you and is writable, or set HERALD_HOME to another folder.`,
    { cause: error },
  );
}

function isDiskFull(file: string): boolean {
  try {
    const { bavail, bsize } = fs.statfsSync(path.dirname(file));
    return bavail * bsize < 64 * 1024;
  } catch {
    return false; // the folder itself is gone: not a matter of space
  }
}
