// Mail addresses in one normal form.
import { domainToASCII } from 'node:url';
import { sha256Hex } from '../../shared/digest.ts';

/** RFC 5321, 4.5.3.1: a path has 256 octets with its angle brackets; a local part has 64. */
const MAX_ADDRESS_CHARS = 254;
const MAX_LOCAL_CHARS = 64;

/**
 * The address in lower case, its domain as ASCII; undefined for anything unusual (quoted local parts, address literals, control
 * characters): what can be read in two ways is read in none.
 */
export function normalizeAddress(raw: string): string | undefined {
  const text = raw.trim();
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at).normalize('NFC').toLowerCase();
  const domain = normalizeDomain(text.slice(at + 1));
  if (at < 1 || local.length > MAX_LOCAL_CHARS || domain === undefined || !LOCAL_PART.test(local)) return undefined;
  const address = `${local}@${domain}`;
  return address.length > MAX_ADDRESS_CHARS ? undefined : address;
}

// Atoms with dots, RFC 5322 3.2.3, and the letters of RFC 6531; no character that could end an address or look like nothing.
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;

/** The domain in lower case and ASCII (punycode); undefined when it is none. */
export function normalizeDomain(raw: string): string | undefined {
  const domain = domainToASCII(raw.trim().toLowerCase().replace(/\.$/, ''));
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/.test(domain) && !/^[\d.]+$/.test(domain) ? domain : undefined;
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

export function localPartOf(address: string): string {
  return address.slice(0, address.lastIndexOf('@'));
}

/** Short name of an address, for ids that may not be told apart by it alone. */
export function hashAddress(address: string): string {
  return sha256Hex(address, 12);
}
