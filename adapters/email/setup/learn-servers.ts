// Which server writes the results of sender checks into a mailbox, where their place in the header does not prove it.
import { parseHeaders, valuesOf } from '../headers.ts';
import { withImap } from '../imap.ts';
import { accountOf, trustedServers, type EmailSettings } from '../settings.ts';
import { parseAuthenticationResults } from '../trust/authentication-results.ts';
import { findBorder } from '../trust/trace.ts';

const LOOKED = 20;
/** Rarer names may be what somebody forged. */
const MIN_SHARE = 0.6;

export interface Suggestion {
  server: string;
  seen: number;
  looked: number;
}

/** A name to ask the person about; undefined when none is needed or none stands out. Never rejects. */
export async function suggestServers(settings: EmailSettings, signal: AbortSignal): Promise<Suggestion | undefined> {
  const account = accountOf(settings);
  if (trustedServers(settings, account.provider).length > 0) return undefined;
  try {
    const blocks = await withImap(account, signal, async (client) => {
      const { exists } = await client.mailboxOpen('INBOX', { readOnly: true });
      if (exists === 0) return [];
      const range = `${Math.max(1, exists - LOOKED + 1)}:*`;
      const messages = await client.fetchAll(range, { headers: ['received', 'authentication-results'] });
      return messages.map((message) => parseHeaders(message.headers ?? new Uint8Array()));
    });
    const counts = new Map<string, number>();
    for (const headers of blocks) {
      const border = findBorder(headers);
      if (headers.list.slice(0, border).some(({ name }) => name === 'authentication-results')) return undefined;
      const server = parseAuthenticationResults(valuesOf(headers, 'authentication-results')[0] ?? '').server;
      if (server !== '') counts.set(server, (counts.get(server) ?? 0) + 1);
    }
    const [top] = [...counts].toSorted(([, a], [, b]) => b - a);
    if (!top || top[1] < blocks.length * MIN_SHARE || blocks.length < 3) return undefined;
    return { server: top[0], seen: top[1], looked: blocks.length };
  } catch {
    return undefined;
  }
}
