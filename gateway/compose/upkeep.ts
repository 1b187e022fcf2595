// Once a day, and a while after the start: old ended rows, the old history of jobs and old states of files are deleted, so that the data does not grow for ever.
import type { ProcessDb } from '../../data/db.ts';
import { pruneEnded } from '../../data/process/retention.ts';
import { pruneRuns } from '../../data/process/schedule/prune.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';

const FIRST_MS = 10 * 60_000;
const EVERY_MS = 24 * 3_600_000;

export interface UpkeepInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  /** Deletes what files were before turns that are long past. */
  pruneFiles(): Promise<void>;
  /** Decides about skills what only time decides, and puts unused ones away. */
  curate(): Promise<void>;
}

/** Returns the function that ends it. Does not keep the process alive. */
export function startUpkeep({ db, clock, log, pruneFiles, curate }: UpkeepInput): () => void {
  let cancel = clock.after(FIRST_MS, run);
  function run(): void {
    cancel = clock.after(EVERY_MS, run);
    void prune(db).then(
      (count) => log.info({ count }, 'old rows deleted'),
      (error: unknown) => log.error({ err: error }, 'could not delete old rows; it is tried again tomorrow'),
    );
    void pruneFiles().catch((error: unknown) =>
      log.error({ err: error }, 'could not delete old states of files; it is tried again tomorrow'),
    );
    void curate().catch((error: unknown) => log.error({ err: error }, 'skills were not looked after today'));
  }
  return () => cancel();
}

async function prune(db: ProcessDb): Promise<number> {
  return (await pruneEnded(db)) + (await pruneRuns(db));
}
