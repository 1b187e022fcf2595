// What undoing comes to: which paths go back to what, and which are left alone because somebody else changed them since. Pure but for
// looking at the paths.
import { isWithin } from '../tools/files/paths.ts';
import { inspect } from './blobs.ts';
import type { Entry, Manifest } from './manifests.ts';
import type { Failure, Restoration } from './restore.ts';
import { equalState, sameState, type State } from './state.ts';

/** One path over several turns: what it was before the first of them, and what the last of them left. */
interface Span {
  path: string;
  before: State;
  after: State | undefined;
  planned: State | undefined;
  mixed: boolean;
}

/** The entries of `manifests` (oldest first) as one. */
function mergeEntries(manifests: readonly Manifest[]): readonly Span[] {
  const spans = new Map<string, Span>();
  for (const manifest of manifests)
    for (const { path, before, after, planned, mixed } of manifest.entries) {
      const earlier = spans.get(path);
      // Between two turns somebody else may have changed it: going back to the first would lose that.
      const isBroken = earlier !== undefined && (earlier.after === undefined || !sameState(earlier.after, before));
      spans.set(path, {
        path,
        before: earlier?.before ?? before,
        after,
        planned,
        mixed: (earlier?.mixed ?? false) || isBroken || mixed === true,
      });
    }
  return [...spans.values()];
}

export interface UndoPlan {
  items: readonly Restoration[];
  /** Left alone. */
  conflicts: readonly Failure[];
}

/** `force`: also what others changed since. */
export async function planUndo(manifests: readonly Manifest[], force: boolean): Promise<UndoPlan> {
  const items: Restoration[] = [];
  const conflicts: Failure[] = [];
  for (const span of mergeEntries(manifests)) {
    const now = await inspect(span.path).catch(() => 'unknown' as const);
    if (now === 'unknown') {
      conflicts.push({ path: span.path, reason: 'It cannot be looked at.' });
      continue;
    }
    if (equalState(now, span.before)) continue;
    const reason = force ? undefined : conflictOf(span, now);
    if (reason === undefined) items.push({ path: span.path, now, target: span.before });
    else conflicts.push({ path: span.path, reason });
  }
  return keepNeededFolders(items, conflicts);
}

function conflictOf({ before, after, planned, mixed }: Span, now: State): string | undefined {
  // Only permissions or nothing at all differ from what it was.
  if (sameState(now, before)) return undefined;
  if (after === undefined) return 'What the turn left there is not known.';
  const isOurs = sameState(now, after) || (planned !== undefined && sameState(now, planned));
  if (!isOurs) return 'It was changed since.';
  return mixed ? 'Somebody else changed it between two changes of the turn.' : undefined;
}

/** A folder that holds something that is left alone stays too; that is no conflict of its own. */
function keepNeededFolders(items: readonly Restoration[], conflicts: readonly Failure[]): UndoPlan {
  const stays = (item: Restoration) =>
    item.now.kind === 'folder' &&
    item.target.kind === 'absent' &&
    conflicts.some(({ path }) => isWithin(path, item.path));
  return { items: items.filter((item) => !stays(item)), conflicts };
}

/** What undoing changes, as entries of a manifest of its own. */
export function undoEntries(items: readonly Restoration[], kept: ReadonlyMap<string, State>): readonly Entry[] {
  return items.map(({ path, now, target }) => ({ path, before: kept.get(path) ?? now, after: target }));
}
