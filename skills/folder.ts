// Skills as they lie in a folder: found at any depth that collections use, read once, and read again when a file has changed. Folders are
// never written here. Symbolic links are not followed: a skill must not show what lies outside of it.
import { constants, statSync } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AppError, asAppError } from '../shared/errors.ts';
import { hintsOf } from './conditions.ts';
import { describeProblem, MAX_SKILL_CHARS, parseSkill, type ParsedSkill } from './format.ts';
import { checkReadPath, isInnerPath, MAX_FILE_BYTES, MAX_FILES, SKILL_FILE } from './paths.ts';

/** Collections put skills into folders of categories, some of them into folders of folders. */
const MAX_DEPTH = 4;
const MAX_SKILLS = 2_000;
/** Files that are looked at before others get a turn. */
const AT_ONCE = 100;
/** Of machines, and of what others keep beside skills. */
const SKIPPED = new Set(['node_modules', '__pycache__', 'quarantine']);
/** Hidden folders that collections keep skills in. */
const HIDDEN = new Set(['.curated', '.system', '.experimental', '.agents', '.claude', '.hermes', '.herald']);

export interface FolderSkill extends ParsedSkill {
  /** Absolute path of its folder. */
  dir: string;
}

export interface FolderContent {
  skills: readonly FolderSkill[];
  /** What could not be read, or was odd; one line each. */
  notes: readonly string[];
}

export interface SkillFolder {
  /** What is there now. A folder that is not there has no skills. */
  list(): Promise<FolderContent>;
}

interface Read {
  stamp: string;
  skill: FolderSkill | undefined;
  notes: readonly string[];
}

/** A folder with skills in it, or one skill itself. */
export function openSkillFolder(root: string): SkillFolder {
  /** Stamps of the folders that were looked through, and what each SKILL.md held. */
  let folders = new Map<string, string>();
  let reads = new Map<string, Read>();
  let content: FolderContent = { skills: [], notes: [] };
  let running: Promise<FolderContent> | undefined;

  async function isCurrent(): Promise<boolean> {
    if (folders.size === 0) return false;
    const known = [...folders, ...[...reads].map(([file, { stamp }]): [string, string] => [file, stamp])];
    for (const [index, [file, stamp]] of known.entries()) {
      if (stampOf(file) !== stamp) return false;
      if (index % AT_ONCE === AT_ONCE - 1) await setImmediate();
    }
    return true;
  }

  async function refresh(): Promise<FolderContent> {
    if (await isCurrent()) return content;
    const seenFolders = new Map<string, string>();
    const seenReads = new Map<string, Read>();
    await walk(root, 0, { folders: seenFolders, reads: seenReads, known: reads });
    folders = seenFolders;
    reads = seenReads;
    const all = [...reads.values()];
    content = {
      skills: all.flatMap(({ skill }) => (skill ? [skill] : [])),
      notes: [
        ...all.flatMap(({ notes }) => notes),
        ...(all.length >= MAX_SKILLS ? [`${root} holds more than ${MAX_SKILLS} skills; the others are left out`] : []),
      ],
    };
    return content;
  }

  return {
    list() {
      running ??= refresh().finally(() => (running = undefined));
      return running;
    },
  };
}

/** '' when it is not there. */
function stampOf(file: string): string {
  try {
    // Not awaited: a look takes microseconds, a thread to do it many times that, and every turn looks.
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : '';
  } catch {
    return '';
  }
}

async function walk(
  folder: string,
  depth: number,
  found: { folders: Map<string, string>; reads: Map<string, Read>; known: ReadonlyMap<string, Read> },
): Promise<void> {
  // Taken before the look: what comes in meanwhile makes it old at once.
  found.folders.set(folder, stampOf(folder));
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  if (entries.some((entry) => entry.name === SKILL_FILE && entry.isFile())) {
    const file = path.join(folder, SKILL_FILE);
    const stamp = stampOf(file);
    const known = found.known.get(file);
    found.reads.set(file, known?.stamp === stamp ? known : await readSkill(folder, stamp));
    return;
  }
  if (depth >= MAX_DEPTH) return;
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (found.reads.size >= MAX_SKILLS) return;
    if (!entry.isDirectory() || SKIPPED.has(entry.name)) continue;
    if (entry.name.startsWith('.') && !HIDDEN.has(entry.name)) continue;
    await walk(path.join(folder, entry.name), depth + 1, found);
  }
}

async function readSkill(dir: string, stamp: string): Promise<Read> {
  const file = path.join(dir, SKILL_FILE);
  try {
    const text = (await readInside(dir, SKILL_FILE, MAX_SKILL_CHARS * 4)).toString('utf8');
    const parsed = await parseSkill(text, { file, mode: 'lenient', name: path.basename(dir) });
    const skill = { ...parsed, dir };
    return { stamp, skill, notes: parsed.warnings.map(describeProblem) };
  } catch (error) {
    return { stamp, skill: undefined, notes: [asAppError(error).publicMessage] };
  }
}

export function searchTextOf({ name, description, category, frontMatter }: ParsedSkill): string {
  return [name.replace(/[._-]+/g, ' '), description, category ?? '', ...hintsOf(frontMatter)].join(' ').trim();
}

/** Files of a skill beside SKILL.md, by path. Hidden ones, links and what is named oddly are left out. */
export async function listFolderFiles(dir: string): Promise<readonly { path: string; bytes: number }[]> {
  const files: { path: string; bytes: number }[] = [];
  async function look(folder: string): Promise<void> {
    const entries = await readdir(path.join(dir, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (files.length >= MAX_FILES || !isInnerPath(inner) || SKIPPED.has(entry.name)) continue;
      if (entry.isDirectory()) await look(inner);
      else if (entry.isFile() && inner !== SKILL_FILE)
        files.push({ path: inner, bytes: (await lstat(path.join(dir, inner))).size });
    }
  }
  await look('');
  return files;
}

/** One file of a skill. Rejects with AppError `bad_input` for a path that leads out, `not_found`, `too_large`. */
export async function readFolderFile(dir: string, inner: string): Promise<Buffer> {
  checkReadPath(inner);
  return readInside(dir, inner, MAX_FILE_BYTES);
}

async function readInside(dir: string, inner: string, maxBytes: number): Promise<Buffer> {
  let at = dir;
  for (const part of inner.split('/').slice(0, -1)) {
    at = path.join(at, part);
    const info = await lstat(at).catch(() => undefined);
    if (!info?.isDirectory()) throw noFile(inner);
  }
  // A link as the last part is refused by the system itself.
  const handle = await open(path.join(dir, inner), constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (!handle) throw noFile(inner);
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw noFile(inner);
    if (info.size > maxBytes)
      throw new AppError('too_large', `${inner} has ${info.size} bytes; files of skills have at most ${maxBytes}.`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function noFile(inner: string): AppError {
  return new AppError('not_found', `The skill has no file ${JSON.stringify(inner.slice(0, 120))}.`);
}
