// Hearing of changes in a folder without asking.
import fs from 'node:fs';
import type { Clock } from '../../../shared/clock.ts';

/** A job that prints without end must not keep us busy. */
const QUIET_MS = 300;

/** Calls `onChange` soon after the first change, then at most every `QUIET_MS`. The folder may be gone: then nothing is heard. */
export function watchFolder(folder: string, onChange: () => void, clock: Clock): () => void {
  let cancel: (() => void) | undefined;
  let watcher: fs.FSWatcher | undefined;
  try {
    watcher = fs.watch(folder, { persistent: false }, () => {
      cancel ??= clock.after(QUIET_MS, () => {
        cancel = undefined;
        onChange();
      });
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // Not there (any more).
  }
  return () => {
    cancel?.();
    watcher?.close();
  };
}
