// Ids of rows: they sort in the order in which they were made, within one millisecond too, so that "oldest first" is `order by id`.
import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';

/** Random bytes are fetched many at a time: an id takes 16, and by default each is a call of its own. */
const bytes = new Uint8Array(512);
let used = bytes.length;

function randomFraction(): number {
  if (used === bytes.length) {
    randomFillSync(bytes);
    used = 0;
  }
  return (bytes[used++] ?? 0) / 256;
}

const next = monotonicFactory(randomFraction);

/** A new ULID. `now` in ms since the epoch; a clock that was set back does not take the order back with it. */
export function newRowId(now: number): string {
  return next(now);
}
