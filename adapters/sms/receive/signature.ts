// Whether a request comes from Twilio: HMAC-SHA1 with the account's token over the address that was called and the form's fields
// (https://www.twilio.com/docs/usage/security#validating-requests, read 2026-11-21).
import { createHmac } from 'node:crypto';
import { isSameSecret } from '../../../shared/digest.ts';

export function isSigned(
  input: { url: string; fields: URLSearchParams; signature: string | null },
  token: string,
): boolean {
  const given = input.signature ?? '';
  return formsOf(input.url).some((url) => isSameSecret(given, sign(url, input.fields, token)));
}

function sign(url: string, fields: URLSearchParams, token: string): string {
  const names = [...new Set(fields.keys())].sort();
  const text = names.map((name) =>
    [...new Set(fields.getAll(name))]
      .sort()
      .map((value) => name + value)
      .join(''),
  );
  return createHmac('sha1', token)
    .update(url + text.join(''))
    .digest('base64');
}

/** Twilio signs some requests with the default port in the address, and the console keeps a final slash as it was typed. */
function formsOf(url: string): readonly string[] {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const hosts = port === '' ? [hostname, `${hostname}:${protocol === 'https:' ? 443 : 80}`] : [`${hostname}:${port}`];
  return hosts.flatMap((host) =>
    [pathname, pathname.replace(/\/+$/, '')].map((path) => `${protocol}//${host}${path}${search}`),
  );
}
