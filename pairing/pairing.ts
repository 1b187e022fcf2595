// Pairing: how a platform account comes to belong to a person.
import { storedAddress } from '../data/process/chats.ts';
import type { ProcessDb, Query } from '../data/db.ts';
import { writeAudit } from '../data/process/audit.ts';
import {
  clearCodes,
  clearPairingLocks,
  insertPairingCode,
  lastCodeAt,
  listOpenCodes,
  useCode,
  type LockSubject,
  type PairingCode,
} from '../data/process/pairing.ts';
import {
  addIdentity,
  changePerson,
  createPerson,
  findOwner,
  findPerson,
  getPerson,
  listIdentities,
  removeIdentity,
  type IdentityKey,
  type Person,
} from '../data/process/people.ts';
import type { Clock } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import type { PersonId, UserId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import type { Address } from '../shared/messages.ts';
import { ANY_PLATFORM, findCode, lockedForMs, recordFailure } from './attempts.ts';
import { hashCode, makeCode } from './codes.ts';
import { displayName, keyOf, type Actor, type Sender } from './people.ts';
import { hasRole } from './policy.ts';
import { redeem, type RedeemResult } from './redeem.ts';

export type CodeRequest =
  | { ok: true; code: string; expiresAt: number }
  | { ok: false; reason: 'rate_limited' | 'too_many_pending' | 'locked' };

export type ApproveResult =
  | { ok: true; person: Person; identity: IdentityKey; name: string; address: Address | undefined; firstOwner: boolean }
  | { ok: false; reason: 'unknown_code' | 'locked'; retryAfterMs?: number };

export interface PendingRequest {
  platform: string;
  user: UserId;
  userName: string;
  createdAt: number;
  expiresAt: number;
}

export interface Pairing {
  /** A code for an unpaired sender of a DM. The code is shown to them and stored only as a salted hash. */
  requestCode(who: Sender, address: Address): Promise<CodeRequest>;
  /**
   * Approves the sender who was shown `code`; the first person ever approved becomes owner, later ones member. With `join`, the account
   * is another one of that person instead: whoever approves may join it to themselves, the command line to the owner.
   */
  approve(
    code: string,
    options: { platform?: string | undefined; by: PersonId | 'cli'; join?: PersonId | undefined },
  ): Promise<ApproveResult>;
  /** A code that joins another platform account to `person`: sent from there as `/link CODE`. Valid 1 h, single use. */
  createLinkCode(person: PersonId, from: IdentityKey): Promise<{ code: string; expiresAt: number }>;
  /** A single-use code that makes whoever redeems it the owner (or joins them to the existing owner). For the link printed at start. */
  createOwnerCode(): Promise<{ code: string; expiresAt: number }>;
  /** `/link CODE` from any account. */
  redeem(code: string, who: Sender): Promise<RedeemResult>;
  pending(platform?: string): Promise<readonly PendingRequest[]>;
  /** Takes an account's access away. Returns how many identities were removed. */
  revoke(platform: string, user: UserId, by: PersonId | 'cli'): Promise<number>;
  clearPending(platform?: string): Promise<number>;
}

const CODE_TTL_MS = 60 * 60_000;
const CODE_INTERVAL_MS = 10 * 60_000;
const MAX_PENDING = 3;

export interface PairingOptions {
  db: ProcessDb;
  clock: Clock;
  /** Default: 8 signs of the alphabet from the system's secure random source. */
  randomCode?: () => string;
  log: Logger;
}

type Ports = Required<PairingOptions>;

export function openPairing(options: PairingOptions): Pairing {
  const ports: Ports = { randomCode: makeCode, ...options };
  let tail: Promise<unknown> = Promise.resolve();
  // Attempts run one after the other: of many at the same time only the first five are hashed and compared. (The transactions would
  // keep the count right without this; it bounds the work.)
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const run = tail.then(work);
    tail = run.catch(() => undefined);
    return run;
  };
  return {
    requestCode: (who, address) => inTurn(() => requestCode(ports, who, address)),
    approve: (code, approval) => inTurn(() => approve(ports, code, approval)),
    createLinkCode: (person, from) => inTurn(() => createLinkCode(ports, person, from)),
    createOwnerCode: () => inTurn(() => createOwnerCode(ports)),
    redeem: (code, who) => inTurn(() => redeem(ports, code, who)),
    pending: (platform) => listPending(ports, platform),
    revoke: (platform, user, by) => inTurn(() => revoke(ports, { platform, user, by })),
    clearPending: (platform) => inTurn(() => clearPending(ports, platform)),
  };
}

