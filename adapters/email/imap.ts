// Connections to the IMAP server.
import { ImapFlow } from 'imapflow';
import { isLoopback, type Server } from './providers.ts';
import type { MailAccount } from './settings.ts';

const CONNECT_TIMEOUT_MS = 20_000;
const GREETING_TIMEOUT_MS = 15_000;
/** A command without an answer for so long: the connection is dead, though nobody has told us. */
const COMMAND_TIMEOUT_MS = 60_000;
/** "clients using IDLE are advised to terminate the IDLE and re-issue it at least every 29 minutes" (RFC 2177). */
const IDLE_RENEW_MS = 29 * 60_000;
const MB = 1024 * 1024;
/** We ask for pieces of at most 1 MB; more comes only from servers that are broken or not what they say. */
const MAX_LITERAL_BYTES = 8 * MB;

/** A client that is not connected yet; it can be used once. Errors after the connection end it, and are told by its calls. */
export function makeImapClient(
  account: MailAccount,
  options: { commandTimeoutMs?: number | undefined } = {},
): ImapFlow {
  const { imap, username, password } = account;
  const client = new ImapFlow({
    host: imap.host,
    port: imap.port,
    secure: imap.tls === 'implicit',
    ...(imap.tls === 'starttls' && { doSTARTTLS: true }),
    ...(imap.tls === 'none' && { doSTARTTLS: false }),
    tls: tlsOptions(imap),
    auth: { user: username, pass: password },
    logger: false,
    disableAutoIdle: true,
    maxIdleTime: IDLE_RENEW_MS,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: GREETING_TIMEOUT_MS,
    socketTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    maxLineLength: 2 * MAX_LITERAL_BYTES,
    maxLiteralSize: MAX_LITERAL_BYTES,
    maxResponseSize: 4 * MAX_LITERAL_BYTES,
    // Some services refuse clients that do not say who they are.
    clientInfo: { name: 'Herald' },
  });
  // Without a listener an error would end the process. The call under way rejects, or the next one.
  client.on('error', () => undefined);
  return client;
}

export function tlsOptions(server: Server): {
  servername?: string;
  rejectUnauthorized: boolean;
  minVersion: 'TLSv1.2';
} {
  return {
    // Bridges on this machine make their own certificates, and what is said to them does not leave it.
    rejectUnauthorized: !isLoopback(server.host),
    minVersion: 'TLSv1.2',
  };
}

/** Runs `use` on a connection of its own, which ends with it. Rejects with what the library says. */
export async function withImap<Result>(
  account: MailAccount,
  signal: AbortSignal,
  use: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const client = makeImapClient(account);
  const onAbort = () => client.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await client.connect();
    return await use(client);
  } finally {
    signal.removeEventListener('abort', onAbort);
    client.close();
  }
}
