// Pairing codes: made, normalized, hashed and compared. A code is 40 random bits, shown once and stored only as a salted hash.
//
// Why scrypt and not one round of SHA-256: whoever reads the database file (a backup, say) could try all 2^40 codes against a fast
// hash within minutes and redeem an owner code while it lives. With these costs one try takes about 8 ms and 4 MiB, so all of them
// take some 280 CPU years, for a code that lives one hour. It stays cheap for us: few codes are open at any time.
import { randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto';

/** 32 signs without 0, O, 1 and I, which people mistake for each other. */
export const CODE_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
export const CODE_LENGTH = 8;

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const COST = { N: 4096, r: 8, p: 1 };
const WELL_FORMED = new RegExp(`^[${CODE_ALPHABET}]{${CODE_LENGTH}}$`);

/** A new code from the system's secure random source. */
export function makeCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => CODE_ALPHABET.charAt(randomInt(CODE_ALPHABET.length))).join('');
}

/** The code as it was made, from how a person typed it: case, spaces, dashes and full-width forms do not matter. Undefined when it cannot be one. */
export function normalizeCode(typed: string): string | undefined {
  // Bounded before any work: what strangers send may be megabytes.
  const code = typed
    .slice(0, 200)
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}\p{Cf}_.`*]/gu, '');
  return WELL_FORMED.test(code) ? code : undefined;
}

export interface HashedCode {
  salt: Buffer;
  hash: Buffer;
}

export async function hashCode(code: string): Promise<HashedCode> {
  const salt = randomBytes(SALT_BYTES);
  return { salt, hash: await derive(code, salt) };
}

/** All candidates that `code` opens. Every candidate is hashed and compared in constant time, whether an earlier one matched or not. */
export async function matchCodes<Candidate extends HashedCode>(
  candidates: readonly Candidate[],
  code: string,
): Promise<readonly Candidate[]> {
  const hashes = await Promise.all(candidates.map((candidate) => derive(code, candidate.salt)));
  return candidates.filter((candidate, index) => isSame(candidate.hash, hashes[index]));
}

function isSame(stored: Buffer, computed: Buffer | undefined): boolean {
  // A stored hash of another length is damaged: timingSafeEqual would throw on it.
  return computed !== undefined && stored.length === computed.length && timingSafeEqual(stored, computed);
}

function derive(code: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(code, salt, HASH_BYTES, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
