// Wrong codes are counted, and five of them close the door for an hour.
//
// Two counters per platform. `approve` counts wrong codes that somebody with the right to approve typed; when it locks, the platform
// hands out, approves and redeems no code. `redeem` counts wrong link codes that were sent from the platform, by anybody; when it locks
// only redeeming stops: a stranger who sends nonsense must not be able to keep the owner from approving people.
// A success resets `approve`. It does not reset `redeem`, where members could make their own successes; failures there, as on both,
// are forgotten an hour after the last one.
import type { ProcessDb, Query } from '../data/db.ts';
import { writeAudit } from '../data/process/audit.ts';
import {
  getPairingLock,
  listDeadCodes,
  listOpenCodes,
  setPairingLock,
  type LockSubject,
  type PairingCode,
} from '../data/process/pairing.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import { matchCodes, normalizeCode } from './codes.ts';

const MAX_FAILURES = 5;
const LOCK_MS = 60 * 60_000;
/** Dead codes of this age and younger are recognized, so that sending one again is not taken for guessing. */
const DEAD_CODE_MS = 24 * 60 * 60_000;
/** Bounds the hashing that one attempt costs. Open codes are few anyway: 3 per account, one link code per person, one owner code. */
const MAX_DEAD_CODES = 16;

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

/** Returns whether this one locked the subject. */
async function countFailure(db: ProcessDb, subject: LockSubject, now: number, query: Query): Promise<boolean> {
  const known = await getPairingLock(db, subject, query);
  const isStale = known.lockedUntil > 0 || known.failedAt + LOCK_MS <= now;
  const failures = (isStale ? 0 : known.failures) + 1;
  const locks = failures >= MAX_FAILURES;
  await setPairingLock(db, subject, { failures, failedAt: now, lockedUntil: locks ? now + LOCK_MS : 0 }, query);
  return locks;
}

export interface AttemptPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
}

/** The open code that was typed. isDead: it is one that was used, ended or ran out lately, and so no guess. */
export async function findCode(
  ports: AttemptPorts,
  typed: string,
  filter: { kinds: readonly PairingCode['kind'][]; platform: string | undefined },
): Promise<{ open: PairingCode | undefined; isDead: boolean }> {
  const code = normalizeCode(typed);
  if (code === undefined) return { open: undefined, isDead: false };
  const since = ports.clock.now() - DEAD_CODE_MS;
  const live = await listOpenCodes(ports.db, filter);
  const dead = await listDeadCodes(ports.db, { ...filter, since, limit: MAX_DEAD_CODES });
  const matches = await matchCodes([...live, ...dead], code);
  const open = matches.find((match) => live.includes(match));
  return { open, isDead: open === undefined && matches.length > 0 };
}

/** Counts one wrong code and writes it down, in the transaction of the attempt. */
export async function recordFailure(
  ports: AttemptPorts,
  subject: LockSubject,
  actor: string,
  trx: Query,
): Promise<void> {
  const isLocked = await countFailure(ports.db, subject, ports.clock.now(), trx);
  const action = isLocked ? 'pairing.locked' : 'pairing.wrong_code';
  await writeAudit(ports.db, { actor, action, subject: subject.platform, detail: { purpose: subject.purpose } }, trx);
  if (isLocked) ports.log.warn({ ...subject }, 'too many wrong pairing codes; locked for an hour');
}
