// Contents of files, each once, named by its hash; and looking at what stands at a path. Links are read, never followed.
import { createHash, randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import nodePath from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { isCode, READ_FLAGS, verifyOpen } from '../tools/files/host/anchored.ts';
import { ABSENT, type State } from './state.ts';

const CHUNK_BYTES = 256 * 1024;
/** Larger files are not kept. */
export const MAX_KEPT_BYTES = 64 * 1024 * 1024;

export interface Blobs {
  /**
   * What stands at the absolute `path`, its content kept. Rejects with AppError: `too_large`, `bad_input` for devices and the like, and
   * `not_allowed` when a link appeared on the way.
   */
  capture(path: string, durable: boolean): Promise<State>;
  /** Copies a kept content into `target`, a file open for writing. Rejects with AppError `not_found` or `internal` when it is gone or damaged. */
  copyTo(hash: string, target: FileHandle): Promise<void>;
  /** A small kept text; undefined when it is not there. */
  readText(hash: string, maxBytes: number): Promise<string | undefined>;
  /** Every content with its size. */
  list(): Promise<readonly { hash: string; bytes: number }[]>;
  remove(hash: string): Promise<void>;
}

export function makeBlobs(dir: string): Blobs {
  const fileOf = (hash: string) => nodePath.join(dir, hash.slice(0, 2), hash);

  async function captureFile(path: string, durable: boolean): Promise<State> {
    const source = await fs.open(path, READ_FLAGS);
    try {
      const stat = await source.stat();
      if (!stat.isFile()) throw noFile(path);
      if (stat.size > MAX_KEPT_BYTES) throw tooLarge(path);
      await verifyOpen(source, path);
      return { kind: 'file', hash: await store(source, durable), mode: stat.mode & 0o777 };
    } finally {
      await source.close();
    }
  }

  /** Copies while it hashes, so that what is kept is what the hash says even when the file changes meanwhile. */
  async function store(source: FileHandle, durable: boolean): Promise<string> {
    await fs.mkdir(dir, { recursive: true, mode: 0o700 });
    const temporary = nodePath.join(dir, `${randomBytes(8).toString('hex')}.tmp`);
    try {
      const target = await fs.open(temporary, 'wx', 0o600);
      let hash: string;
      try {
        hash = await copyHashed(source, target);
        if (durable) await target.sync();
      } finally {
        await target.close();
      }
      await fs.mkdir(nodePath.dirname(fileOf(hash)), { recursive: true, mode: 0o700 });
      await fs.rename(temporary, fileOf(hash));
      return hash;
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }

  return {
    async capture(path, durable) {
      const stat = await lstatOf(path);
      if (stat === undefined) return ABSENT;
      if (stat.isSymbolicLink()) return { kind: 'link', target: await fs.readlink(path) };
      if (stat.isDirectory()) return { kind: 'folder', mode: stat.mode & 0o777 };
      if (!stat.isFile()) throw noFile(path);
      return captureFile(path, durable);
    },
    async copyTo(hash, target) {
      const source = await fs.open(fileOf(hash), READ_FLAGS).catch((error: unknown) => {
        throw isCode(error, 'ENOENT') ? new AppError('not_found', 'What was kept of it is gone.') : error;
      });
      try {
        if ((await copyHashed(source, target)) !== hash)
          throw new AppError('internal', 'What was kept of it is damaged.');
      } finally {
        await source.close();
      }
    },
    async readText(hash, maxBytes) {
      const stat = await lstatOf(fileOf(hash));
      return stat && stat.size <= maxBytes ? fs.readFile(fileOf(hash), 'utf8') : undefined;
    },
    async list() {
      const found: { hash: string; bytes: number }[] = [];
      for (const folder of await namesIn(dir))
        for (const hash of /^[0-9a-f]{2}$/.test(folder) ? await namesIn(nodePath.join(dir, folder)) : []) {
          const stat = await lstatOf(nodePath.join(dir, folder, hash));
          if (stat?.isFile()) found.push({ hash, bytes: stat.size });
        }
      return found;
    },
    remove: (hash) => fs.rm(fileOf(hash), { force: true }),
  };
}

/** As `Blobs.capture`, without keeping the content. */
export async function inspect(path: string): Promise<State | 'unknown'> {
  const stat = await lstatOf(path);
  if (stat === undefined) return ABSENT;
  if (stat.isSymbolicLink()) return { kind: 'link', target: await fs.readlink(path) };
  if (stat.isDirectory()) return { kind: 'folder', mode: stat.mode & 0o777 };
  if (!stat.isFile() || stat.size > MAX_KEPT_BYTES) return 'unknown';
  const source = await fs.open(path, READ_FLAGS);
  try {
    await verifyOpen(source, path);
    return { kind: 'file', hash: await copyHashed(source, undefined), mode: stat.mode & 0o777 };
  } finally {
    await source.close();
  }
}

async function copyHashed(source: FileHandle, target: FileHandle | undefined): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let total = 0; ;) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return hash.digest('hex');
    total += bytesRead;
    if (total > MAX_KEPT_BYTES) throw tooLarge('The file');
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await target?.writeFile(chunk);
  }
}

/** Nothing stands below a file, nor below a link that leads back to itself. */
const NOTHING_THERE = ['ENOENT', 'ENOTDIR', 'ELOOP'];

export async function lstatOf(path: string): Promise<Stats | undefined> {
  try {
    return await fs.lstat(path);
  } catch (error) {
    if (NOTHING_THERE.some((code) => isCode(error, code))) return undefined;
    throw error;
  }
}

/** None when the folder is not there. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await fs.readdir(folder)).toSorted();
  } catch (error) {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function noFile(path: string): AppError {
  return new AppError('bad_input', `${path} is a device, pipe or socket. It cannot be kept, and was left alone.`);
}

function tooLarge(path: string): AppError {
  return new AppError('too_large', `${path} is too large to be kept for undoing. It was left alone.`);
}
