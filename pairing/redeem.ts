// A link or owner code that was sent from a platform: whose it is, and what becomes of the account that sent it.
import type { ProcessDb, Query } from '../data/db.ts';
import { writeAudit } from '../data/process/audit.ts';
import { useCode, type LockSubject, type PairingCode } from '../data/process/pairing.ts';
import {
  addIdentity,
  changePerson,
  createPerson,
  deletePerson,
  findOwner,
  findPerson,
  getPerson,
  isUnusedPerson,
  listIdentities,
  type Person,
} from '../data/process/people.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import { findCode, lockedForMs, recordFailure } from './attempts.ts';
import { displayName, keyOf, type Sender } from './people.ts';

export type RedeemResult =
  | { ok: true; person: Person; how: 'linked' | 'owner' }
  | { ok: false; reason: 'unknown_code' | 'locked' | 'already'; retryAfterMs?: number };

interface Ports {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
}

/** One attempt. Callers make them one after the other. */
export async function redeem(ports: Ports, typed: string, who: Sender): Promise<RedeemResult> {
  const { db, clock } = ports;
  const subject: LockSubject = { platform: who.platform, purpose: 'redeem' };
  const subjects: readonly LockSubject[] = [subject, { platform: who.platform, purpose: 'approve' }];
  const locked = await lockedForMs(db, subjects, clock.now());
  if (locked > 0) return { ok: false, reason: 'locked', retryAfterMs: locked };
  const found = await findCode(ports, typed, { kinds: ['link', 'owner'], platform: undefined });
  const result = await db.query.transaction().execute(async (trx): Promise<RedeemResult> => {
    const retryAfterMs = await lockedForMs(db, subjects, clock.now(), trx);
    if (retryAfterMs > 0) return { ok: false, reason: 'locked', retryAfterMs };
    const target = found.open && (await findTarget(ports, found.open, trx));
    if (!found.open || !target) {
      if (!found.isDead) await recordFailure(ports, subject, who.user, trx);
      return { ok: false, reason: 'unknown_code' };
    }
    const step = await decideJoin(db, target, await findPerson(db, who, trx), trx);
    if (step === 'refuse') return { ok: false, reason: 'already' };
    if (!(await useCode(db, found.open.id, trx))) return { ok: false, reason: 'unknown_code' };
    const person = await joinAccount(ports, { who, target, step }, trx);
    const how = found.open.kind === 'owner' ? 'owner' : 'linked';
    const detail = { platform: who.platform, user: who.user, step };
    await writeAudit(db, { actor: person.id, action: `pairing.${how}`, subject: person.id, detail }, trx);
    return { ok: true, person, how };
  });
  ports.log.info(
    { platform: who.platform, ok: result.ok, reason: result.ok ? undefined : result.reason },
    'code redeemed',
  );
  return result;
}

/** Whom a code joins its sender to. `new_owner`: nobody yet, the sender becomes the first owner. */
type Target = Person | 'new_owner';

async function findTarget(ports: Ports, code: PairingCode, trx: Query): Promise<Target | undefined> {
  if (code.kind === 'owner') return (await findOwner(ports.db, trx)) ?? 'new_owner';
  return code.person === null ? undefined : getPerson(ports.db, code.person, trx);
}

type JoinStep = 'add' | 'promote' | 'dissolve' | 'refuse';

/**
 * What a redeemed code does to the account that sent it.
 * add: it belongs to nobody · promote: it belongs to somebody, and there is no owner yet · dissolve: it belongs to a member or guest
 * who has nothing but this account, no message, note or turn: a person that an allowlist made at the first message, who loses nothing ·
 * refuse: it belongs to the target already, or to somebody whose history, other accounts or rights would be lost.
 */
async function decideJoin(db: ProcessDb, target: Target, holder: Person | undefined, trx: Query): Promise<JoinStep> {
  if (!holder) return 'add';
  if (target === 'new_owner') return 'promote';
  if (holder.id === target.id || holder.role === 'owner' || holder.role === 'admin') return 'refuse';
  const isAlone = (await listIdentities(db, { person: holder.id }, trx)).length === 1;
  return isAlone && (await isUnusedPerson(db, holder.id, trx)) ? 'dissolve' : 'refuse';
}

async function joinAccount(
  ports: Ports,
  join: { who: Sender; target: Target; step: Exclude<JoinStep, 'refuse'> },
  trx: Query,
): Promise<Person> {
  const { db } = ports;
  const holder = await findPerson(db, join.who, trx);
  if (join.step === 'promote' && holder) {
    await changePerson(db, holder.id, { role: 'owner' }, trx);
    return { ...holder, role: 'owner' };
  }
  const name = displayName(join.who);
  const person = join.target === 'new_owner' ? await createPerson(db, { name, role: 'owner' }, trx) : join.target;
  await addIdentity(db, { ...keyOf(join.who), person: person.id, name }, trx);
  if (join.step === 'dissolve' && holder) await deletePerson(db, holder.id, trx);
  return person;
}
