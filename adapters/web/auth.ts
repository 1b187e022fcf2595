// Which browser a request comes from: a random device id in a signed cookie. It says "the same browser as before", nothing more;
// what that browser may do is decided by pairing, in the core.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Browsers keep a cookie for 400 days at most (https://www.rfc-editor.org/rfc/rfc6265bis 5.5, read 2026-11-21). */
const MAX_AGE_S = 400 * 24 * 3600;
const DEVICE_ID = /^[A-Za-z0-9_-]{22}$/;

export interface DeviceCookie {
  /** The device id in the request's cookie, or undefined when there is none that we signed. */
  read(request: Request): string | undefined;
  /** A Set-Cookie value that keeps `device` for another 400 days. */
  write(device: string, request: Request): string;
}

/** 128 random bits, in the alphabet of ids. */
export function newDeviceId(): string {
  return randomBytes(16).toString('base64url');
}

const BROWSERS: readonly (readonly [name: string, mark: RegExp])[] = [
  ['Edge', /\bEdg/],
  ['Opera', /\bOPR\//],
  ['Firefox', /\b(?:Firefox|FxiOS)\//],
  ['Chrome', /(?:Chrome|CriOS)\//],
  ['Safari', /\bSafari\//],
];
const SYSTEMS: readonly (readonly [name: string, mark: RegExp])[] = [
  ['Windows', /Windows/],
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
];

/** Such as "Firefox on Linux", so that people can tell their browsers apart in lists. It proves nothing. */
export function describeBrowser(request: Request): string {
  const agent = (request.headers.get('user-agent') ?? '').slice(0, 512);
  const find = (list: typeof BROWSERS) => list.find(([, mark]) => mark.test(agent))?.[0];
  const system = find(SYSTEMS);
  return `${find(BROWSERS) ?? 'Browser'}${system === undefined ? '' : ` on ${system}`}`;
}

export function makeDeviceCookie(key: Buffer): DeviceCookie {
  // Cookies do not tell ports apart: two installations on one machine need names of their own.
  const name = `herald_${createHmac('sha256', key).update('cookie name').digest('hex').slice(0, 8)}`;
  const sign = (device: string) => createHmac('sha256', key).update(`device ${device}`).digest();
  return {
    read(request) {
      for (const part of (request.headers.get('cookie') ?? '').slice(0, 16_384).split(';')) {
        const [own, value = ''] = part.trim().split('=', 2);
        if (own !== name) continue;
        const [device = '', mac = ''] = value.split('.', 2);
        const given = Buffer.from(mac, 'base64url');
        const expected = sign(device);
        if (DEVICE_ID.test(device) && given.length === expected.length && timingSafeEqual(given, expected))
          return device;
      }
      return undefined;
    },
    write(device, request) {
      const value = `${device}.${sign(device).toString('base64url')}`;
      const secure = new URL(request.url).protocol === 'https:' ? '; Secure' : '';
      return `${name}=${value}; Path=/; Max-Age=${MAX_AGE_S}; HttpOnly; SameSite=Strict${secure}`;
    },
  };
}
