// What the library of skills reads of the hub: installed skills, each held against its hashes before it is used.
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { sha256Hex } from '../../shared/digest.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { hashFiles } from './files.ts';
import { hubFolders, readLock, type LockEntry } from './record.ts';
import { readSkillFolder } from './sources/direct.ts';
import { recoverIfNeeded } from './store.ts';
import type { SkillFiles } from './types.ts';

export interface InstalledSkill {
  name: string;
  folder: string;
  description: string;
  /** community: its text is foreign. What was changed on the disk is never more than that. */
  trust: 'trusted' | 'community';
  /** changed: its files are not those that were installed · missing: they are gone. Neither is to be used. */
  state: 'ok' | 'changed' | 'missing';
  /** What is changed, added or gone: paths within the skill. */
  differs: readonly string[];
  entry: LockEntry;
}

export interface OpenedSkill extends InstalledSkill {
  files: SkillFiles;
}

/** All of them, by name. Reads every file. Rejects with AppError. */
export async function listInstalled(at: { home: string; clock: Clock }): Promise<readonly OpenedSkill[]> {
  await recoverIfNeeded(at);
  const folders = hubFolders(at.home);
  const skills: OpenedSkill[] = [];
  for (const [name, entry] of readLock(folders)) skills.push(await check(folders.installed, name, entry));
  return skills;
}

/** One of them, files and all: what was checked is what is given. */
export async function openInstalled(
  at: { home: string; clock: Clock },
  name: string,
): Promise<OpenedSkill | undefined> {
  await recoverIfNeeded(at);
  const folders = hubFolders(at.home);
  const entry = readLock(folders).get(name);
  return entry && check(folders.installed, name, entry);
}

async function check(installed: string, name: string, entry: LockEntry): Promise<OpenedSkill> {
  const folder = path.join(installed, name);
  const found = await readFiles(folder);
  const state = found === undefined ? 'missing' : hashFiles(found).whole === entry.hash ? 'ok' : 'changed';
  const isTrusted = state === 'ok' && (entry.trust === 'trusted' || entry.trustedHash === entry.hash);
  return {
    name,
    folder,
    description: entry.description,
    trust: isTrusted ? 'trusted' : 'community',
    state,
    differs: state === 'changed' ? differences(entry, found ?? new Map()) : [],
    entry,
    files: found ?? new Map(),
  };
}

/** Undefined when the folder is not there; no files when they are none that a skill may have. */
async function readFiles(folder: string): Promise<SkillFiles | undefined> {
  const found = await lstat(folder).catch(() => undefined);
  if (found === undefined) return undefined;
  try {
    return found.isDirectory() ? await readSkillFolder(folder) : new Map();
  } catch (error) {
    if (error instanceof AppError && (error.code === 'bad_input' || error.code === 'too_large')) return new Map();
    throw error;
  }
}

function differences({ files }: LockEntry, found: SkillFiles): readonly string[] {
  const changed = Object.entries(files).filter(([file, hash]) => {
    const content = found.get(file);
    return content === undefined || sha256Hex(content) !== hash;
  });
  const added = [...found.keys()].filter((file) => !Object.hasOwn(files, file));
  return [...changed.map(([file]) => file), ...added].sort();
}
