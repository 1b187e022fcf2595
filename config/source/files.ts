// Reading and replacing the two configuration files. Both are small, private and replaced whole or not at all.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../shared/errors.ts';

/** Largest configuration file that is read. A long one with 50 personalities has about 200 KB. */
const MAX_BYTES = 1024 * 1024;

export interface SmallFile {
  /** '' when there is no such file. */
  text: string;
  exists: boolean;
  /** Permission bits, 0 when there is no such file. */
  mode: number;
}

/**
 * Reads a UTF-8 file; a file that is not there is empty. Throws AppError `config_unreadable` for folders, devices, files that may not
 * be read or are over 1 MB, and `config_invalid` for bytes that are no UTF-8 text.
 */
export async function readSmallFile(file: string): Promise<SmallFile> {
  let bytes: Buffer;
  let mode: number;
  try {
    // Not blocking, because somebody's pipe under this name would hold up the start for ever.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await handle.stat();
    if (!stat.isFile())
      throw new AppError(
        'config_unreadable',
        `${file} is not a file. Move it away, or set HERALD_HOME to another folder.`,
      );
    if (stat.size > MAX_BYTES) {
      throw new AppError(
        'config_unreadable',
        `${file} has ${stat.size} bytes; at most ${MAX_BYTES} are read. Move long texts out of it.`,
      );
    }
    mode = stat.mode & 0o777;
    const buffer = Buffer.alloc(stat.size + 1);
    // The spare byte is for a file that grows meanwhile: it is read again by the watcher.
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    bytes = buffer.subarray(0, bytesRead);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { text: '', exists: false, mode: 0 };
    throw readError(error, file);
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), exists: true, mode };
  } catch (error) {
    throw new AppError('config_invalid', `${file} is not UTF-8 text. Save it as UTF-8 in your editor.`, {
      cause: error,
    });
  }
}

/**
 * Replaces `file` (the file that it links to, when it is a link) by `text`: temporary file, fsync, rename; mode 0600; its folder is made.
 * Throws AppError `home_unwritable` or `disk_full`; the old content is then still there.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  let temporary: string | undefined;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const target = await realpath(file).catch(() => file);
    temporary = `${target}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    {
      await using handle = await open(temporary, 'wx', 0o600);
      await handle.writeFile(text);
      await handle.sync();
    }
    await rename(temporary, target);
    await syncFolder(path.dirname(target));
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => {});
    throw writeError(error, file);
  }
}

/** Takes group's and others' permissions away. False when the file system does not let us. */
export async function makePrivate(file: string): Promise<boolean> {
  try {
    await chmod(file, 0o600);
    return true;
  } catch {
    return false;
  }
}

async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // Not every file system can; the rename is done all the same.
  }
}

function readError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error;
  const code = errorCode(error);
  if (code === 'ENOTDIR')
    return new AppError(
      'config_unreadable',
      `${path.dirname(file)} is not a folder. Move it away, or set HERALD_HOME to another one.`,
      { cause: error },
    );
  return new AppError(
    'config_unreadable',
    `${file} cannot be read${code === undefined ? '' : ` (${code})`}. Check that it belongs to you and that you may read it.`,
    {
      cause: error,
    },
  );
}

function writeError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error;
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError(
      'disk_full',
      `No space left to write ${file}. It is as it was; free some space and try again.`,
      { cause: error },
    );
  }
  const hint = 'Check that the folder belongs to you and is writable, or set HERALD_HOME to another one.';
  return new AppError(
    'home_unwritable',
    `${file} cannot be written${code === undefined ? '' : ` (${code})`}. It is as it was. ${hint}`,
    { cause: error },
  );
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
