// Sees when a file or folder of a workspace changes. The system tells; nothing is looked at without cause.
import { watch, type FSWatcher } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';

/** Programs write a file in several steps. */
const SETTLE_MS = 500;
const MAX_ENTRIES = 1_000;

/** What stands for the state of a file, or of the files in a folder; 'missing' when there is nothing. */
export async function fingerprint(file: string): Promise<string> {
  const found = await fs.stat(file).catch(() => undefined);
  if (!found) return 'missing';
  if (!found.isDirectory()) return `${found.mtimeMs}.${found.size}`;
  const names = (await fs.readdir(file)).toSorted().slice(0, MAX_ENTRIES);
  const each = await Promise.all(
    names.map(async (name) => {
      const one = await fs.stat(path.join(file, name)).catch(() => undefined);
      return one ? one.mtimeMs + one.size : 0;
    }),
  );
  return `${names.length}.${each.reduce((sum, one) => sum + one, 0)}`;
}

/** The absolute path. Rejects with AppError `not_allowed` for what lies outside the workspace, `not_found` where its folder is not there. */
export async function insideWorkspace(workspace: string, name: string): Promise<string> {
  const root = await fs.realpath(workspace).catch(() => path.resolve(workspace));
  const target = path.resolve(root, name);
  const folder = await fs.realpath(path.dirname(target)).catch(() => undefined);
  const isInside = (folderOf: string) => folderOf === root || folderOf.startsWith(root + path.sep);
  if (!isInside(path.dirname(target)) && target !== root)
    throw new AppError('not_allowed', `${name} is not in the workspace, so it cannot be watched.`);
  if (folder === undefined)
    throw new AppError('not_found', `The folder of ${name} is not there yet. Make it, then try again.`);
  if (!isInside(folder) && target !== root)
    throw new AppError('not_allowed', `${name} leads out of the workspace, so it cannot be watched.`);
  return target;
}

/** Calls `onChange` a moment after the last of some changes. Returns the function that ends it. Throws when it cannot be watched. */
export function watchPath(file: string, clock: Clock, onChange: () => void): () => void {
  let cancel = () => {};
  const noticed = () => {
    cancel();
    cancel = clock.after(SETTLE_MS, onChange);
  };
  // The folder is watched too: whoever replaces a file makes another one of the same name.
  const watchers: FSWatcher[] = [];
  const listen = (target: string, name?: string) => {
    const watcher = watch(target, { persistent: false }, (_, changed) => {
      if (name === undefined || changed === null || changed === name) noticed();
    });
    watcher.on('error', noticed);
    watchers.push(watcher);
  };
  listen(path.dirname(file), path.basename(file));
  try {
    listen(file);
  } catch {
    // It is not there yet; its folder tells when it comes.
  }
  return () => {
    cancel();
    for (const watcher of watchers) watcher.close();
  };
}
