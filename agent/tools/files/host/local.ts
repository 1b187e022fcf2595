// Files of the machine that Herald runs on.
import { constants, realpathSync, lstatSync, type BigIntStats } from 'node:fs';
import { randomBytes } from 'node:crypto';
import fs, { type FileHandle } from 'node:fs/promises';
import nodePath from 'node:path';
import { AppError } from '../../../../shared/errors.ts';
import type { RealPath } from '../paths.ts';
import { isCode, movedError, openFolder, READ_FLAGS, verifyOpen, type AnchoredFolder } from './anchored.ts';
import { isSameFile, type FileChange, type FileHost, type FileStat, type ListEntry } from './host.ts';
import { searchLocal, type LocalSearchOptions } from './local-search.ts';

/** Files with holes above this size are not read: they would fill memory with zeros. */
const MAX_SPARSE_BYTES = 1024 * 1024;

export function makeLocalHost(options: LocalSearchOptions): FileHost {
  return {
    isLocal: true,
    resolve: async (path) => resolveNow(path),
    async stat(path) {
      try {
        return statOf(await fs.lstat(path, { bigint: true }));
      } catch (error) {
        if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined;
        throw fileProblem(error, path);
      }
    },
    read: (path, maxBytes, signal) => guarded(path, () => readWhole(path, maxBytes, signal)),
    readStart: (path, bytes, signal) => guarded(path, () => readBeginning(path, bytes, signal)),
    write: (path, change, signal) =>
      guarded(path, async () => {
        signal.throwIfAborted();
        await writeLocal(path, change);
      }),
    remove: (path, expected, signal) =>
      guarded(path, async () => {
        signal.throwIfAborted();
        await removeLocal(path, expected);
      }),
    list: (path, max) => guarded(path, () => listLocal(path, max)),
    search: (query, signal) => searchLocal(query, options, signal),
  };
}