async function requestCode(ports: Ports, who: Sender, address: Address): Promise<CodeRequest> {
  if (address.kind !== 'dm')
    throw new AppError('not_allowed', 'Pairing codes are given in direct messages only. Write to me in private.');
  const { db, clock } = ports;
  const refuse = async (query: Query): Promise<CodeRequest | undefined> => {
    const now = clock.now();
    if ((await lockedForMs(db, [{ platform: who.platform, purpose: 'approve' }], now, query)) > 0)
      return { ok: false, reason: 'locked' };
    const last = await lastCodeAt(db, { kind: 'pair', ...keyOf(who) }, query);
    if (last > 0 && now < last + CODE_INTERVAL_MS) return { ok: false, reason: 'rate_limited' };
    const open = await listOpenCodes(db, { kinds: ['pair'], platform: who.platform }, query);
    if (open.filter((code) => code.account === who.account).length >= MAX_PENDING)
      return { ok: false, reason: 'too_many_pending' };
    return undefined;
  };
  const early = await refuse(db.query);
  if (early) return early;
  const code = ports.randomCode();
  const hashed = await hashCode(code);
  return db.query.transaction().execute(async (trx): Promise<CodeRequest> => {
    const late = await refuse(trx);
    if (late) return late;
    const createdAt = clock.now();
    const expiresAt = createdAt + CODE_TTL_MS;
    const owner = { ...keyOf(who), userName: displayName(who), person: null, address: JSON.stringify(address) };
    await insertPairingCode(db, { kind: 'pair', ...owner, ...hashed, createdAt, expiresAt }, trx);
    return { ok: true, code, expiresAt };
  });
}

async function approve(
  ports: Ports,
  typed: string,
  { platform, by, join }: { platform?: string | undefined; by: Actor; join?: PersonId | undefined },
): Promise<ApproveResult> {
  const { db, clock } = ports;
  await requireApprover(db, by);
  if (join !== undefined && by !== 'cli' && by !== join)
    throw new AppError('not_allowed', 'You can join an account to yourself only. Nobody was let in.');
  const subject: LockSubject = { platform: platform ?? ANY_PLATFORM, purpose: 'approve' };
  const locked = await lockedForMs(db, [subject], clock.now());
  if (locked > 0) return { ok: false, reason: 'locked', retryAfterMs: locked };
  const found = await findCode(ports, typed, { kinds: ['pair'], platform });
  const result = await db.query.transaction().execute(async (trx): Promise<ApproveResult> => {
    // Without a platform, the code's own one must be open too.
    const subjects = found.open ? [subject, { ...subject, platform: found.open.platform }] : [subject];
    const retryAfterMs = await lockedForMs(db, subjects, clock.now(), trx);
    if (retryAfterMs > 0) return { ok: false, reason: 'locked', retryAfterMs };
    if (found.open && (await useCode(db, found.open.id, trx))) {
      const approved = await admitCode(ports, { code: found.open, by, join }, trx);
      for (const one of subjects) await clearPairingLocks(db, one, trx);
      return approved;
    }
    if (!found.isDead) await recordFailure(ports, subject, by, trx);
    return { ok: false, reason: 'unknown_code' };
  });
  ports.log.info({ platform, by, ok: result.ok, reason: result.ok ? undefined : result.reason }, 'pairing approval');
  return result;
}

/** The sender who was shown `code` becomes a person, or stays the one that their account belongs to by now. */
async function admitCode(
  ports: Ports,
  approval: { code: PairingCode; by: Actor; join: PersonId | undefined },
  trx: Query,
): Promise<ApproveResult> {
  const { db } = ports;
  const { code, by, join } = approval;
  if (code.account === '' || code.user === '') throw new AppError('internal', 'A pairing code without an account.');
  const identity: IdentityKey = { platform: code.platform, account: code.account, user: code.user };
  const firstOwner = (await findOwner(db, trx)) === undefined;
  const known = await findPerson(db, identity, trx);
  const role = firstOwner ? 'owner' : 'member';
  const joined = known || join === undefined ? undefined : await getPerson(db, join, trx);
  const person = known ?? joined ?? (await createPerson(db, { name: code.userName, role }, trx));
  if (!known) await addIdentity(db, { ...identity, person: person.id, name: code.userName }, trx);
  else if (firstOwner) await changePerson(db, known.id, { role }, trx);
  const detail = { platform: code.platform, user: code.user, firstOwner, joined: joined !== undefined };
  await writeAudit(db, { actor: by, action: 'pairing.approve', subject: person.id, detail }, trx);
  return {
    ok: true,
    person: firstOwner ? { ...person, role } : person,
    identity,
    name: code.userName,
    address: parseAddress(code.address),
    firstOwner,
  };
}

