// Files of encrypted rooms: AES in counter mode with a key of its own for each, which stands in the message, and a hash of what is stored
// (https://spec.matrix.org/v1.16/client-server-api/#sending-encrypted-attachments, read 2026-11-21).
import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { readMxc } from '../ids.ts';

const ALGORITHM = 'aes-256-ctr';
const KEY_BYTES = 32;
const IV_BYTES = 16;
const HASH_BYTES = 32;

const bytesOf = (length: number) => z.string().refine((text) => Buffer.from(text, 'base64').length === length);

/** EncryptedFile of a message; of another version or algorithm it is none. */
export const encryptedFileSchema = z.looseObject({
  url: z.string().refine((url) => readMxc(url) !== undefined),
  v: z.literal('v2'),
  key: z.looseObject({ kty: z.literal('oct'), alg: z.literal('A256CTR'), k: bytesOf(KEY_BYTES) }),
  iv: bytesOf(IV_BYTES),
  hashes: z.looseObject({ sha256: bytesOf(HASH_BYTES) }),
});
export type EncryptedFile = z.output<typeof encryptedFileSchema>;

const refSchema = z.object({ url: z.string(), key: z.string(), iv: z.string(), sha256: z.string() });
export type SealedRef = z.output<typeof refSchema>;

/** How the adapter finds and opens the file again. */
export function makeSealedRef({ url, key, iv, hashes }: EncryptedFile): string {
  return JSON.stringify({ url, key: key.k, iv, sha256: hashes.sha256 });
}

/** Undefined: the file is not encrypted. */
export function readSealedRef(ref: string): SealedRef | undefined {
  if (!ref.startsWith('{')) return undefined;
  try {
    return refSchema.safeParse(JSON.parse(ref)).data;
  } catch {
    return undefined;
  }
}

export interface SealedFile {
  bytes: Blob;
  /** Without `url`, which the upload tells. */
  file: Pick<EncryptedFile, 'v' | 'key' | 'iv' | 'hashes'>;
}

export async function sealFile(plain: Blob): Promise<SealedFile> {
  const key = randomBytes(KEY_BYTES);
  // The second half counts blocks and begins at zero.
  const iv = Buffer.concat([randomBytes(IV_BYTES / 2), Buffer.alloc(IV_BYTES / 2)]);
  const cipher = createCipheriv(ALGORITHM, key, iv);
  const hash = createHash('sha256');
  const parts: Buffer<ArrayBuffer>[] = [];
  const stream: AsyncIterable<Uint8Array> = plain.stream();
  for await (const part of stream) {
    const sealed = cipher.update(part);
    hash.update(sealed);
    parts.push(sealed);
  }
  return {
    bytes: new Blob([...parts, cipher.final()], { type: 'application/octet-stream' }),
    file: {
      v: 'v2',
      key: { kty: 'oct', alg: 'A256CTR', key_ops: ['encrypt', 'decrypt'], k: key.toString('base64url'), ext: true },
      iv: unpadded(iv),
      hashes: { sha256: unpadded(hash.digest()) },
    },
  };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** The stream fails at its end when the bytes are not those that were sent. */
export async function* openSealed(
  stored: AsyncIterable<Uint8Array>,
  { key, iv, sha256 }: SealedRef,
): AsyncGenerator<Uint8Array> {
  const decipher = createDecipheriv(ALGORITHM, Buffer.from(key, 'base64url'), Buffer.from(iv, 'base64'));
  const hash = createHash('sha256');
  for await (const part of stored) {
    hash.update(part);
    yield decipher.update(part);
  }
  if (!timingSafeEqual(hash.digest(), Buffer.from(sha256, 'base64')))
    throw new AppError('bad_input', 'The file arrived damaged. Send it again.');
}
