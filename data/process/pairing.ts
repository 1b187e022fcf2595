// Rows of pairing codes and of the lock after failed approvals. The rules are in pairing/; the codes themselves are never stored.
import type { Selectable } from 'kysely';
import type { AccountId, PersonId, UserId } from '../../shared/ids.ts';
import type { ProcessDb, Query } from '../db.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';

export interface PairingCode {
  id: string;
  kind: 'pair' | 'link' | 'owner';
  platform: string;
  account: AccountId | '';
  user: UserId | '';
  userName: string;
  /** For kind 'link': whom to join. */
  person: PersonId | null;
  /** JSON of the address that asked. */
  address: string | null;
  salt: Buffer;
  hash: Buffer;
  createdAt: number;
  expiresAt: number;
  /** When it was used or ended; undefined while it is open. Codes past `expiresAt` are dead without it. */
  usedAt: number | undefined;
}

export async function insertPairingCode(
  db: ProcessDb,
  code: Omit<PairingCode, 'id' | 'usedAt'>,
  query: Query = db.query,
): Promise<string> {
  const id = newRowId(db.clock.now());
  await query
    .insertInto('pairing_codes')
    .values({
      id,
      kind: code.kind,
      platform: code.platform,
      account: code.account,
      user_id: code.user,
      user_name: code.userName,
      person_id: code.person,
      address: code.address,
      salt: code.salt,
      hash: code.hash,
      created_at: code.createdAt,
      expires_at: code.expiresAt,
      used_at: null,
    })
    .execute();
  return id;
}

/** Codes that are neither used nor expired, oldest first. */
export async function listOpenCodes(
  db: ProcessDb,
  filter: { kinds: readonly PairingCode['kind'][]; platform?: string | undefined },
  query: Query = db.query,
): Promise<readonly PairingCode[]> {
  let select = query
    .selectFrom('pairing_codes')
    .selectAll()
    .where('kind', 'in', filter.kinds)
    .where('used_at', 'is', null)
    .where('expires_at', '>', db.clock.now())
    .orderBy('created_at')
    .orderBy('id');
  if (filter.platform !== undefined) select = select.where('platform', '=', filter.platform);
  return (await select.execute()).map(codeOf);
}

/** Codes made since `since` that were used, ended or ran out; newest first. */
export async function listDeadCodes(
  db: ProcessDb,
  filter: { kinds: readonly PairingCode['kind'][]; platform?: string | undefined; since: number; limit: number },
): Promise<readonly PairingCode[]> {
  let select = db.query
    .selectFrom('pairing_codes')
    .selectAll()
    .where('kind', 'in', filter.kinds)
    .where('created_at', '>=', filter.since)
    .where((eb) => eb.or([eb('used_at', 'is not', null), eb('expires_at', '<=', db.clock.now())]))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit);
  if (filter.platform !== undefined) select = select.where('platform', '=', filter.platform);
  return (await select.execute()).map(codeOf);
}

function codeOf(row: Selectable<Tables['pairing_codes']>): PairingCode {
  return {
    id: row.id,
    kind: row.kind,
    platform: row.platform,
    account: row.account,
    user: row.user_id,
    userName: row.user_name,
    person: row.person_id,
    address: row.address,
    salt: row.salt,
    hash: row.hash,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usedAt: row.used_at ?? undefined,
  };
}

/** When this user last got a code of this kind, in ms since the epoch; 0 = never. */
export async function lastCodeAt(
  db: ProcessDb,
  asked: { kind: PairingCode['kind']; platform: string; account: AccountId; user: UserId },
  query: Query = db.query,
): Promise<number> {
  const row = await query
    .selectFrom('pairing_codes')
    .select((eb) => eb.fn.max('created_at').as('at'))
    .where('kind', '=', asked.kind)
    .where('platform', '=', asked.platform)
    .where('account', '=', asked.account)
    .where('user_id', '=', asked.user)
    .executeTakeFirst();
  return row?.at ?? 0;
}

/** Marks a code used. False when somebody else was first, or it expired. */
export async function useCode(db: ProcessDb, id: string, query: Query = db.query): Promise<boolean> {
  const result = await query
    .updateTable('pairing_codes')
    .set({ used_at: db.clock.now() })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('expires_at', '>', db.clock.now())
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Whose open codes to end; what is left out is not looked at. */
export interface CodeFilter {
  kind: PairingCode['kind'];
  platform?: string | undefined;
  user?: UserId | undefined;
  person?: PersonId | undefined;
}

/** Ends open codes: nobody can use them any more. Returns how many were still alive. */
export async function clearCodes(db: ProcessDb, filter: CodeFilter, query: Query = db.query): Promise<number> {
  const now = db.clock.now();
  let update = query
    .updateTable('pairing_codes')
    .set({ used_at: now })
    .where('kind', '=', filter.kind)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now);
  if (filter.platform !== undefined) update = update.where('platform', '=', filter.platform);
  if (filter.user !== undefined) update = update.where('user_id', '=', filter.user);
  if (filter.person !== undefined) update = update.where('person_id', '=', filter.person);
  const result = await update.executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Failed attempts that count together: approvals of a platform's codes, or codes that were redeemed from a platform. */
export interface LockSubject {
  platform: string;
  purpose: 'approve' | 'redeem';
}

export interface PairingLock {
  failures: number;
  /** Milliseconds since the epoch; 0 = never. */
  failedAt: number;
  lockedUntil: number;
}

export async function getPairingLock(
  db: ProcessDb,
  subject: LockSubject,
  query: Query = db.query,
): Promise<PairingLock> {
  const row = await query
    .selectFrom('pairing_locks')
    .selectAll()
    .where('platform', '=', subject.platform)
    .where('purpose', '=', subject.purpose)
    .executeTakeFirst();
  return { failures: row?.failures ?? 0, failedAt: row?.failed_at ?? 0, lockedUntil: row?.locked_until ?? 0 };
}

export async function setPairingLock(
  db: ProcessDb,
  subject: LockSubject,
  lock: PairingLock,
  query: Query = db.query,
): Promise<void> {
  const values = { failures: lock.failures, failed_at: lock.failedAt, locked_until: lock.lockedUntil };
  await query
    .insertInto('pairing_locks')
    .values({ ...subject, ...values })
    .onConflict((conflict) => conflict.columns(['platform', 'purpose']).doUpdateSet(values))
    .execute();
}

/** Forgets failed attempts and locks of a purpose, of one platform or of all. */
export async function clearPairingLocks(
  db: ProcessDb,
  filter: { purpose: LockSubject['purpose']; platform?: string | undefined },
  query: Query = db.query,
): Promise<void> {
  let remove = query.deleteFrom('pairing_locks').where('purpose', '=', filter.purpose);
  if (filter.platform !== undefined) remove = remove.where('platform', '=', filter.platform);
  await remove.execute();
}