async function createLinkCode(ports: Ports, person: PersonId, from: IdentityKey) {
  const known = await getPerson(ports.db, person);
  if (!known) throw new AppError('not_found', 'Only somebody who is paired can link another account.');
  return replaceCode(ports, { kind: 'link', ...keyOf(from), userName: known.name, person });
}

async function createOwnerCode(ports: Ports) {
  return replaceCode(ports, { kind: 'owner', platform: '', account: '', user: '', userName: '', person: null });
}

/** A new link or owner code; the one before it dies, so that at most one is open at a time. */
async function replaceCode(
  ports: Ports,
  row: Pick<PairingCode, 'kind' | 'platform' | 'account' | 'user' | 'userName' | 'person'>,
): Promise<{ code: string; expiresAt: number }> {
  const { db, clock } = ports;
  const code = ports.randomCode();
  const hashed = await hashCode(code);
  return db.query.transaction().execute(async (trx) => {
    const createdAt = clock.now();
    const expiresAt = createdAt + CODE_TTL_MS;
    await clearCodes(db, { kind: row.kind, person: row.person ?? undefined }, trx);
    await insertPairingCode(db, { ...row, ...hashed, address: null, createdAt, expiresAt }, trx);
    const subject = row.person ?? 'owner';
    await writeAudit(db, { actor: row.person ?? 'gateway', action: `pairing.${row.kind}_code`, subject }, trx);
    return { code, expiresAt };
  });
}

async function listPending(ports: Ports, platform?: string): Promise<readonly PendingRequest[]> {
  const codes = await listOpenCodes(ports.db, { kinds: ['pair'], platform });
  return codes.flatMap(({ platform: on, user, userName, createdAt, expiresAt }) =>
    user === '' ? [] : [{ platform: on, user, userName, createdAt, expiresAt }],
  );
}

async function revoke(ports: Ports, { platform, user, by }: { platform: string; user: UserId; by: Actor }) {
  const { db } = ports;
  await requireApprover(db, by);
  return db.query.transaction().execute(async (trx) => {
    const identities = await listIdentities(db, { platform, user }, trx);
    const holders = new Set(identities.map((identity) => identity.person));
    for (const holder of holders) {
      if (by !== 'cli') await requireMayRevoke(db, { holder, platform, user, by }, trx);
      // A link code that was made before would let the account back in.
      await clearCodes(db, { kind: 'link', person: holder }, trx);
    }
    await clearCodes(db, { kind: 'pair', platform, user }, trx);
    const removed = await removeIdentity(db, platform, user, trx);
    const detail = { platform, removed, persons: [...holders] };
    await writeAudit(db, { actor: by, action: 'pairing.revoke', subject: user, detail }, trx);
    return removed;
  });
}

/** From a chat nobody takes an owner's access away but an owner, and the last account of an owner stays. */
async function requireMayRevoke(
  db: ProcessDb,
  { holder, platform, user, by }: { holder: PersonId; platform: string; user: UserId; by: PersonId },
  trx: Query,
): Promise<void> {
  if ((await getPerson(db, holder, trx))?.role !== 'owner') return;
  if ((await getPerson(db, by, trx))?.role !== 'owner')
    throw new AppError('not_allowed', "Only an owner may revoke an owner's account. Nothing was changed.");
  const others = (await listIdentities(db, { person: holder }, trx)).filter(
    (identity) => identity.platform !== platform || identity.user !== user,
  );
  if (others.length === 0)
    throw new AppError(
      'not_allowed',
      'This is the last account of an owner. Nothing was changed; `herald pairing revoke` on the machine can do it.',
    );
}

async function clearPending(ports: Ports, platform?: string): Promise<number> {
  const { db } = ports;
  return db.query.transaction().execute(async (trx) => {
    const cleared = await clearCodes(db, { kind: 'pair', platform }, trx);
    // No code is left that the lock could protect, so it goes too: the way out for somebody who mistyped five times.
    await clearPairingLocks(db, { purpose: 'approve', platform }, trx);
    const detail = { cleared };
    await writeAudit(db, { actor: 'gateway', action: 'pairing.clear', subject: platform ?? ANY_PLATFORM, detail }, trx);
    return cleared;
  });
}

async function requireApprover(db: ProcessDb, by: Actor): Promise<void> {
  const person = by === 'cli' ? undefined : await getPerson(db, by);
  if (by === 'cli' || (person && hasRole(person.role, 'admin'))) return;
  throw new AppError('not_allowed', 'Only an owner or admin may decide who is paired. Nothing was changed.');
}

function parseAddress(json: string | null): Address | undefined {
  return json === null ? undefined : storedAddress.parse(JSON.parse(json));
}
