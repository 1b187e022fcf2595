// Who may talk to the HTTP server at all: pure checks over headers. They stop web pages of other sites from using a browser on
// this machine as a bridge (DNS rebinding, cross-site requests).
import { isSameSecret } from '../../shared/digest.ts';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export type GuardVerdict = { allowed: true } | { allowed: false; code: 'bad_host' | 'bad_origin'; message: string };

const ALLOWED: GuardVerdict = { allowed: true };

/**
 * A site that points its own name at 127.0.0.1 reaches us with that name in `Host`. So only loopback names and `allowedHosts`
 * (names without port, compared in lower case) pass; a missing header does not.
 */
export function checkHost(host: string | undefined, allowedHosts: readonly string[]): GuardVerdict {
  const name = hostName(host);
  if (name !== undefined && (LOOPBACK_NAMES.has(name) || allowedHosts.some((own) => own.toLowerCase() === name)))
    return ALLOWED;
  return {
    allowed: false,
    code: 'bad_host',
    message: 'This host name is not served here. Use http://127.0.0.1, or add the name to gateway.allowed_hosts.',
  };
}

/**
 * Requests that change something must come from our own page or from a program. Browsers send `Origin` with every such request
 * (https://fetch.spec.whatwg.org/#origin-header, read 2026-11-21) and `Sec-Fetch-Site` besides; programs send neither.
 */
export function checkOrigin(method: string, headers: Headers): GuardVerdict {
  if (SAFE_METHODS.has(method)) return ALLOWED;
  const origin = headers.get('origin');
  const site = headers.get('sec-fetch-site');
  const sameSite = site === null || site === 'same-origin' || site === 'none';
  if (origin === null) return sameSite ? ALLOWED : refusedOrigin();
  const host = headers.get('host');
  const parsed = URL.parse(origin);
  const same =
    parsed !== null &&
    /^https?:$/.test(parsed.protocol) &&
    host !== null &&
    parsed.host === defaultPortGone(parsed, host);
  return same && sameSite ? ALLOWED : refusedOrigin();
}

/** True when the request carries `Authorization: Bearer <token>`. */
export function hasBearer(headers: Headers, token: string | undefined): boolean {
  const given = /^Bearer (\S{1,512})$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (token === undefined || token === '' || given === undefined) return false;
  return isSameSecret(given, token);
}

/** Headers that every answer carries, unless its handler set a stricter value for the same name. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** Sets the security headers where they are missing. */
export function addSecurityHeaders(headers: Headers): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value);
}

function hostName(host: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase();
}

function refusedOrigin(): GuardVerdict {
  return {
    allowed: false,
    code: 'bad_origin',
    message: 'Requests from other sites are refused. Open the page from this server.',
  };
}

// URL.host leaves the protocol's default port out; a Host header may name it.
function defaultPortGone(origin: URL, host: string): string {
  return host.toLowerCase().replace(origin.protocol === 'https:' ? /:443$/ : /:80$/, '');
}
