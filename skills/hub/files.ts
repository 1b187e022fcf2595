// The files of a skill as bytes from strangers: which paths are allowed, how large they may be, and the hash that pins them.
import { sha256Hex } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import { isInnerPath, SKILL_FILE } from '../paths.ts';
import type { SkillFiles } from './types.ts';

export const MAX_FILES = 200;
export const MAX_FILE_BYTES = 1024 * 1024;
export const MAX_SKILL_BYTES = 10 * 1024 * 1024;

/** Names of devices on Windows, with any extension: https://learn.microsoft.com/windows/win32/fileio/naming-a-file, read 2026-11-21. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/** Left behind by machines; never part of a skill. */
const LITTER =
  /(?:^|\/)(?:__MACOSX|\.git|__pycache__|node_modules)(?:\/|$)|(?:^|\/)(?:\.DS_Store|Thumbs\.db|desktop\.ini)$/;

/** Why `path` may not be a file of a collection, undefined when it may. Hidden files may: some collections lie in hidden folders. */
export function pathProblem(path: string): string | undefined {
  if (path.startsWith('/') || path.split('/').some((part) => part === '..' || part === '.' || part === ''))
    return 'it is not within the skill';
  if (path.split('/').some((part) => DEVICE.test(part))) return 'it is the name of a device';
  return isInnerPath(path.replace(/(^|\/)\.(?=[\p{L}\p{N}])/gu, '$1'))
    ? undefined
    : 'it is too long, too deep or has odd characters';
}

export function isLitter(path: string): boolean {
  return LITTER.test(path);
}

/** What is not taken over: litter, and hidden files, which nothing of a skill can read. `path` is within the skill. */
export function isLeftOut(path: string): boolean {
  return isLitter(path) || /(?:^|\/)\./.test(path);
}

export interface FileCollector {
  /** Throws AppError `bad_input` for a bad path, `too_large` over a limit. Litter is left out in silence. */
  add(path: string, content: Uint8Array): void;
  /** To be called before content is read whose size is known. Throws as `add` does. */
  expect(path: string, bytes: number): void;
  files(): SkillFiles;
}

/** Gathers files within the limits of one skill. */
export function collectFiles(): FileCollector {
  const files = new Map<string, Uint8Array>();
  const folded = new Set<string>();
  let bytes = 0;
  function expect(path: string, size: number): void {
    const problem = pathProblem(path);
    if (problem !== undefined)
      throw new AppError(
        'bad_input',
        `The file ${JSON.stringify(path)} is refused: ${problem}. Nothing was installed.`,
      );
    if (size > MAX_FILE_BYTES)
      throw new AppError('too_large', `${JSON.stringify(path)} is larger than 1 MiB. Nothing was installed.`);
    if (bytes + size > MAX_SKILL_BYTES)
      throw new AppError('too_large', 'The skill is larger than 10 MiB. Nothing was installed.');
    if (files.size >= MAX_FILES)
      throw new AppError('too_large', `The skill has more than ${MAX_FILES} files. Nothing was installed.`);
  }
  return {
    expect(path, size) {
      if (!isLitter(path)) expect(path, size);
    },
    add(path, content) {
      if (isLitter(path)) return;
      expect(path, content.byteLength);
      // On many disks they would be one file, and the second would replace what was looked at.
      const key = path.normalize('NFKC').toLowerCase();
      if (folded.has(key))
        throw new AppError('bad_input', `The file ${JSON.stringify(path)} is there twice. Nothing was installed.`);
      folded.add(key);
      files.set(path, content);
      bytes += content.byteLength;
    },
    files: () => files,
  };
}

/** Folders with a SKILL.md among `paths`, '' for the top; a SKILL.md within another skill is part of that one. */
export function findSkillFolders(paths: Iterable<string>): readonly string[] {
  const folders = [...paths]
    .filter((path) => (path === SKILL_FILE || path.endsWith(`/${SKILL_FILE}`)) && !isLitter(path))
    .map((path) => path.slice(0, -SKILL_FILE.length).replace(/\/$/, ''))
    .sort();
  const outer: string[] = [];
  for (const folder of folders)
    if (!outer.some((one) => one === '' || folder.startsWith(`${one}/`))) outer.push(folder);
  return outer;
}

/** Those of `folders` that `wanted` (a path, or the last part of one) can mean; all without `wanted`. */
export function matchFolders(folders: readonly string[], wanted: string | undefined): readonly string[] {
  if (wanted === undefined || wanted === '') return folders;
  const path = wanted.replace(/^\/+|\/+$/g, '');
  if (folders.includes(path)) return [path];
  const below = folders.filter((folder) => folder.startsWith(`${path}/`));
  if (below.length > 0) return below;
  return folders.filter((folder) => lastSegment(folder).toLowerCase() === path.toLowerCase());
}

export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The files of the skill in `folder`, by their paths within it. */
export function filesBelow(files: SkillFiles, folder: string): SkillFiles {
  const start = folder === '' ? '' : `${folder}/`;
  const found = new Map<string, Uint8Array>();
  for (const [path, content] of files)
    if (path.startsWith(start) && !isLeftOut(path.slice(start.length))) found.set(path.slice(start.length), content);
  return found;
}

export interface ContentHash {
  /** Of all files: sha256 over the sorted lines "<sha256 of the file>  <path>\n". */
  whole: string;
  /** sha256 of each file, hexadecimal. */
  files: Readonly<Record<string, string>>;
}

export function hashFiles(files: SkillFiles): ContentHash {
  const entries = [...files].map(([path, content]) => [path, sha256Hex(content)] as const);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    whole: sha256Hex(entries.map(([path, hash]) => `${hash}  ${path}\n`).join('')),
    files: Object.fromEntries(entries),
  };
}
