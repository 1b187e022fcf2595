// Whether somebody whom we can believe vouches that a mail comes from the address in its From. Only then a pairing counts.
//
// What is believed: the Authentication-Results of our own mail server, and nobody else's. It is ours
// - when it lies above the Received line with which our side took the mail: no sender can put anything there; or
// - when it is the topmost one of a server that is named in the settings (or known for the provider) to check every mail and to remove
//   what senders claim in its name, as RFC 8601 5 demands. Only the topmost counts: those below may have come with the mail.
import { domainOf, normalizeDomain } from '../addresses.ts';
import { valuesOf, type HeaderBlock } from '../headers.ts';
import { parseAuthenticationResults, type AuthenticationResults, type MethodResult } from './authentication-results.ts';
import { findBorder, findRegionEnd } from './trace.ts';

export type Verdict =
  | { verified: true; by: 'dmarc' | 'dkim' | 'spf' }
  | {
      verified: false;
      reason: string;
      /** Server whose results would have settled it, were it trusted. */
      untrusted?: string | undefined;
    };

/** Decides on a mail whose one From is `from`. Pure. */
export function judgeSender(headers: HeaderBlock, from: string, trustedServers: readonly string[]): Verdict {
  // With lines missing there may be a second From among them.
  if (headers.isCut) return { verified: false, reason: 'its header is too long' };
  if (valuesOf(headers, 'from').length !== 1) return { verified: false, reason: 'it has not exactly one From' };
  const found = trustedServers.length > 0 ? findNamed(headers, trustedServers) : findAboveBorder(headers);
  if (!found) {
    const untrusted = listResults(headers)
      .map(({ results }) => results.server)
      .find((server) => server !== '');
    return { verified: false, reason: 'no trusted Authentication-Results', untrusted };
  }
  return judgeResults(found, domainOf(from));
}

interface Placed {
  at: number;
  results: AuthenticationResults;
}

function listResults({ list }: HeaderBlock): readonly Placed[] {
  return list.flatMap(({ name, value }, at) =>
    name === 'authentication-results' ? [{ at, results: parseAuthenticationResults(value) }] : [],
  );
}

function findNamed(headers: HeaderBlock, trusted: readonly string[]): readonly MethodResult[] | undefined {
  const end = findRegionEnd(headers, findBorder(headers));
  return listResults(headers).find(({ at, results }) => at < end && isTrusted(results.server, trusted))?.results
    .results;
}

/** There, all of one server's fields are its own: a mail filter writes one per check. */
function findAboveBorder(headers: HeaderBlock): readonly MethodResult[] | undefined {
  const border = findBorder(headers);
  const ours = border < headers.list.length ? listResults(headers).filter(({ at }) => at < border) : [];
  const [top] = ours;
  if (!top) return undefined;
  return ours.flatMap(({ results }) => (results.server === top.results.server ? results.results : []));
}

/** `*.example.org` names all hosts of a domain, '-' results without a server's name. */
function isTrusted(server: string, trusted: readonly string[]): boolean {
  return trusted.some((name) => {
    const wanted = name.toLowerCase();
    if (wanted === '-') return server === '';
    return wanted.startsWith('*.') ? server.endsWith(wanted.slice(1)) : server === wanted;
  });
}

/** DMARC says it all; without it, a signature or a sending host of the From's own domain does. */
function judgeResults(results: readonly MethodResult[], domain: string): Verdict {
  const passed = (method: string) => results.filter((one) => one.method === method && one.result === 'pass');
  if (passed('dmarc').some((one) => domainIn(one, 'header.from') === domain)) return { verified: true, by: 'dmarc' };
  if (results.some((one) => one.method === 'dmarc' && one.result === 'fail'))
    return { verified: false, reason: 'DMARC failed' };
  if (passed('dkim').some((one) => isAligned(domainIn(one, 'header.d') ?? domainIn(one, 'header.i'), domain)))
    return { verified: true, by: 'dkim' };
  if (passed('spf').some((one) => isAligned(domainIn(one, 'smtp.mailfrom'), domain)))
    return { verified: true, by: 'spf' };
  return { verified: false, reason: 'no check of its domain passed' };
}

function domainIn(result: MethodResult, property: string): string | undefined {
  const value = result.properties.get(property);
  return value === undefined ? undefined : normalizeDomain(value.slice(value.lastIndexOf('@') + 1));
}

/**
 * Same domain, or one above it: who signs for example.org may speak for news.example.org. The other direction, which DMARC also allows,
 * needs a list of the domains under which strangers register theirs; where it matters, the server's own DMARC result says it.
 */
function isAligned(checked: string | undefined, domain: string): boolean {
  if (checked === undefined) return false;
  return domain === checked || domain.endsWith(`.${checked}`);
}
