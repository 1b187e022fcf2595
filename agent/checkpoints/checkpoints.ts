// Undo for files. Before a turn changes a path for the first time, what stands there is kept; `undo` puts it back where nothing else has
// touched it since, and can be undone itself. Each step is on disk before the change that it is about, so a kill at any point leaves a
// store that can undo.
import nodePath from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { SpaceId, TurnId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { resolveNow } from '../tools/files/host/local.ts';
import { inspect, lstatOf, makeBlobs } from './blobs.ts';
import { makeManifests, spaceOf, type Entry, type Manifest } from './manifests.ts';
import { pruneStore, type Pruned, type PruneLimits } from './prune.ts';
import { restoreAll, type Failure } from './restore.ts';
import { ABSENT, sameState, type State } from './state.ts';
import { makeTrees, type TreeLimits } from './tree.ts';
import { planUndo, undoEntries } from './undo.ts';

const DEFAULT_LIMITS: TreeLimits = {
  maxEntries: 5_000,
  maxBytes: 100 * 1024 * 1024,
  maxFileBytes: 5 * 1024 * 1024,
};

export interface CheckpointsDeps {
  /** Folder of the store; made when it is needed. */
  dir: string;
  clock: Clock;
  log: Logger;
  /** Of the trees that commands run in. Default: 5,000 entries, 100 MB, 5 MB a file. */
  treeLimits?: Partial<TreeLimits>;
}

export interface Checkpoint {
  /** Of the turn, or of the undoing. For `undo`. */
  id: string;
  /** Milliseconds since the Unix epoch. */
  at: number;
  paths: readonly string[];
  /** True when it has been undone. */
  isUndone: boolean;
  /** True for an undoing; to undo it is to redo. */
  isUndo: boolean;
}

export interface UndoResult {
  /** To undo the undoing with; undefined when nothing was changed. */
  checkpoint: string | undefined;
  restored: readonly string[];
  /** What was left alone, and why. */
  conflicts: readonly Failure[];
}

export interface TreeCover {
  isCovered: boolean;
  /** What undo will not bring back, in words for the result of the command; undefined when it will bring back everything. */
  note: string | undefined;
}

export interface UndoOptions {
  /** Also what others have changed since; their content is kept. Default false. */
  force?: boolean;
}

/** All of it rejects with AppError, and waits for other work on the same store. */
export interface Checkpoints {
  /**
   * Keeps what stands at the absolute `path` before `turn` changes it. `nextHash`: SHA-256 of what will be there, null when it will be
   * removed, absent when that is not known before `settle`. Once it rejects, nothing may be changed. Idempotent.
   */
  keep(turn: TurnId, space: SpaceId, path: string, nextHash?: string | null): Promise<void>;
  /** Keeps everything below `root` before a command of `turn` may change it; `settle` then finds what it changed. */
  snapshotTree(turn: TurnId, space: SpaceId, root: string, signal?: AbortSignal): Promise<TreeCover>;
  /** Notes what the turn has left. After each command, and at the end of the turn. Idempotent. */
  settle(turn: TurnId, signal?: AbortSignal): Promise<TreeCover>;
  /** Puts back what the turn, or an undoing, of this space changed. Rejects with `not_found` when nothing is kept of it. */
  undo(space: SpaceId, id: string, options?: UndoOptions): Promise<UndoResult>;
  /** Undoes `turn` and every later turn of the space, as one. Rejects as `undo`. */
  rollbackTo(space: SpaceId, turn: TurnId, options?: UndoOptions): Promise<UndoResult>;
  /** Newest first. */
  list(space: SpaceId): Promise<readonly Checkpoint[]>;
  prune(limits: PruneLimits): Promise<Pruned>;
}

export function openCheckpoints({ dir, clock, log, treeLimits }: CheckpointsDeps): Checkpoints {
  const blobs = makeBlobs(nodePath.join(dir, 'blobs'));
  const manifests = makeManifests(
    nodePath.join(dir, 'turns'),
    () => clock.now(),
    (file) => log.warn({ file }, 'a damaged checkpoint is left out'),
  );
  const trees = makeTrees(nodePath.join(dir, 'trees'), blobs, { ...DEFAULT_LIMITS, ...treeLimits });
  const inTurn = makeQueue();
  const never = new AbortController().signal;

  async function keep(turn: string, space: SpaceId, named: string, nextHash?: string | null): Promise<void> {
    const path = nodePath.join(resolveNow(nodePath.dirname(named)).real, nodePath.basename(named));
    const manifest = (await manifests.find(turn, space)) ?? (await manifests.begin(turn, space));
    const now = await blobs.capture(path, true);
    if (now.kind === 'folder') throw new AppError('bad_input', `${path} is a folder. It was left alone.`);
    const after = plannedState(now, nextHash);
    for (const folder of nextHash === null ? [] : await missingFolders(path))
      addEntry(manifest, { path: folder, before: ABSENT, after: { kind: 'folder', mode: 0o755 } });
    addEntry(manifest, { path, before: now, after });
    await manifests.write(manifest);
  }

  async function snapshotTree(turn: string, space: SpaceId, named: string, signal = never): Promise<TreeCover> {
    const root = resolveNow(named).real;
    const earlier = (await manifests.find(turn, space)) ?? (await manifests.begin(turn, space));
    const manifest = earlier.tree ? (await settleManifest(earlier, signal)).manifest : earlier;
    const snapshot = await trees.take(root, signal);
    if (typeof snapshot === 'string')
      return { isCovered: false, note: `Changes of files are not covered by undo: ${snapshot}.` };
    await manifests.write({ ...manifest, tree: { root, file: await trees.save(snapshot) } });
    return { isCovered: true, note: skippedNote(snapshot.skipped) };
  }

  async function settleManifest(
    manifest: Manifest,
    signal: AbortSignal,
  ): Promise<{ manifest: Manifest; note: string | undefined }> {
    const { tree, ...rest } = manifest;
    const settled: Manifest = { ...rest, entries: [...manifest.entries] };
    let note: string | undefined;
    if (tree) {
      const before = await trees.load(tree.file);
      const { changes, partial } = before
        ? await trees.diff(before, signal)
        : { changes: [], partial: 'What was there before the command is lost' };
      for (const change of changes) addEntry(settled, change);
      note = partial && `${partial}.`;
    }
    for (const [i, entry] of settled.entries.entries()) {
      if (entry.after !== undefined) continue;
      const now = await inspect(entry.path);
      if (now !== 'unknown') settled.entries[i] = { ...entry, after: now };
    }
    await manifests.write(settled);
    if (tree) await trees.remove(tree.file);
    return { manifest: settled, note };
  }

  async function settle(turn: string, signal = never): Promise<TreeCover> {
    const manifest = await manifests.find(turn);
    const isOpen = manifest?.tree !== undefined || manifest?.entries.some((entry) => entry.after === undefined);
    if (!manifest || isOpen !== true) return { isCovered: true, note: undefined };
    const { note } = await settleManifest(manifest, signal);
    return { isCovered: note === undefined, note };
  }

  /** Undoes `chosen`, of one space and oldest first, as one change that can be undone. */
  async function undoAll(chosen: readonly Manifest[], options: UndoOptions): Promise<UndoResult> {
    const first = chosen[0];
    if (!first) throw new AppError('not_found', 'Nothing is kept of that any more. No file was changed.');
    const settled: Manifest[] = [];
    // A turn that was killed has not said what it left: what is there now counts as that.
    for (const one of chosen) settled.push(one.tree ? (await settleManifest(one, never)).manifest : one);
    const { items, conflicts } = await planUndo(settled, options.force ?? false);
    if (items.length === 0) return { checkpoint: undefined, restored: [], conflicts };
    const kept = new Map<string, State>();
    for (const { path } of items) kept.set(path, await blobs.capture(path, true));
    const started = await manifests.list(spaceOf(first));
    const undoing = await manifests.begin(`undo-${first.id}-${started.length}-${clock.now()}`, spaceOf(first));
    undoing.undoes = settled.map(({ id }) => id);
    undoing.entries.push(...undoEntries(items, kept));
    await manifests.write(undoing);
    const failures = await restoreAll(items, blobs);
    for (const one of settled) await manifests.write({ ...one, undoneBy: undoing.id });
    await markRedone(settled);
    const failed = new Set(failures.map(({ path }) => path));
    const restored = items.map(({ path }) => path).filter((path) => !failed.has(path));
    log.info({ restored: restored.length, conflicts: conflicts.length + failures.length }, 'files put back');
    return { checkpoint: undoing.id, restored, conflicts: [...conflicts, ...failures] };
  }

  /** To undo an undoing brings the turns back that it undid. */
  async function markRedone(undone: readonly Manifest[]): Promise<void> {
    for (const id of undone.flatMap((one) => one.undoes ?? [])) {
      const turn = await manifests.find(id);
      if (!turn) continue;
      const { undoneBy: _undoing, ...redone } = turn;
      await manifests.write(redone);
    }
  }

  return {
    keep: (turn, space, path, nextHash) => inTurn(() => keep(turn, space, path, nextHash)),
    snapshotTree: (turn, space, root, signal) => inTurn(() => snapshotTree(turn, space, root, signal)),
    settle: (turn, signal) => inTurn(() => settle(turn, signal)),
    undo: (space, id, options = {}) =>
      inTurn(async () => {
        const manifest = await manifests.find(id, space);
        return undoAll(manifest ? [manifest] : [], options);
      }),
    rollbackTo: (space, turn, options = {}) =>
      inTurn(async () => {
        const all = await manifests.list(space);
        const from = all.find(({ id }) => id === turn)?.seq ?? Infinity;
        const turns = all.filter((one) => one.seq >= from && !one.undoes && one.undoneBy === undefined);
        return undoAll(turns, options);
      }),
    list: (space) => inTurn(async () => (await manifests.list(space)).toReversed().map(describe)),
    prune: (limits) => inTurn(() => pruneStore({ blobs, manifests, trees }, limits, clock.now())),
  };
}

/** One thing after the other: steps are short, and a store that changes while it is pruned could lose what is being kept. */
function makeQueue(): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}

