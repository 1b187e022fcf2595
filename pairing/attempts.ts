// Wrong codes are counted, and five of them close the door for an hour.
//
// Two counters per platform. `approve` counts wrong codes that somebody with the right to approve typed; when it locks, the platform
// hands out, approves and redeems no code. `redeem` counts wrong link codes that were sent from the platform, by anybody; when it locks
// only redeeming stops: a stranger who sends nonsense must not be able to keep the owner from approving people.
// A success resets `approve`. It does not reset `redeem`, where members could make their own successes; failures there, as on both,
// are forgotten an hour after the last one.
import type { ProcessDb, Query } from '../data/db.ts';
import { getPairingLock, setPairingLock, type LockSubject } from '../data/process/pairing.ts';

export const MAX_FAILURES = 5;
export const LOCK_MS = 60 * 60_000;

/** Platform name under which approvals that name no platform are counted. */
export const ANY_PLATFORM = '*';

/** Milliseconds until the first of `subjects` to be open opens last; 0 when none is locked. */
export async function lockedForMs(
  db: ProcessDb,
  subjects: readonly LockSubject[],
  now: number,
  query: Query = db.query,
): Promise<number> {
  let longest = 0;
  for (const subject of subjects) {
    const { lockedUntil } = await getPairingLock(db, subject, query);
    longest = Math.max(longest, lockedUntil - now);
  }
  return longest;
}

/** Counts one wrong code. Returns whether this one locked the subject. */
export async function countFailure(db: ProcessDb, subject: LockSubject, now: number, query: Query): Promise<boolean> {
  const known = await getPairingLock(db, subject, query);
  const isStale = known.lockedUntil > 0 || known.failedAt + LOCK_MS <= now;
  const failures = (isStale ? 0 : known.failures) + 1;
  const locks = failures >= MAX_FAILURES;
  await setPairingLock(db, subject, { failures, failedAt: now, lockedUntil: locks ? now + LOCK_MS : 0 }, query);
  return locks;
}
