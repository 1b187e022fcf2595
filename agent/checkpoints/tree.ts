// What stands below a folder before and after a command. Files that look untouched (size, times, inode) are not read again; what .gitignore
// leaves out, .git, and large files are not covered.
import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import fs from 'node:fs/promises';
import nodePath from 'node:path';
import { z } from 'zod';
import { sha256Hex } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import { walkTree, type IgnoreSource } from '../tools/files/host/walk.ts';
import { lstatOf, type Blobs } from './blobs.ts';
import { writeWhole } from './manifests.ts';
import { ABSENT, equalState, stateSchema, type State } from './state.ts';

export interface TreeLimits {
  /** Files, folders and links. */
  maxEntries: number;
  /** Of all files. */
  maxBytes: number;
  /** Larger files are not covered. */
  maxFileBytes: number;
}

const knownSchema = z.strictObject({
  state: stateSchema,
  /** Looks of the file: size, times and inode; absent when the file may have changed without changing them. */
  looks: z.string().optional(),
});
type Known = z.infer<typeof knownSchema>;

const snapshotSchema = z.strictObject({
  root: z.string(),
  /** By path from the root on. */
  entries: z.array(z.tuple([z.string(), knownSchema])).transform((entries) => new Map(entries)),
  /** Files that are too large or cannot be read. */
  skipped: z.array(z.string()),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

/** Times of files advance in steps; a file that was changed within the last step may change again without showing it. */
const CLOCK_STEP_MS = 100;
const MAX_IGNORE_BYTES = 256 * 1024;

export interface Trees {
  /** Looks at everything below `root` and keeps its contents. A string: why it is not covered. */
  take(root: string, signal: AbortSignal): Promise<Snapshot | string>;
  /** The name of a file that holds the snapshot. */
  save(snapshot: Snapshot): Promise<string>;
  load(file: string): Promise<Snapshot | undefined>;
  /** What is different now. `partial`: why not all of it is known. */
  diff(before: Snapshot, signal: AbortSignal): Promise<{ changes: readonly TreeChange[]; partial: string | undefined }>;
  remove(file: string): Promise<void>;
  /** Hashes that the last snapshot of each root stands on. */
  latest(): Promise<readonly { file: string; snapshot: Snapshot; mtimeMs: number }[]>;
}

export interface TreeChange {
  /** Absolute. */
  path: string;
  before: State;
  /** Undefined: it cannot be told. */
  after: State | undefined;
}

export function makeTrees(dir: string, blobs: Blobs, limits: TreeLimits): Trees {
  const latestFile = (root: string) => `latest-${sha256Hex(root, 32)}.json`;

  async function load(file: string): Promise<Snapshot | undefined> {
    try {
      return snapshotSchema.parse(JSON.parse(await fs.readFile(nodePath.join(dir, file), 'utf8')));
    } catch {
      // Not there or damaged: everything is looked at anew.
      return undefined;
    }
  }

  /** Rejects with AppError `too_large` when the tree is above the limits. */
  async function look(
    root: string,
    known: Snapshot | undefined,
    how: { ignoreOf?: IgnoreSource; signal: AbortSignal },
  ): Promise<Snapshot> {
    const entries = new Map<string, Known>();
    const skipped: string[] = [];
    let count = 0;
    let bytes = 0;
    for await (const { path, kind } of walkTree(root, how.signal, how.ignoreOf)) {
      if (++count > limits.maxEntries) throw new AppError('too_large', `it has more than ${limits.maxEntries} files`);
      if (kind === 'other') continue;
      const full = nodePath.join(root, path);
      const stat = await fs.lstat(full, { bigint: true }).catch((): undefined => undefined);
      if (stat === undefined) continue;
      if (stat.isFile()) {
        if (stat.size > limits.maxFileBytes) {
          skipped.push(path);
          continue;
        }
        bytes += Number(stat.size);
        if (bytes > limits.maxBytes)
          throw new AppError('too_large', `its files have more than ${limits.maxBytes} bytes`);
      }
      const found = await lookAt(full, stat, known?.entries.get(path));
      if (found) entries.set(path, found);
      else if (await lstatOf(full)) skipped.push(path);
    }
    return { root, entries, skipped };
  }

  async function lookAt(path: string, stat: BigIntStats, known: Known | undefined): Promise<Known | undefined> {
    const looks = `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`;
    if (stat.isFile() && known?.state.kind === 'file' && known.looks === looks) return known;
    try {
      const state = await blobs.capture(path, false);
      const isFresh = Date.now() - Number(stat.ctimeNs / 1_000_000n) < CLOCK_STEP_MS;
      return { state, ...(state.kind === 'file' && !isFresh ? { looks } : {}) };
    } catch {
      // Gone, changed into something else meanwhile, or not ours to read.
      return undefined;
    }
  }

  /** The .gitignore files as they were: what a command stops ignoring was there before it. */
  function ignoreBefore(before: Snapshot): IgnoreSource {
    return async (folder) => {
      const name = folder === '' ? '.gitignore' : `${folder}/.gitignore`;
      const state = before.entries.get(name)?.state;
      if (state?.kind === 'file') return blobs.readText(state.hash, MAX_IGNORE_BYTES);
      const isNew = folder !== '' && !before.entries.has(folder);
      if (!isNew) return undefined;
      return fs.readFile(nodePath.join(before.root, name), 'utf8').catch((): undefined => undefined);
    };
  }

  return {
    load,
    async take(root, signal) {
      try {
        const snapshot = await look(root, await load(latestFile(root)), { signal });
        await writeWhole(nodePath.join(dir, latestFile(root)), snapshotJson(snapshot), false);
        return snapshot;
      } catch (error) {
        if (error instanceof AppError && error.code === 'too_large') return error.publicMessage;
        throw error;
      }
    },
    async save(snapshot) {
      const file = `pending-${randomBytes(8).toString('hex')}.json`;
      await writeWhole(nodePath.join(dir, file), snapshotJson(snapshot), true);
      return file;
    },
    async diff(before, signal) {
      try {
        const after = await look(before.root, before, { ignoreOf: ignoreBefore(before), signal });
        await writeWhole(nodePath.join(dir, latestFile(before.root)), snapshotJson(after), false);
        return { changes: await compare(before, after, blobs), partial: undefined };
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'too_large')) throw error;
        // What was there is put back all the same; what is new stays.
        const after: Snapshot = { root: before.root, entries: new Map(), skipped: [] };
        const changes = await compare(before, after, blobs);
        return { changes, partial: `${error.publicMessage} now: new files are not covered by undo` };
      }
    },
    remove: (file) => fs.rm(nodePath.join(dir, file), { force: true }),
    async latest() {
      const names = await fs.readdir(dir).catch((): string[] => []);
      const found: { file: string; snapshot: Snapshot; mtimeMs: number }[] = [];
      for (const file of names.filter((name) => name.endsWith('.json'))) {
        const snapshot = await load(file);
        const stat = await fs.stat(nodePath.join(dir, file)).catch((): undefined => undefined);
        if (snapshot && stat) found.push({ file, snapshot, mtimeMs: stat.mtimeMs });
      }
      return found;
    },
  };
}

function snapshotJson({ root, entries, skipped }: Snapshot): string {
  return JSON.stringify({ root, entries: [...entries], skipped });
}

async function compare(before: Snapshot, after: Snapshot, blobs: Blobs): Promise<readonly TreeChange[]> {
  const changes: TreeChange[] = [];
  for (const [path, { state }] of before.entries) {
    const full = nodePath.join(before.root, path);
    // What was not met on the way need not be gone: it may be ignored now, or large.
    const now = after.entries.get(path)?.state ?? (await blobs.capture(full, false).catch((): undefined => undefined));
    if (now === undefined || !equalState(state, now)) changes.push({ path: full, before: state, after: now });
  }
  const skipped = new Set(before.skipped);
  for (const [path, { state }] of after.entries)
    if (!before.entries.has(path) && !skipped.has(path))
      changes.push({ path: nodePath.join(before.root, path), before: ABSENT, after: state });
  return changes;
}
