// A homeserver could show a sealed message a second time, as a new one. The library leaves it to us to notice
// (https://spec.matrix.org/v1.16/client-server-api/#mmegolmv1aes-sha2): what each message holds, and in which event it came first, is kept.
import { createHash } from 'node:crypto';
import type { Cursor } from '../../contract.ts';
import type { MatrixEvent } from '../receive/event-schema.ts';

const PREFIX = 'sealed-message:';
/** At its end; a message could be signed twice. */
const SIGNATURE_BYTES = 64;

/** True when it came before in another event. On disk when it resolves. */
export async function isReplay(cursor: Cursor, room: string, { content, event_id: id }: MatrixEvent): Promise<boolean> {
  const bytes = Buffer.from(String(content['ciphertext']), 'base64');
  const message = bytes.subarray(0, Math.max(0, bytes.length - SIGNATURE_BYTES));
  const name = PREFIX + createHash('sha256').update(`${room}\n`).update(message).digest('base64url');
  const known = await cursor.get(name);
  if (known === undefined) await cursor.set(name, id);
  return known !== undefined && known !== id;
}