/** The path without links, by what is there now. Synchronous, for deciding before a call. */
export function resolveNow(path: string): RealPath {
  const missing: string[] = [];
  for (let at = path; ; at = nodePath.dirname(at)) {
    try {
      return { real: nodePath.join(realpathSync.native(at), ...missing), isDangling: false };
    } catch (error) {
      // Loops and paths that nobody may look into lead nowhere as well.
      if (!isCode(error, 'ENOENT') && !isCode(error, 'ENOTDIR'))
        return { real: nodePath.join(at, ...missing), isDangling: true };
    }
    if (isLink(at)) return { real: nodePath.join(at, ...missing), isDangling: true };
    if (nodePath.dirname(at) === at) return { real: path, isDangling: false };
    missing.unshift(nodePath.basename(at));
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

async function readWhole(path: string, maxBytes: number, signal: AbortSignal) {
  return withFile(path, async (handle, stat) => {
    if (stat.size > maxBytes) throw tooLarge(path, stat.size, maxBytes);
    refuseHoles(path, stat);
    // Files of the kernel have no size: they are read until they end.
    const bytes = await readUpTo(handle, { room: Math.max(stat.size, 4_096) + 1, maxBytes: maxBytes + 1, signal });
    if (bytes.length > maxBytes) throw tooLarge(path, bytes.length, maxBytes);
    return { bytes, stat: statOf(await handle.stat({ bigint: true })) };
  });
}

async function readBeginning(path: string, bytes: number, signal: AbortSignal): Promise<Uint8Array> {
  return withFile(path, (handle) => readUpTo(handle, { room: bytes, maxBytes: bytes, signal }));
}

/** Opens an ordinary file that is where it is said to be. */
async function withFile<Value>(
  path: string,
  work: (handle: FileHandle, stat: FileStat) => Promise<Value>,
): Promise<Value> {
  // Looked at first: to open a device can have effects of its own.
  const before = statOf(await fs.lstat(path, { bigint: true }));
  refuseOthers(path, before);
  const handle = await fs.open(path, READ_FLAGS);
  try {
    const stat = statOf(await handle.stat({ bigint: true }));
    refuseOthers(path, stat);
    await verifyOpen(handle, path);
    return await work(handle, stat);
  } finally {
    await handle.close();
  }
}

async function readUpTo(
  handle: FileHandle,
  limit: { room: number; maxBytes: number; signal: AbortSignal },
): Promise<Uint8Array> {
  let buffer = Buffer.allocUnsafe(Math.min(limit.room, limit.maxBytes));
  let length = 0;
  for (;;) {
    limit.signal.throwIfAborted();
    if (length === buffer.length) {
      if (length >= limit.maxBytes) break;
      buffer = Buffer.concat([buffer], Math.min(buffer.length * 2, limit.maxBytes));
    }
    const { bytesRead } = await handle.read(buffer, length, Math.min(buffer.length - length, 1 << 20));
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

async function writeLocal(path: string, change: FileChange): Promise<void> {
  const folder = await openFolder(nodePath.dirname(path), { create: true });
  if (!folder) throw movedError(path);
  const name = nodePath.basename(path);
  const temporary = folder.at(`.${name.slice(0, 60)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const before = await lstatIn(folder, name);
    if (before !== undefined) refuseOthers(path, statOf(before));
    await writeNew(temporary, change, before);
    await refuseChanged(path, { folder, name }, change.expected);
    if (change.expected === undefined) await putNew(temporary, folder.at(name), path);
    else await fs.rename(temporary, folder.at(name));
  } finally {
    await fs.rm(temporary, { force: true });
    await folder.close();
  }
}

async function writeNew(
  temporary: string,
  { bytes, mode }: FileChange,
  before: BigIntStats | undefined,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  // Readable by nobody else until it has the permissions of the file that it replaces.
  const handle = await fs.open(temporary, flags, before === undefined ? 0o666 : 0o600);
  try {
    await handle.writeFile(bytes);
    if (before !== undefined) {
      const own = await handle.stat({ bigint: true });
      if (own.uid !== before.uid || own.gid !== before.gid)
        // Only root may give files away; then the file changes hands, as with any editor.
        await handle.chown(Number(before.uid), Number(before.gid)).catch(() => undefined);
      await handle.chmod(Number(before.mode) & 0o777);
    } else if (mode !== undefined) await handle.chmod(mode & 0o777);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Not `rename`, which would replace what somebody else has made meanwhile. */
async function putNew(temporary: string, target: string, path: string): Promise<void> {
  try {
    await fs.link(temporary, target);
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw changedError(path);
    // File systems without hard links.
    await fs.rename(temporary, target);
  }
}

async function removeLocal(path: string, expected: FileStat): Promise<void> {
  const folder = await openFolder(nodePath.dirname(path), { create: false });
  if (!folder) throw changedError(path);
  try {
    await refuseChanged(path, { folder, name: nodePath.basename(path) }, expected);
    await fs.unlink(folder.at(nodePath.basename(path)));
  } finally {
    await folder.close();
  }
}

async function refuseChanged(
  path: string,
  at: { folder: AnchoredFolder; name: string },
  expected: FileStat | undefined,
): Promise<void> {
  const found = await lstatIn(at.folder, at.name);
  if (!isSameFile(found === undefined ? undefined : statOf(found), expected)) throw changedError(path);
}

async function lstatIn(folder: AnchoredFolder, name: string): Promise<BigIntStats | undefined> {
  try {
    return await fs.lstat(folder.at(name), { bigint: true });
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function listLocal(path: string, max: number): Promise<readonly ListEntry[]> {
  const folder = await openFolder(path, { create: false });
  if (!folder) throw new AppError('not_found', `There is no folder ${path}.`);
  try {
    const names = (await fs.readdir(nodePath.dirname(folder.at('x')))).toSorted().slice(0, max);
    const entries: ListEntry[] = [];
    for (const name of names) {
      const stat = await lstatIn(folder, name);
      if (stat !== undefined) {
        const { kind, size, ctimeMs } = statOf(stat);
        entries.push({ name, kind, size, ctimeMs });
      }
    }
    return entries;
  } finally {
    await folder.close();
  }
}

function refuseOthers(path: string, { kind }: FileStat): void {
  if (kind === 'file') return;
  const what = kind === 'folder' ? 'a folder' : kind === 'link' ? 'a link' : 'a device, pipe or socket';
  throw new AppError('bad_input', `${path} is ${what}, no ordinary file. It was left alone.`);
}

function refuseHoles(path: string, stat: FileStat): void {
  if (stat.size > MAX_SPARSE_BYTES && stat.allocated < stat.size / 16)
    throw new AppError('bad_input', `${path} is ${stat.size} bytes of holes. It was not read.`);
}

function tooLarge(path: string, size: number, max: number): AppError {
  return new AppError('too_large', `${path} has ${size} bytes; at most ${max} are read. Nothing was done.`);
}

function changedError(path: string): AppError {
  return new AppError(
    'not_allowed',
    `${path} was changed by somebody else just now. It was left as it is; read it again.`,
  );
}

function statOf(stat: BigIntStats): FileStat {
  return {
    kind: stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : 'other',
    size: Number(stat.size),
    allocated: Number(stat.blocks) * 512,
    mtimeMs: Number(stat.mtimeNs) / 1e6,
    ctimeMs: Number(stat.ctimeNs) / 1e6,
    mode: Number(stat.mode) & 0o777,
  };
}

async function guarded<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw fileProblem(error, path);
  }
}

/** An error of the file system in words; those of ours and the signal's stay. */
function fileProblem(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  if (error instanceof AppError) return error;
  switch (error.code) {
    case 'ENOENT':
      return new AppError('not_found', `There is no file ${path}.`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AppError('not_allowed', `The system does not allow this with ${path} (${error.code}).`, {
        cause: error,
      });
    case 'ELOOP':
      return movedError(path);
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('disk_full', `No space left to write ${path}. The file is as it was.`, { cause: error });
    case 'EAGAIN':
      return new AppError('bad_input', `${path} has nothing to read now. It was left alone.`, { cause: error });
    default:
      return new AppError('internal', `${path} could not be used (${error.code}). It is as it was.`, { cause: error });
  }
}
