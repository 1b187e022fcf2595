// Rows of pairing codes and of the lock after failed approvals. The rules are in pairing/; the codes themselves are never stored.
import { ulid } from 'ulid';
import type { AccountId, PersonId, UserId } from '../../shared/ids.ts';
import type { ProcessDb, Query } from '../db.ts';

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
}

export async function insertPairingCode(db: ProcessDb, code: Omit<PairingCode, 'id'>): Promise<string> {
  const id = ulid(db.clock.now());
  await db.query
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
  filter: { kind?: PairingCode['kind']; platform?: string } = {},
): Promise<readonly PairingCode[]> {
  let query = db.query
    .selectFrom('pairing_codes')
    .selectAll()
    .where('used_at', 'is', null)
    .where('expires_at', '>', db.clock.now())
    .orderBy('created_at');
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind);
  if (filter.platform !== undefined) query = query.where('platform', '=', filter.platform);
  const rows = await query.execute();
  return rows.map((row) => ({
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
  }));
}

/** When this user last got a code of this kind, in ms since the epoch; 0 = never. */
export async function lastCodeAt(
  db: ProcessDb,
  asked: { kind: PairingCode['kind']; platform: string; account: AccountId; user: UserId },
): Promise<number> {
  const row = await db.query
    .selectFrom('pairing_codes')
    .select((eb) => eb.fn.max('created_at').as('at'))
    .where('kind', '=', asked.kind)
    .where('platform', '=', asked.platform)
    .where('account', '=', asked.account)
    .where('user_id', '=', asked.user)
    .executeTakeFirst();
  return row?.at ?? 0;
}

/** Marks a code used. False when somebody else was first. */
export async function useCode(db: ProcessDb, id: string, query: Query = db.query): Promise<boolean> {
  const result = await query
    .updateTable('pairing_codes')
    .set({ used_at: db.clock.now() })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Ends all open codes of the kind, of one platform or of all. Returns how many. */
export async function clearCodes(db: ProcessDb, kind: PairingCode['kind'], platform?: string): Promise<number> {
  let query = db.query
    .updateTable('pairing_codes')
    .set({ used_at: db.clock.now() })
    .where('kind', '=', kind)
    .where('used_at', 'is', null);
  if (platform !== undefined) query = query.where('platform', '=', platform);
  const result = await query.executeTakeFirst();
  return Number(result.numUpdatedRows);
}

export async function getPairingLock(
  db: ProcessDb,
  platform: string,
): Promise<{ failures: number; lockedUntil: number }> {
  const row = await db.query
    .selectFrom('pairing_locks')
    .selectAll()
    .where('platform', '=', platform)
    .executeTakeFirst();
  return { failures: row?.failures ?? 0, lockedUntil: row?.locked_until ?? 0 };
}

export async function setPairingLock(
  db: ProcessDb,
  platform: string,
  lock: { failures: number; lockedUntil: number },
): Promise<void> {
  await db.query
    .insertInto('pairing_locks')
    .values({ platform, failures: lock.failures, locked_until: lock.lockedUntil })
    .onConflict((conflict) =>
      conflict.column('platform').doUpdateSet({ failures: lock.failures, locked_until: lock.lockedUntil }),
    )
    .execute();
}
