// Which checkpoints go: by age, and by how much is kept in all. Contents that none of the rest needs go with them.
import type { Blobs } from './blobs.ts';
import type { Manifest, Manifests } from './manifests.ts';
import type { Snapshot, Trees } from './tree.ts';

export interface PruneLimits {
  maxAgeMs: number;
  /** Of all contents together. */
  maxBytes: number;
}

export interface Pruned {
  checkpoints: number;
  blobs: number;
  bytes: number;
}

interface Store {
  blobs: Blobs;
  manifests: Manifests;
  trees: Trees;
}

/** Younger ones may belong to a turn that is still running: only age lets them go. */
const MIN_AGE_MS = 60 * 60_000;

/** Nothing else may use the store meanwhile. */
export async function pruneStore(store: Store, limits: PruneLimits, now: number): Promise<Pruned> {
  const manifests = await store.manifests.all();
  const snapshots = await currentSnapshots(store.trees, { maxAgeMs: limits.maxAgeMs, now, manifests });
  const sizes = new Map((await store.blobs.list()).map(({ hash, bytes }) => [hash, bytes]));
  const uses = countUses(manifests, snapshots);
  let total = [...uses.keys()].reduce((sum, hash) => sum + (sizes.get(hash) ?? 0), 0);
  let checkpoints = 0;
  for (const manifest of manifests) {
    const age = now - manifest.at;
    if (age <= limits.maxAgeMs && (total <= limits.maxBytes || age < MIN_AGE_MS)) continue;
    await store.manifests.remove(manifest);
    checkpoints++;
    for (const hash of hashesOf(manifest)) {
      const left = (uses.get(hash) ?? 1) - 1;
      if (left > 0) uses.set(hash, left);
      else {
        uses.delete(hash);
        total -= sizes.get(hash) ?? 0;
      }
    }
  }
  let blobs = 0;
  let bytes = 0;
  for (const [hash, size] of sizes) {
    if (uses.has(hash)) continue;
    await store.blobs.remove(hash);
    blobs++;
    bytes += size;
  }
  return { checkpoints, blobs, bytes };
}

/** Snapshots that are still of use; old ones, and those of commands that nothing waits for, are removed. */
async function currentSnapshots(
  trees: Trees,
  { maxAgeMs, now, manifests }: { maxAgeMs: number; now: number; manifests: readonly Manifest[] },
): Promise<readonly Snapshot[]> {
  const pending = new Set(manifests.flatMap(({ tree }) => (tree ? [tree.file] : [])));
  const current: Snapshot[] = [];
  for (const { file, snapshot, mtimeMs } of await trees.latest()) {
    const isOfUse = file.startsWith('pending-') ? pending.has(file) : now - mtimeMs <= maxAgeMs;
    if (isOfUse) current.push(snapshot);
    else await trees.remove(file);
  }
  return current;
}

function countUses(manifests: readonly Manifest[], snapshots: readonly Snapshot[]): Map<string, number> {
  const uses = new Map<string, number>();
  const use = (hash: string) => uses.set(hash, (uses.get(hash) ?? 0) + 1);
  for (const manifest of manifests) for (const hash of hashesOf(manifest)) use(hash);
  for (const { entries } of snapshots)
    for (const { state } of entries.values()) if (state.kind === 'file') use(state.hash);
  return uses;
}

function hashesOf({ entries }: Manifest): readonly string[] {
  return entries.flatMap(({ before, after }) =>
    [before, after].flatMap((state) => (state?.kind === 'file' ? [state.hash] : [])),
  );
}
