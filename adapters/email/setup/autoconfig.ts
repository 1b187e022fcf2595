// Servers of a mail domain, asked from the domain itself: Mozilla's autoconfiguration file, over https only
// (https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat, read 2026-11-21).
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { domainOf } from '../addresses.ts';
import type { Server } from '../providers.ts';
import { readText } from '../../transport/bodies.ts';

export interface FoundServers {
  imap: Server;
  smtp: Server;
  username: string;
}

const MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 5_000;

/** Undefined when the domain does not say. Never rejects. No other host than those of the domain is asked, and no redirect followed. */
export async function findServers(
  address: string,
  ask: typeof fetch,
  signal: AbortSignal,
): Promise<FoundServers | undefined> {
  const domain = domainOf(address);
  const pages = [
    `https://autoconfig.${domain}/mail/config-v1.1.xml`,
    `https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`,
  ];
  for (const page of pages) {
    const xml = await withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, parent: signal }, (until) =>
      fetchText(page, ask, until),
    );
    const found = xml === undefined ? undefined : readConfig(xml, address);
    if (found) return found;
  }
  return undefined;
}

async function fetchText(url: string, ask: typeof fetch, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await ask(url, { signal, redirect: 'error' });
    if (!response.ok || !response.body) return undefined;
    return await readText(response, MAX_BYTES);
  } catch {
    return undefined;
  }
}

/** Of the servers in the file the first with TLS; a file without both is of no use. */
export function readConfig(xml: string, address: string): FoundServers | undefined {
  if (/<!DOCTYPE|<!ENTITY/i.test(xml)) return undefined;
  const imap = readServer(xml, /<incomingServer\s[^>]*type=["']imap["'][^>]*>([\s\S]*?)<\/incomingServer>/gi);
  const smtp = readServer(xml, /<outgoingServer\s[^>]*type=["']smtp["'][^>]*>([\s\S]*?)<\/outgoingServer>/gi);
  if (!imap || !smtp) return undefined;
  return { imap: imap.server, smtp: smtp.server, username: fillIn(imap.username, address) };
}

function readServer(xml: string, pattern: RegExp): { server: Server; username: string } | undefined {
  for (const match of xml.slice(0, MAX_BYTES).matchAll(pattern)) {
    const field = (name: string) =>
      new RegExp(`<${name}>([^<]{1,255})</${name}>`, 'i').exec(match[1] ?? '')?.[1]?.trim();
    const host = field('hostname')?.toLowerCase() ?? '';
    const port = Number(field('port'));
    const tls = { ssl: 'implicit', starttls: 'starttls' }[field('socketType')?.toLowerCase() ?? ''];
    const isUsable = /^[a-z0-9.-]+\.[a-z0-9-]+$/.test(host) && Number.isInteger(port) && port > 0 && port <= 65_535;
    if (isUsable && (tls === 'implicit' || tls === 'starttls'))
      return { server: { host, port, tls }, username: field('username') ?? '%EMAILADDRESS%' };
  }
  return undefined;
}

function fillIn(template: string, address: string): string {
  return template
    .replaceAll('%EMAILADDRESS%', address)
    .replaceAll('%EMAILLOCALPART%', address.slice(0, address.lastIndexOf('@')))
    .replaceAll('%EMAILDOMAIN%', domainOf(address));
}
