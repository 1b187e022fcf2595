// Folders held open while something in them is read or changed, so that a folder that is swapped for a link meanwhile is not followed.
// Node has no openat: on Linux a name below /proc/self/fd/<folder> is the same thing; elsewhere the folder is looked at before and after.
import { constants, existsSync } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import nodePath from 'node:path';
import { AppError } from '../../../../shared/errors.ts';

const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Not to wait for a writer of a FIFO or for news of the kernel. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface AnchoredFolder {
  /** A path by which `name` in this folder is reached, whatever happens to the folders above it. */
  at(name: string): string;
  close(): Promise<void>;
}

/**
 * Opens the folder at `path`, which must hold no link on its way. `create`: makes what is missing. Undefined: it is not there. Throws AppError
 * `not_allowed` when a link has appeared on the way.
 */
export async function openFolder(path: string, options: { create: boolean }): Promise<AnchoredFolder | undefined> {
  const missing: string[] = [];
  let existing = path;
  for (;;) {
    try {
      let folder = await anchor(existing);
      for (const name of missing) folder = await makeInside(folder, name);
      return folder.folder;
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw linkError(error, path);
      if (!options.create) return undefined;
      const parent = nodePath.dirname(existing);
      if (parent === existing) throw error;
      missing.unshift(nodePath.basename(existing));
      existing = parent;
    }
  }
}

interface Anchor {
  handle: FileHandle;
  /** Where it must be. */
  path: string;
  folder: AnchoredFolder;
}

async function anchor(path: string): Promise<Anchor> {
  return holdFolder(await fs.open(path, FOLDER_FLAGS), path);
}

async function holdFolder(handle: FileHandle, path: string): Promise<Anchor> {
  try {
    await verifyOpen(handle, path);
  } catch (error) {
    await handle.close();
    throw error;
  }
  const base = hasProc() ? `/proc/self/fd/${handle.fd}` : path;
  return {
    handle,
    path,
    folder: {
      at: (name) => `${base}/${plainName(name)}`,
      close: () => handle.close(),
    },
  };
}

async function makeInside(parent: Anchor, name: string): Promise<Anchor> {
  const inside = parent.folder.at(name);
  try {
    await fs.mkdir(inside).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
    return await holdFolder(await fs.open(inside, FOLDER_FLAGS), nodePath.join(parent.path, name));
  } finally {
    await parent.folder.close();
  }
}

/** Throws AppError `not_allowed` unless the open `handle` is what stands at `path`, reached without links. */
export async function verifyOpen(handle: FileHandle, path: string): Promise<void> {
  if (hasProc()) {
    const real = await fs.readlink(`/proc/self/fd/${handle.fd}`);
    if (real !== path) throw movedError(path);
    return;
  }
  const [real, open, named] = await Promise.all([fs.realpath(path), handle.stat(), fs.lstat(path)]);
  if (real !== path || open.dev !== named.dev || open.ino !== named.ino) throw movedError(path);
}

export function movedError(path: string): AppError {
  return new AppError('not_allowed', `${path} changed place or became a link just now. It was left alone; look again.`);
}

function linkError(error: unknown, path: string): unknown {
  if (isCode(error, 'ELOOP') || isCode(error, 'ENOTDIR'))
    return new AppError('not_allowed', `A part of ${path} is a link or no folder. Nothing was done.`, { cause: error });
  return error;
}

function plainName(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) throw new Error(`no name of a file: ${name}`);
  return name;
}

let proc: boolean | undefined;

function hasProc(): boolean {
  proc ??= existsSync('/proc/self/fd');
  return proc;
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
