// What a path given by the model means: which file it is once links are followed, and whether that file is the workspace's, another one,
// or a secret. Decided for the call before it runs, and decided again on what is really there when it runs.
import nodePath from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { instructionReason, secretReason } from './denylist.ts';

/** Where paths are looked at, as far as it is known without waiting. */
export interface FilePlace {
  /** Absolute; relative paths begin here. */
  workspace: string;
  /** The same folder without links; differs where a parent is a link. */
  realWorkspace: string;
  /** For `~/…`. Undefined: such paths are refused. */
  userHome: string | undefined;
  /** Herald's own data, with and without links: secret except for the workspace. */
  privateFolders: readonly string[];
  /** True when nothing outside the workspace matters there: a container of the agent's own. */
  isIsolated: boolean;
}

/** A path after its links have been followed. */
export interface RealPath {
  /** Absolute, without links; what does not exist yet is its last part. */
  real: string;
  /** True when a link on the way leads nowhere. */
  isDangling: boolean;
}

export interface FilePath {
  /** For the model and the person: from the workspace on, or whole. */
  shown: string;
  /** What is opened. */
  real: string;
  area: 'workspace' | 'outside';
  /** Why nobody may read or write it. */
  secret: string | undefined;
  /** Why changing it changes what later turns do. */
  steers: string | undefined;
  /** Why it is not followed: a link that leaves the workspace or leads nowhere. */
  blocked: string | undefined;
}

const MAX_PATH_CHARS = 4_000;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

/** The absolute path that `given` names, links not followed. Throws AppError `bad_input` for what is no path. */
export function namedPath(given: string, place: Pick<FilePlace, 'workspace' | 'userHome'>): string {
  if (given.trim() === '') throw new AppError('bad_input', 'The path is empty. Nothing was done; name a file.');
  if (CONTROL.test(given)) throw new AppError('bad_input', 'The path holds control characters. Nothing was done.');
  if (given.length > MAX_PATH_CHARS) throw new AppError('bad_input', 'The path is too long. Nothing was done.');
  if (given !== '~' && !given.startsWith('~/')) return nodePath.resolve(place.workspace, given);
  if (place.userHome === undefined)
    throw new AppError('bad_input', '"~" means nothing here. Nothing was done; give the path from the root on.');
  return nodePath.join(place.userHome, given.slice(1));
}

/** What is known of the path `named` whose links lead to `found`. Pure. */
export function judgePath(named: string, found: RealPath, place: FilePlace): FilePath {
  const real = found.real;
  const inside = isInWorkspace(real, place);
  const leaves = isInWorkspace(named, place) && !inside;
  return {
    shown: showPath(leaves ? named : real, place),
    real,
    area: inside ? 'workspace' : 'outside',
    secret: secretOf(real, place) ?? secretOf(named, place),
    steers: instructionReason(namesOf(real, place)) ?? instructionReason(namesOf(named, place)),
    blocked: leaves
      ? `it is a link that leaves the workspace, to ${real}. Name that path itself if it is meant`
      : found.isDangling
        ? 'it is a link that leads nowhere'
        : undefined,
  };
}

/** `path` from the workspace on when it is in there, else whole; on one line. */
export function showPath(path: string, place: FilePlace): string {
  return relativePath(path, place).replace(/[\n\r]/g, '?');
}

function relativePath(path: string, place: FilePlace): string {
  const root = [place.realWorkspace, place.workspace].find((folder) => isWithin(path, folder));
  return root === undefined ? path : nodePath.relative(root, path) || '.';
}

export function isInWorkspace(path: string, place: FilePlace): boolean {
  return isWithin(path, place.realWorkspace) || isWithin(path, place.workspace);
}

/** Whether `path` is `folder` or below it; both absolute and without `..`. */
export function isWithin(path: string, folder: string): boolean {
  const root = folder.endsWith('/') ? folder : `${folder}/`;
  return path === folder || path.startsWith(root);
}

/** Why the absolute `path` is secret; undefined when it is not. */
export function secretOf(path: string, place: FilePlace): string | undefined {
  const own = place.privateFolders.find((folder) => isWithin(path, folder));
  // A workspace may lie in Herald's folder; the folder does not become the workspace's when it lies in there.
  const isWorkspaceOfOwn =
    own !== undefined &&
    isInWorkspace(path, place) &&
    [place.workspace, place.realWorkspace].some((folder) => isWithin(folder, own) && folder !== own);
  if (own !== undefined && !isWorkspaceOfOwn) return "it is part of Herald's own data";
  return secretReason(namesOf(path, place));
}

function namesOf(path: string, place: FilePlace) {
  const names = isInWorkspace(path, place) ? relativePath(path, place) : path.slice(1);
  return { path, names, userHome: place.userHome };
}

/** Whether `now` is more than what was judged as `before`: then a permission for `before` is none for `now`. */
export function isStricter(now: FilePath, before: FilePath): boolean {
  if (now.secret !== undefined || now.blocked !== undefined) return true;
  if (now.steers !== undefined && before.steers === undefined) return true;
  return now.area === 'outside' && (before.area === 'workspace' || before.real !== now.real);
}
