// Ids of rows: they sort in the order in which they were made, within one millisecond too, so that "oldest first" is `order by id`.
import { monotonicFactory } from 'ulid';

const next = monotonicFactory();

/** A new ULID. `now` in ms since the epoch; a clock that was set back does not take the order back with it. */
export function newRowId(now: number): string {
  return next(now);
}
