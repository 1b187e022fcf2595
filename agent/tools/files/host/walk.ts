// Going through the files below a folder: links are named, never followed; what .gitignore leaves out, and .git itself, is passed over.
import fs from 'node:fs/promises';
import nodePath from 'node:path';
import { NO_RULES, type IgnoreRules } from './ignore.ts';

export interface WalkEntry {
  /** From the root on. */
  path: string;
  kind: 'file' | 'folder' | 'link' | 'other';
}

const MAX_IGNORE_BYTES = 256 * 1024;

/** Content of the .gitignore of a folder (a path from the root on); undefined: it has none. */
export type IgnoreSource = (folder: string) => Promise<string | undefined>;

/**
 * Folders come before what is in them; names in order. Folders that cannot be read are passed over. `ignoreOf`: instead of the .gitignore
 * files that are there now.
 */
export async function* walkTree(
  root: string,
  signal: AbortSignal,
  ignoreOf: IgnoreSource = (folder) => readIgnoreFile(nodePath.join(root, folder)),
): AsyncGenerator<WalkEntry> {
  const { prefix, rules } = await rulesAbove(root);
  const open: { folder: string; rules: IgnoreRules }[] = [{ folder: '', rules }];
  for (let next = open.pop(); next; next = open.pop()) {
    signal.throwIfAborted();
    const { folder } = next;
    const entries = await fs
      .readdir(nodePath.join(root, folder), { withFileTypes: true })
      .catch((): undefined => undefined);
    if (!entries) continue;
    const ignore = await ignoreOf(folder);
    const own = ignore === undefined ? next.rules : next.rules.with(joinPath(prefix, folder), ignore);
    const folders: string[] = [];
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name === '.git') continue;
      const path = joinPath(folder, entry.name);
      if (own.ignores(joinPath(prefix, path), entry.isDirectory())) continue;
      const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other';
      if (kind === 'folder') folders.push(path);
      yield { path, kind };
    }
    for (const path of folders.toReversed()) open.push({ folder: path, rules: own });
  }
}

/** Rules of the folders between the top of the repository, if `root` is in one, and `root`. */
async function rulesAbove(root: string): Promise<{ prefix: string; rules: IgnoreRules }> {
  const above: string[] = [];
  for (let at = root; ; at = nodePath.dirname(at)) {
    if (await fs.lstat(nodePath.join(at, '.git')).catch((): undefined => undefined)) break;
    if (nodePath.dirname(at) === at) return { prefix: '', rules: NO_RULES };
    above.unshift(at);
  }
  let rules = NO_RULES;
  let folder = '';
  const top = above[0] === undefined ? root : nodePath.dirname(above[0]);
  for (const next of above) {
    const ignore = await readIgnoreFile(nodePath.join(top, folder));
    if (ignore !== undefined) rules = rules.with(folder, ignore);
    folder = nodePath.relative(top, next);
  }
  return { prefix: folder, rules };
}

async function readIgnoreFile(folder: string): Promise<string | undefined> {
  const file = nodePath.join(folder, '.gitignore');
  const stat = await fs.lstat(file).catch((): undefined => undefined);
  if (!stat?.isFile() || stat.size > MAX_IGNORE_BYTES) return undefined;
  return fs.readFile(file, 'utf8').catch((): undefined => undefined);
}

function joinPath(folder: string, name: string): string {
  return folder === '' ? name : name === '' ? folder : `${folder}/${name}`;
}
