// One writer process. The lock is SQLite's own file lock on a small side file, so that the kernel frees it when the
// owner dies, however it dies; a second file names the owner for people and for the CLI.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { AppError } from '../shared/errors.ts';
import { ensureDir, writeFileAtomic } from './files.ts';
import { databaseError } from './storage-errors.ts';

const ownerSchema = z.object({
  pid: z.number(),
  startedAt: z.number(),
  /** What the owner is doing: 'gateway', 'chat', 'backup' … */
  purpose: z.string(),
  /** Control socket of the owner, when it serves one. */
  socket: z.string().optional(),
  url: z.string().optional(),
});
export type LockOwner = z.infer<typeof ownerSchema>;

export interface WriterLock {
  /** Rewrites what the owner file says. */
  describe(more: Partial<LockOwner>): void;
  release(): void;
}

const LOCK_FILE = 'writer.lock';
const OWNER_FILE = 'writer.json';
/** Whoever looks for the owner holds a shared lock for a moment; a start must not take that for another owner. */
const PROBE_MS = 250;

/**
 * Takes the writer lock of `home`, which is created when missing. Throws AppError `db_locked` naming the owner when another live process
 * holds it, `home_unwritable` or `disk_full` when the folder cannot be used. Blocks for at most 250 ms.
 */
export function takeWriterLock(home: string, owner: LockOwner): WriterLock {
  ensureDir(home);
  const db = lockFile(home, PROBE_MS);
  let current = owner;
  const save = () => writeFileAtomic(path.join(home, OWNER_FILE), JSON.stringify(current), 0o600);
  try {
    db.pragma('locking_mode = exclusive');
    db.exec('begin exclusive');
    save();
  } catch (cause) {
    db.close();
    throw isBusy(cause)
      ? lockedError(home, readLockOwner(home), cause)
      : databaseError(cause, path.join(home, LOCK_FILE));
  }
  return {
    describe(more) {
      current = { ...current, ...more };
      save();
    },
    release() {
      // Once only: later the file may name the next owner.
      if (!db.open) return;
      fs.rmSync(path.join(home, OWNER_FILE), { force: true });
      db.close();
    },
  };
}

/** The live owner of `home`, or undefined when nobody holds the lock. Throws AppError `db_locked` when it does not say who it is. */
export function findLiveOwner(home: string): LockOwner | undefined {
  const file = path.join(home, LOCK_FILE);
  // An owner that has just begun, or is about to end, has no name for some milliseconds.
  for (let attempt = 0; ; attempt++) {
    if (!fs.existsSync(file) || !isHeld(home)) return undefined;
    const owner = readLockOwner(home);
    if (owner) return owner;
    if (attempt === 10) throw lockedError(home, undefined, new Error(`${OWNER_FILE} names nobody`));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

function isHeld(home: string): boolean {
  const db = lockFile(home, 0);
  try {
    // Reading takes a shared lock only: two that look at the same time do not see each other.
    db.prepare('select count(*) from sqlite_master').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw databaseError(error, path.join(home, LOCK_FILE));
  } finally {
    db.close();
  }
}

function lockFile(home: string, timeout: number): Database.Database {
  const file = path.join(home, LOCK_FILE);
  try {
    const db = new Database(file, { timeout });
    keepPrivate(file);
    return db;
  } catch (error) {
    throw databaseError(error, file);
  }
}

/**
 * Whoever can open the file, even for reading only, could hold a lock on it and keep Herald from starting. By its path alone: closing
 * a descriptor of our own would free the lock that this process may hold.
 */
function keepPrivate(file: string): void {
  try {
    if ((fs.statSync(file).mode & 0o077) !== 0) fs.chmodSync(file, 0o600);
  } catch {
    // Not every file system has modes, and a file that cannot be looked at is told about when it is opened.
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function lockedError(home: string, owner: LockOwner | undefined, cause: unknown): AppError {
  const message = owner
    ? `Another Herald (${owner.purpose}, process ${owner.pid}) owns ${home}. Stop it first, or talk to it with \`herald chat\`.`
    : `Another process owns ${home}. Stop it first.`;
  return new AppError('db_locked', message, { cause });
}

function readLockOwner(home: string): LockOwner | undefined {
  try {
    const parsed = ownerSchema.safeParse(JSON.parse(fs.readFileSync(path.join(home, OWNER_FILE), 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined; // no owner file, or cut off in the middle: the lock alone decides
  }
}
