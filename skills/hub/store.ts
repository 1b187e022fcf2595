// Changes to what is installed, so that a kill at any moment leaves the old skill or the new one. The intent is one file: before it is there
// nothing has happened, and once it is there the change is carried out, by whoever comes next.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ensureDir, fileError, writeFileAtomic } from '../../data/files.ts';
import { takeWriterLock, type WriterLock } from '../../data/lock.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { SKILL_NAME } from '../format.ts';
import { hubFolders, lockEntrySchema, parseJson, readLock, readText, writeLock, type HubFolders } from './record.ts';
import type { SkillFiles } from './types.ts';

const LOCK_ATTEMPTS = 8;
const LOCK_WAIT_MS = 250;

const inner = z.string().regex(/^(?:hub\/(?:quarantine|previous|archive)\/)[A-Za-z0-9._-]+$/);
const intentSchema = z.object({
  name: z.string().regex(SKILL_NAME),
  /** Becomes the installed folder; without it the skill is taken away. */
  staged: inner.optional(),
  /** Where the folder goes that is installed now. */
  keep: inner,
  entry: lockEntrySchema.optional(),
});
type Intent = z.infer<typeof intentSchema>;

/** A moment at which a test may end the process. */
export type Step = 'staged' | 'intended' | 'set-aside' | 'moved' | 'recorded' | 'done';

export interface StoreDeps {
  home: string;
  clock: Clock;
  /** For tests of crashes. */
  reached?: ((step: Step) => void) | undefined;
}

export interface Store {
  folders: HubFolders;
  /** Writes `files` into quarantine; resolves with the folder, below the folder of skills. */
  stage(files: SkillFiles): string;
  discard(staged: string): void;
  /** Carries out one change; afterwards the old folder is at `keep`. */
  swap(intent: Intent): void;
  /** A name for a folder that is not there yet. */
  newFolder(kind: 'quarantine' | 'previous' | 'archive', name: string): string;
}

/** Changes under way in this process, by home: waiting for the file lock would keep it from ending the one that holds it. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `work` as the only one that changes skills of this home, in this process or another, after ending what a crash interrupted.
 * Rejects with AppError `db_locked` when another one does not end.
 */
export async function withStore<Result>(deps: StoreDeps, work: (store: Store) => Promise<Result>): Promise<Result> {
  const before = queues.get(deps.home) ?? Promise.resolve();
  const mine = before.then(() => runAlone(deps, work));
  const settled = mine.then(
    () => {},
    () => {},
  );
  queues.set(deps.home, settled);
  try {
    return await mine;
  } finally {
    if (queues.get(deps.home) === settled) queues.delete(deps.home);
  }
}

async function runAlone<Result>(deps: StoreDeps, work: (store: Store) => Promise<Result>): Promise<Result> {
  const folders = hubFolders(deps.home);
  for (const folder of [folders.installed, folders.quarantine, folders.previous, folders.archive]) ensureDir(folder);
  const lock = await takeLock(folders, deps.clock);
  try {
    recover(folders);
    return await work(makeStore(folders, deps.reached ?? (() => {})));
  } finally {
    lock.release();
  }
}

/** Each attempt waits a quarter of a second by itself. */
async function takeLock({ hub }: HubFolders, clock: Clock): Promise<WriterLock> {
  for (let attempt = 1; ; attempt++) {
    try {
      return takeWriterLock(hub, { pid: process.pid, startedAt: clock.now(), purpose: 'skills' });
    } catch (cause) {
      if (!(cause instanceof AppError) || cause.code !== 'db_locked') throw cause;
      if (attempt === LOCK_ATTEMPTS)
        throw new AppError('db_locked', 'Another command changes the installed skills. Try again when it has ended.', {
          retryable: true,
          cause,
        });
      await clock.sleep(LOCK_WAIT_MS);
    }
  }
}

function makeStore(folders: HubFolders, reached: (step: Step) => void): Store {
  const newFolder: Store['newFolder'] = (kind, name) => `hub/${kind}/${name}-${randomBytes(6).toString('hex')}`;
  return {
    folders,
    newFolder,
    stage(files) {
      const staged = newFolder('quarantine', 'skill');
      const top = path.join(folders.root, staged);
      ensureDir(top);
      for (const [file, content] of files) {
        const full = path.join(top, ...file.split('/'));
        ensureDir(path.dirname(full));
        writeSynced(full, content);
      }
      reached('staged');
      return staged;
    },
    discard(staged) {
      // A change that stopped half-way still needs what is staged.
      if (!fs.existsSync(intentFile(folders))) remove(path.join(folders.root, staged));
    },
    swap(intent) {
      writeFileAtomic(intentFile(folders), JSON.stringify(intent));
      reached('intended');
      carryOut(folders, intent, reached);
    },
  };
}

/** Ends an interrupted change and empties the quarantine. The caller holds the lock. */
function recover(folders: HubFolders): void {
  const text = readText(intentFile(folders));
  if (text !== undefined) {
    const intent = intentSchema.safeParse(parseJson(text));
    if (!intent.success)
      throw new AppError(
        'bad_input',
        `${intentFile(folders)} is damaged: an interrupted change of a skill cannot be ended. Delete the file and install that skill again.`,
        { cause: intent.error },
      );
    carryOut(folders, intent.data, () => {});
  }
  for (const name of fs.readdirSync(folders.quarantine)) remove(path.join(folders.quarantine, name));
}

/** Each step does nothing when it was done before. */
function carryOut(folders: HubFolders, { name, staged, keep, entry }: Intent, reached: (step: Step) => void): void {
  const installed = path.join(folders.installed, name);
  const kept = path.join(folders.root, keep);
  const next = staged === undefined ? undefined : path.join(folders.root, staged);
  try {
    // While the new folder waits, what is installed is the old one.
    if ((next === undefined || fs.existsSync(next)) && fs.existsSync(installed)) {
      ensureDir(path.dirname(kept));
      fs.renameSync(installed, kept);
    }
    reached('set-aside');
    if (next !== undefined && fs.existsSync(next)) fs.renameSync(next, installed);
    reached('moved');
  } catch (error) {
    throw fileError(error, installed);
  }
  const entries = new Map(readLock(folders));
  const before = entries.get(name)?.previous?.folder;
  if (entry) entries.set(name, entry);
  else entries.delete(name);
  writeLock(folders, entries);
  reached('recorded');
  fs.rmSync(intentFile(folders), { force: true });
  reached('done');
  // The version before the last: nothing leads to it any more. After a removal it stays, next to what was archived.
  if (entry && before !== undefined && before !== entry.previous?.folder) remove(path.join(folders.root, before));
}

function intentFile({ hub }: HubFolders): string {
  return path.join(hub, 'pending.json');
}

function remove(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true });
}

function writeSynced(file: string, content: Uint8Array): void {
  try {
    const fd = fs.openSync(file, 'wx', 0o600);
    try {
      fs.writeFileSync(fd, content);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw fileError(error, file);
  }
}

/** Ends what a crash interrupted, when there is something. For those who only read. */
export async function recoverIfNeeded(deps: StoreDeps): Promise<void> {
  if (fs.existsSync(intentFile(hubFolders(deps.home)))) await withStore(deps, () => Promise.resolve());
}
