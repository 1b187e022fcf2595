// Digests of texts, as names of them and to compare them: nobody can make another text with the same one.
import { createHash, timingSafeEqual } from 'node:crypto';

/** The first `chars` hexadecimal digits of SHA-256; default: all 64. */
export function sha256Hex(content: string | Uint8Array, chars = 64): string {
  return createHash('sha256').update(content).digest('hex').slice(0, chars);
}

/** Whether a secret was given. Digests have one length, so the time that it takes tells nothing of what is wanted. */
export function isSameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
