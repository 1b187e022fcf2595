// Signatures of Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (read
// 2026-11-21): base64 of HMAC-SHA256 over "<id>.<timestamp in seconds>.<body>", with a tolerance of five minutes.
import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_S = 5 * 60;
const MIN_BYTES = 24;
const ID = /^[A-Za-z0-9._:-]{1,128}$/;

export type Verdict = { ok: true; id: string } | { ok: false; message: string };

/** The key of a secret: base64 after `whsec_`, else the text itself. Undefined when it is too short. */
export function secretBytes(secret: string): Buffer | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(secret)?.[1];
  const bytes = encoded === undefined ? Buffer.from(secret) : Buffer.from(encoded, 'base64');
  return bytes.length >= MIN_BYTES ? bytes : undefined;
}

/** Headers that sign a body. `now` in ms since the epoch. */
export function signedHeaders(key: Buffer, { id, body, now }: { id: string; body: string; now: number }) {
  const timestamp = Math.floor(now / 1000);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${sign(key, `${id}.${timestamp}.${body}`).toString('base64')}`,
  };
}

/** Whether a request was signed with our secret, just now. */
export function verifySigned(key: Buffer, headers: Headers, { body, now }: { body: string; now: number }): Verdict {
  const id = headers.get('webhook-id') ?? '';
  const timestamp = headers.get('webhook-timestamp') ?? '';
  if (!ID.test(id) || !/^\d{1,12}$/.test(timestamp))
    return { ok: false, message: 'The headers webhook-id and webhook-timestamp are missing or malformed.' };
  if (Math.abs(now / 1000 - Number(timestamp)) > TOLERANCE_S)
    return { ok: false, message: 'The timestamp is more than five minutes away from the time here.' };
  const expected = sign(key, `${id}.${timestamp}.${body}`);
  const given = (headers.get('webhook-signature') ?? '').slice(0, 4096).split(' ');
  const fits = given.some((one) => {
    const [version, value = ''] = one.split(',', 2);
    const bytes = Buffer.from(value, 'base64');
    return version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  return fits ? { ok: true, id } : { ok: false, message: 'The signature does not fit the body and the secret.' };
}

function sign(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
