// Pairing: how a platform account comes to belong to a person.
import type { IdentityKey, Person } from '../data/process/people.ts';
import type { PersonId, UserId } from '../shared/ids.ts';
import type { Address } from '../shared/messages.ts';

export type CodeRequest =
  { ok: true; code: string; expiresAt: number } | { ok: false; reason: 'rate_limited' | 'too_many_pending' | 'locked' };

export type ApproveResult =
  | { ok: true; person: Person; identity: IdentityKey; name: string; address: Address | undefined; firstOwner: boolean }
  | { ok: false; reason: 'unknown_code' | 'locked'; retryAfterMs?: number };

export type RedeemResult =
  | { ok: true; person: Person; how: 'linked' | 'owner' }
  | { ok: false; reason: 'unknown_code' | 'locked' | 'already'; retryAfterMs?: number };

export interface PendingRequest {
  platform: string;
  user: UserId;
  userName: string;
  createdAt: number;
  expiresAt: number;
}

export interface Pairing {
  /** A code for an unpaired sender of a DM. The code is shown to them and stored only as a salted hash. */
  requestCode(who: IdentityKey & { name: string }, address: Address): Promise<CodeRequest>;
  /** Approves the sender who was shown `code`; the first person ever approved becomes owner, later ones member. */
  approve(code: string, options: { platform?: string | undefined; by: PersonId | 'cli' }): Promise<ApproveResult>;
  /** A code that joins another platform account to `person`: sent from there as `/link CODE`. Valid 1 h, single use. */
  createLinkCode(person: PersonId, from: IdentityKey): Promise<{ code: string; expiresAt: number }>;
  /** A single-use code that makes whoever redeems it the owner (or joins them to the existing owner). For the link printed at start. */
  createOwnerCode(): Promise<{ code: string; expiresAt: number }>;
  /** `/link CODE` from any account. */
  redeem(code: string, who: IdentityKey & { name: string }): Promise<RedeemResult>;
  pending(platform?: string): Promise<readonly PendingRequest[]>;
  /** Takes an account's access away. Returns how many identities were removed. */
  revoke(platform: string, user: UserId, by: PersonId | 'cli'): Promise<number>;
  clearPending(platform?: string): Promise<number>;
}
