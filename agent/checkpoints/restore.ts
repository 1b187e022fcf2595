// Putting paths back to what they were: a path is changed only in a folder that is really where it is said to be.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import nodePath from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { isCode, openFolder, type AnchoredFolder } from '../tools/files/host/anchored.ts';
import type { Blobs } from './blobs.ts';
import type { State } from './state.ts';

export interface Restoration {
  /** Absolute. */
  path: string;
  now: State;
  target: State;
}

export interface Failure {
  path: string;
  reason: string;
}

/** Carries out all that can be; returns what could not. What has to go goes first, and folders come before what is in them. */
export async function restoreAll(items: readonly Restoration[], blobs: Blobs): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  const attempt = async (item: Restoration, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failures.push({ path: item.path, reason: reasonOf(error) });
    }
  };
  const deepFirst = items.toSorted((a, b) => depth(b.path) - depth(a.path));
  for (const item of deepFirst) {
    const goes = item.target.kind === 'absent' || item.target.kind !== item.now.kind;
    if (goes && item.now.kind !== 'absent') await attempt(item, () => removeAt(item));
  }
  const failed = new Set(failures.map(({ path }) => path));
  for (const item of deepFirst.toReversed())
    if (item.target.kind !== 'absent' && !failed.has(item.path)) await attempt(item, () => makeAt(item, blobs));
  return failures;
}

function depth(path: string): number {
  return path.split('/').length;
}

async function removeAt({ path, now }: Restoration): Promise<void> {
  await inParent(path, false, async (folder, name) => {
    if (now.kind === 'folder') await fs.rmdir(folder.at(name));
    else await fs.unlink(folder.at(name));
  });
}

async function makeAt({ path, target }: Restoration, blobs: Blobs): Promise<void> {
  await inParent(path, true, async (folder, name) => {
    switch (target.kind) {
      case 'absent':
        return;
      case 'folder':
        await fs.mkdir(folder.at(name)).catch((error: unknown) => {
          if (!isCode(error, 'EEXIST')) throw error;
        });
        return chmodFolder(folder.at(name), target.mode);
      case 'link':
        return replaceBy(folder, name, (temporary) => fs.symlink(target.target, temporary));
      case 'file':
        return replaceBy(folder, name, async (temporary) => {
          const handle = await fs.open(temporary, 'wx', 0o600);
          try {
            await blobs.copyTo(target.hash, handle);
            await handle.chmod(target.mode);
            await handle.sync();
          } finally {
            await handle.close();
          }
        });
    }
  });
}

async function chmodFolder(path: string, mode: number): Promise<void> {
  const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

async function replaceBy(
  folder: AnchoredFolder,
  name: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = folder.at(`.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await make(temporary);
    await fs.rename(temporary, folder.at(name));
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

async function inParent(
  path: string,
  create: boolean,
  work: (folder: AnchoredFolder, name: string) => Promise<void>,
): Promise<void> {
  const folder = await openFolder(nodePath.dirname(path), { create });
  if (!folder) return;
  try {
    await work(folder, nodePath.basename(path));
  } finally {
    await folder.close();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.publicMessage;
  if (isCode(error, 'ENOTEMPTY') || isCode(error, 'EEXIST')) return 'The folder holds something else.';
  return error instanceof Error && 'code' in error ? `The system refused (${String(error.code)}).` : 'It failed.';
}
