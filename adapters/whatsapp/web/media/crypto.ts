// WhatsApp's encryption of files: AES-256-CBC, then ten bytes of HMAC-SHA-256 over IV and ciphertext, all keys from one media key.
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { MediaType } from './ref.ts';

const MAC_BYTES = 10;
const KEY_BYTES = 112;

interface MediaKeys {
  iv: Buffer;
  cipher: Buffer;
  mac: Buffer;
}

function deriveKeys(mediaKey: Uint8Array, type: MediaType): MediaKeys {
  const derived = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), `WhatsApp ${type} Keys`, KEY_BYTES));
  return { iv: derived.subarray(0, 16), cipher: derived.subarray(16, 48), mac: derived.subarray(48, 80) };
}

/** What was received is not what was sent. */
export class DamagedMediaError extends Error {
  override readonly name = 'DamagedMediaError';
}

/** Throws DamagedMediaError at the end when the bytes were changed on the way: until then nothing may be done with them. */
export async function* decryptMedia(
  source: AsyncIterable<Uint8Array>,
  { type, key, sha256 }: { type: MediaType; key: Uint8Array; sha256: Buffer | undefined },
): AsyncGenerator<Uint8Array> {
  const keys = deriveKeys(key, type);
  const decipher = createDecipheriv('aes-256-cbc', keys.cipher, keys.iv);
  const hmac = createHmac('sha256', keys.mac).update(keys.iv);
  const hash = createHash('sha256');
  const open = (bytes: Buffer) => {
    hash.update(bytes);
    return bytes;
  };
  let held = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = Buffer.concat([held, chunk]);
    const end = Math.max(0, bytes.length - MAC_BYTES);
    held = bytes.subarray(end);
    const body = bytes.subarray(0, end);
    hmac.update(body);
    const plain = open(decipher.update(body));
    if (plain.length > 0) yield plain;
  }
  const mac = hmac.digest().subarray(0, MAC_BYTES);
  if (held.length !== MAC_BYTES || !timingSafeEqual(mac, held)) throw new DamagedMediaError('The file was changed.');
  const last = open(decipher.final());
  if (last.length > 0) yield last;
  if (sha256 && !hash.digest().equals(sha256)) throw new DamagedMediaError('The file is not the one that was sent.');
}

/** Gives the encrypted bytes, the same for the same key. */
export async function* encryptMedia(
  source: AsyncIterable<Uint8Array>,
  { type, key }: { type: MediaType; key: Uint8Array },
): AsyncGenerator<Buffer> {
  const keys = deriveKeys(key, type);
  const cipher = createCipheriv('aes-256-cbc', keys.cipher, keys.iv);
  const hmac = createHmac('sha256', keys.mac).update(keys.iv);
  const seal = (bytes: Buffer) => {
    hmac.update(bytes);
    return bytes;
  };
  for await (const chunk of source) yield seal(cipher.update(chunk));
  yield seal(cipher.final());
  yield hmac.digest().subarray(0, MAC_BYTES);
}
