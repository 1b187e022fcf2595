// One writer process. The lock is SQLite's own file lock on a small side file, so that the kernel frees it when the
// owner dies, however it dies; a second file names the owner for people and for the CLI.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { AppError } from '../shared/errors.ts';
import { writeFileAtomic } from './files.ts';

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

/** Takes the writer lock of `home`. Throws AppError `db_locked` naming the owner when another live process holds it. */
export function takeWriterLock(home: string, owner: LockOwner): WriterLock {
  const db = new Database(path.join(home, LOCK_FILE), { timeout: 0 });
  try {
    db.pragma('locking_mode = exclusive');
    db.exec('begin exclusive');
  } catch (cause) {
    db.close();
    const other = readLockOwner(home);
    throw new AppError(
      'db_locked',
      other
        ? `Another Herald (${other.purpose}, process ${other.pid}) owns ${home}. Stop it first, or talk to it with \`herald chat\`.`
        : `Another process owns ${home}. Stop it first.`,
      { cause },
    );
  }
  let current = owner;
  const save = () => writeFileAtomic(path.join(home, OWNER_FILE), JSON.stringify(current), 0o600);
  save();
  return {
    describe(more) {
      current = { ...current, ...more };
      save();
    },
    release() {
      fs.rmSync(path.join(home, OWNER_FILE), { force: true });
      db.close();
    },
  };
}

/** The live owner of `home`, or undefined when nobody holds the lock. */
export function findLiveOwner(home: string): LockOwner | undefined {
  const file = path.join(home, LOCK_FILE);
  if (!fs.existsSync(file)) return undefined;
  const db = new Database(file, { timeout: 0 });
  try {
    db.exec('begin exclusive; rollback');
    return undefined;
  } catch {
    return readLockOwner(home);
  } finally {
    db.close();
  }
}

function readLockOwner(home: string): LockOwner | undefined {
  try {
    const parsed = ownerSchema.safeParse(JSON.parse(fs.readFileSync(path.join(home, OWNER_FILE), 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined; // no owner file, or cut off in the middle: the lock alone decides
  }
}
