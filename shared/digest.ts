// Names made of texts: the same text has the same name, and nobody can make another text for it.
import { createHash } from 'node:crypto';

/** The first `chars` hexadecimal digits of SHA-256; default: all 64. */
export function sha256Hex(content: string | Uint8Array, chars = 64): string {
  return createHash('sha256').update(content).digest('hex').slice(0, chars);
}
