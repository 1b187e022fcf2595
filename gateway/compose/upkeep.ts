// Once a day, and a while after the start: old ended rows are deleted, so that the database does not grow for ever.
import type { ProcessDb } from '../../data/db.ts';
import { pruneEnded } from '../../data/process/retention.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';

const FIRST_MS = 10 * 60_000;
const EVERY_MS = 24 * 3_600_000;

/** Returns the function that ends it. Does not keep the process alive. */
export function startUpkeep(input: { db: ProcessDb; clock: Clock; log: Logger }): () => void {
  let cancel = input.clock.after(FIRST_MS, run);
  function run(): void {
    cancel = input.clock.after(EVERY_MS, run);
    void pruneEnded(input.db).then(
      (count) => input.log.info({ count }, 'old rows deleted'),
      (error: unknown) => input.log.error({ err: error }, 'could not delete old rows; it is tried again tomorrow'),
    );
  }
  return () => cancel();
}
