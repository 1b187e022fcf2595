// Where Herald may go on behalf of a model: one decision for page reading, searches and the browser. A name is resolved once and the
// address that was checked is the one that is connected to, so that a name cannot change its mind in between.
import { isIP } from 'node:net';
import type { LookupAddress } from 'node:dns';
import { AppError } from '../../shared/errors.ts';
import { addressKind } from './addresses.ts';

export interface GuardSettings {
  /** Addresses of home and company networks and of this machine are allowed; metadata services of clouds are not. */
  allowPrivateUrls: boolean;
  /** `host:port` that is allowed wherever it leads: a server of one's own. */
  allowHosts: readonly string[];
  /** Host names that are never gone to, with all names under them. */
  websiteBlocklist: readonly string[];
}

/** All addresses of a host name. Rejects when it has none. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export interface UrlGuard {
  /** `text` as a URL that may be tried; the name is not looked up yet. Throws AppError `bad_input` or `not_allowed`. */
  checkUrl(text: string): URL;
  /**
   * The addresses of `host` that may be connected to, at least one; for an IP address itself. Rejects with AppError `not_allowed` when any
   * of them is not for Herald, and `not_found` when the name has none.
   */
  resolveHost(host: string, port: number): Promise<readonly LookupAddress[]>;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

export function makeUrlGuard(settings: GuardSettings, resolve: Resolve = systemResolve): UrlGuard {
  const allowed = new Set(settings.allowHosts.map(plainEntry));
  const blocked = settings.websiteBlocklist.map((entry) => plainHost(entry.replace(/^\*?\.+/, '')));

  function checkHost(host: string): void {
    const name = plainHost(host);
    const hit = blocked.find((entry) => entry !== '' && (name === entry || name.endsWith(`.${entry}`)));
    if (hit !== undefined)
      throw new AppError('not_allowed', `${name} is on the list of blocked websites (website_blocklist).`);
  }

  function checkAddress(host: string, port: number, address: string): void {
    if (allowed.has(`${plainHost(host)}:${port}`)) return;
    const kind = addressKind(address);
    if (kind === 'public' || (kind === 'private' && settings.allowPrivateUrls)) return;
    throw new AppError(
      'not_allowed',
      kind === 'metadata'
        ? `${host} is the address of a cloud's metadata service, which hands out keys. Herald does not go there.`
        : `${host} is an address of this machine or its network, not of the public web. ` +
            `If it is meant, its owner can add "${plainHost(host)}:${port}" to allow_hosts.`,
    );
  }

  return {
    checkUrl(text) {
      const url = parseUrl(text);
      checkHost(url.hostname);
      const host = bareHost(url.hostname);
      if (isIP(host) !== 0) checkAddress(host, portOf(url), host);
      return url;
    },
    async resolveHost(host, port) {
      checkHost(host);
      const bare = bareHost(host);
      const family = isIP(bare);
      if (family !== 0) {
        checkAddress(bare, port, bare);
        return [{ address: bare, family }];
      }
      const found = await lookUp(bare, resolve);
      // One forbidden address among public ones is how a name is made to point inside: the whole name is refused.
      for (const { address } of found) checkAddress(bare, port, address);
      return found;
    },
  };
}

/** The port that `url` goes to. */
export function portOf(url: URL): number {
  return url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port);
}

/** Without the brackets of IPv6 and the dot at the end. */
function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** As names are compared: lower case, in the form of the DNS. */
function plainHost(host: string): string {
  const bare = bareHost(host.trim()).toLowerCase();
  return URL.canParse(`http://${bare}/`) ? new URL(`http://${bare}/`).hostname : bare;
}

/** `host:port`, IPv6 with or without brackets. */
function plainEntry(entry: string): string {
  const colon = entry.lastIndexOf(':');
  return `${plainHost(entry.slice(0, colon))}:${entry.slice(colon + 1)}`;
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text))
    throw new AppError(
      'bad_input',
      `"${text.slice(0, 200)}" is no web address. Write it whole, with https:// in front.`,
    );
  const url = new URL(text);
  if (!Object.hasOwn(DEFAULT_PORTS, url.protocol))
    throw new AppError('not_allowed', `Only http and https addresses are opened, not ${url.protocol.slice(0, 40)}`);
  if (url.username !== '' || url.password !== '')
    throw new AppError('not_allowed', 'Addresses with a user name or password in them are not opened.');
  return url;
}

async function lookUp(host: string, resolve: Resolve): Promise<readonly LookupAddress[]> {
  let found: readonly LookupAddress[];
  try {
    found = await resolve(host);
  } catch (error) {
    throw new AppError('not_found', `There is no website at ${host}: the name is not known.`, {
      retryable: true,
      cause: error,
    });
  }
  if (found.length === 0) throw new AppError('not_found', `There is no website at ${host}: the name has no address.`);
  return found;
}

async function systemResolve(host: string): Promise<readonly LookupAddress[]> {
  const { lookup } = await import('node:dns/promises');
  return lookup(host, { all: true });
}
