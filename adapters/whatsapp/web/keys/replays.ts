// Texts of the last messages that were decrypted. A message's key works once: if we are killed after the key was used and before the
// message was stored, WhatsApp delivers it again and only this copy can be read. Each is written together with the used key.
import { createHash } from 'node:crypto';
import type { Cursor } from '../../../contract.ts';
import type { Values } from './auth-store.ts';

const PREFIX = 'replay:';
/** Messages are stored one after the other, so only the last one can be missing; the others make redeliveries cheap to answer. */
const MAX_KEPT = 50;

export interface Replays {
  /** The text of a ciphertext that was decrypted before. */
  find(ciphertext: Uint8Array): Buffer | undefined;
  /** What to write together with the key that was used. */
  keep(ciphertext: Uint8Array, plaintext: Uint8Array): Values;
}

export async function openReplays(cursor: Cursor): Promise<Replays> {
  const kept = new Map<string, { key: string; plaintext: Buffer }>();
  let next = 0;
  for (const [key, value] of await cursor.list(PREFIX)) {
    const [hash = '', text = ''] = value.split(' ');
    kept.set(hash, { key, plaintext: Buffer.from(text, 'base64') });
    next = Number(key.slice(PREFIX.length)) + 1;
  }
  return {
    find: (ciphertext) => kept.get(hashOf(ciphertext))?.plaintext,
    keep(ciphertext, plaintext) {
      const key = `${PREFIX}${String(next++).padStart(15, '0')}`;
      const hash = hashOf(ciphertext);
      const values: Record<string, string | undefined> = {
        [key]: `${hash} ${Buffer.from(plaintext).toString('base64')}`,
      };
      kept.set(hash, { key, plaintext: Buffer.from(plaintext) });
      for (const [oldHash, old] of kept) {
        if (kept.size <= MAX_KEPT) break;
        values[old.key] = undefined;
        kept.delete(oldHash);
      }
      return values;
    },
  };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}
