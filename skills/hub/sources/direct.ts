// A skill at one address (SKILL.md, zip, tar.gz) or in a folder or archive of this machine.
import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { sha256Hex } from '../../../shared/digest.ts';
import { AppError } from '../../../shared/errors.ts';
import {
  collectFiles,
  filesBelow,
  findSkillFolders,
  isLeftOut,
  isLitter,
  lastSegment,
  matchFolders,
  MAX_FILE_BYTES,
} from '../files.ts';
import { SKILL_FILE } from '../../paths.ts';
import { formatReference, isArchive } from '../reference.ts';
import type { FoundSkill, HubFetch, Offer, Reference, SkillFiles, SkillSource } from '../types.ts';
import { MAX_ARCHIVE_BYTES, readArchive } from './archive.ts';
import { download } from './download.ts';

type Direct = Extract<Reference, { source: 'url' | 'folder' }>;

export function makeUrlSource(fetch: HubFetch): SkillSource<'url'> {
  return {
    async open(reference, signal) {
      const isPacked = isArchive(new URL(reference.url).pathname);
      const maxBytes = isPacked ? MAX_ARCHIVE_BYTES : MAX_FILE_BYTES;
      const { body } = await download(fetch, reference.url, { what: 'skill at this address', maxBytes, signal });
      const files = isPacked ? await readArchive(body) : new Map([[SKILL_FILE, body]]);
      return offer(reference, files, `sha256:${sha256Hex(body)}`);
    },
  };
}

export const folderSource: SkillSource<'folder'> = {
  async open(reference) {
    const found = await lstat(reference.path).catch(() => undefined);
    if (found?.isFile() && isArchive(reference.path)) {
      if (found.size > MAX_ARCHIVE_BYTES)
        throw new AppError('too_large', 'The archive is larger than 10 MiB. Nothing was installed.');
      return offer(reference, await readArchive(await readFile(reference.path)), undefined);
    }
    if (found?.isDirectory()) return openFolder(reference);
    throw new AppError('not_found', `There is no folder or archive ${reference.path}. Nothing was installed.`);
  },
};

/** The skills in `files`: what the reference means of them. */
function offer(reference: Direct, files: SkillFiles, revision: string | undefined): Offer {
  return makeOffer(reference, findSkillFolders(files.keys()), {
    revision,
    read: (folder) => Promise.resolve(filesBelow(files, folder)),
  });
}

function makeOffer(
  reference: Direct,
  all: readonly string[],
  { revision, read }: { revision: string | undefined; read: (folder: string) => Promise<SkillFiles> },
): Offer {
  const folders = matchFolders(all, reference.skill);
  const skills = folders.map((folder): FoundSkill => {
    const skill = all.length === 1 ? undefined : folder;
    const name = lastSegment(folder) || nameOf(reference);
    return { name, description: '', reference: formatReference({ ...reference, skill }), trust: 'community' };
  });
  return {
    skills,
    async fetch(skill) {
      const folder = folders[skills.indexOf(skill)];
      if (folder === undefined) throw new AppError('internal', 'This skill is not there.');
      const { source } = reference;
      return { files: await read(folder), source, identifier: skill.reference, revision, trust: 'community' };
    },
  };
}

/** Of the file or folder itself, without its ending; of a SKILL.md that of its folder. */
function nameOf(reference: Direct): string {
  const full = reference.source === 'url' ? new URL(reference.url).pathname : path.resolve(reference.path);
  const parts = full.split(/[\\/]/).filter((part) => part !== '' && part !== SKILL_FILE);
  return (parts.at(-1) ?? 'skill').replace(/\.(?:zip|tar\.gz|tgz|skill|md)$/i, '');
}

/** Files of an archive whose top is the skill, or a single folder that is. Throws AppError `bad_input` when that is not clear. */
export function topOfArchive(files: SkillFiles): SkillFiles {
  const [folder, other] = findSkillFolders(files.keys());
  if (folder !== undefined && other === undefined) return filesBelow(files, folder);
  throw new AppError(
    'bad_input',
    `The archive has ${other === undefined ? 'no' : 'more than one'} SKILL.md. Nothing was installed.`,
  );
}

const MAX_LISTED = 20_000;
/** A collection, then categories, then skills with folders of their own. */
const MAX_LEVELS = 12;

/** Looks for SKILL.md first, so that a large folder around a skill is not read. */
async function openFolder(reference: Extract<Reference, { source: 'folder' }>): Promise<Offer> {
  const found: string[] = [];
  await walk(reference.path, (file) => {
    if (lastSegment(file) === SKILL_FILE) found.push(file);
    if (found.length > MAX_LISTED)
      throw new AppError('too_large', 'The folder holds too many skills. Name one of them: folder#skill.');
  });
  return makeOffer(reference, findSkillFolders(found), {
    revision: undefined,
    read: (folder) => readSkillFolder(path.join(reference.path, folder)),
  });
}

/** All files below `folder`, within the limits of a skill. Rejects with AppError; links are refused, not followed. */
export async function readSkillFolder(folder: string): Promise<SkillFiles> {
  const files = collectFiles();
  await walk(folder, async (file, entry) => {
    if (isLeftOut(file)) return;
    if (!entry.isFile())
      throw new AppError('bad_input', `${JSON.stringify(file)} is a link or not a file. Nothing was installed.`);
    const full = path.join(folder, file);
    files.expect(file, (await lstat(full)).size);
    files.add(file, await readFile(full));
  });
  return files.files();
}

async function walk(top: string, visit: (file: string, entry: Dirent) => Promise<void> | void): Promise<void> {
  let seen = 0;
  async function enter(below: string, level: number): Promise<void> {
    const entries = await readdir(path.join(top, below), { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const file = below === '' ? entry.name : `${below}/${entry.name}`;
      if (isLitter(file)) continue;
      if (++seen > MAX_LISTED || level > MAX_LEVELS)
        throw new AppError('too_large', `There are too many files in ${top} for a skill. Nothing was installed.`);
      if (entry.isDirectory()) await enter(file, level + 1);
      else await visit(file, entry);
    }
  }
  await enter('', 0);
}