/** The first content counts as what was before the turn, the last one as what it left. */
function addEntry(manifest: Manifest, entry: Entry | { path: string; before: State; after: State | undefined }): void {
  const at = manifest.entries.findIndex(({ path }) => path === entry.path);
  const known = manifest.entries[at];
  const { after } = entry;
  if (!known) {
    manifest.entries.push({ path: entry.path, before: entry.before, ...(after ? { after } : {}) });
    return;
  }
  const isMixed =
    known.after !== undefined && !sameState(known.after, entry.before) && !sameState(known.before, entry.before);
  manifest.entries[at] = {
    path: known.path,
    before: known.before,
    ...(after ? { after } : {}),
    ...(sameState(entry.before, known.before) ? {} : { planned: entry.before }),
    ...(isMixed || known.mixed === true ? { mixed: true } : {}),
  };
}

function plannedState(now: State, nextHash: string | null | undefined): State | undefined {
  if (nextHash === undefined) return undefined;
  if (nextHash === null) return ABSENT;
  return { kind: 'file', hash: nextHash, mode: now.kind === 'file' ? now.mode : 0o644 };
}

/** Folders above `path` that are not there, the topmost first: writing the file makes them. */
async function missingFolders(path: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let at = nodePath.dirname(path); (await lstatOf(at)) === undefined; at = nodePath.dirname(at)) {
    if (nodePath.dirname(at) === at) break;
    missing.unshift(at);
  }
  return missing;
}

function skippedNote(skipped: readonly string[]): string | undefined {
  if (skipped.length === 0) return undefined;
  const more = skipped.length > 5 ? ` and ${skipped.length - 5} more` : '';
  return `Not covered by undo, because too large or not readable: ${skipped.slice(0, 5).join(', ')}${more}.`;
}

function describe({ id, at, entries, undoneBy, undoes }: Manifest): Checkpoint {
  return {
    id,
    at,
    paths: entries.map(({ path }) => path),
    isUndone: undoneBy !== undefined,
    isUndo: undoes !== undefined,
  };
}
