// Makes commits safe against a power cut. A commit by itself survives the end of the process (kill -9), but the last ones can be lost
// with the power; they are lost from the end, so what is there afterwards is always a state that was. Syncing at each commit would hold
// up the whole process for as long as the disk takes, ten times per message; one sync, on another thread, serves all who wait for it.
import fs from 'node:fs';
import { promisify } from 'node:util';
import { fileError } from './files.ts';

/** Resolves when the file's content is on the disk itself. */
export type SyncFile = (fd: number) => Promise<void>;

export interface Flusher {
  /** Something was committed. */
  committed(): void;
  /**
   * Resolves when all that was committed before this call survives a power cut; at once when it does already. Rejects with AppError
   * `disk_full` or `home_unwritable` when the disk failed; it is then tried again at the next call.
   */
  flush(): Promise<void>;
  /** Waits for a sync under way. Idempotent. */
  close(): Promise<void>;
}

/** Where each commit waits for the disk by itself. */
export const ALWAYS_FLUSHED: Flusher = {
  committed() {},
  flush: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

const fdatasync = promisify(fs.fdatasync);

/** `file` is the write-ahead log, which is there once something was committed. */
export function openFlusher(file: string, sync: SyncFile = fdatasync): Flusher {
  let fd: number | undefined;
  let isBehind = false;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function run(): Promise<void> {
    isBehind = false;
    try {
      // Not read-only: Windows syncs only what may be written.
      fd ??= fs.openSync(file, 'r+');
      await sync(fd);
    } catch (error) {
      isBehind = true;
      throw fileError(error, file);
    }
  }

  function begin(): Promise<void> {
    running = run().finally(() => (running = undefined));
    return running;
  }

  function flush(): Promise<void> {
    if (!running) return isBehind ? begin() : Promise.resolve();
    if (!isBehind) return running;
    // The one under way may have begun before the last commit.
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  }

  return {
    committed() {
      isBehind = true;
    },
    flush,
    async close() {
      await Promise.allSettled([running, next]);
      if (fd !== undefined) fs.closeSync(fd);
      fd = undefined;
    },
  };
}
