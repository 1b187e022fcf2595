// Hands one mail to the SMTP server, and knows at each moment whether the server may have taken it.
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { abortReason } from '../../../shared/clock.ts';
import { domainOf } from '../addresses.ts';
import { tlsOptions } from '../imap.ts';
import type { MailAccount } from '../settings.ts';

const CONNECT_TIMEOUT_MS = 20_000;
const GREETING_TIMEOUT_MS = 20_000;
/** "The server … 10 minutes" for the end of data (RFC 5321 4.5.3.2.6); the core waits for one. */
const SOCKET_TIMEOUT_MS = 55_000;
const PIECE_BYTES = 64 * 1024;

export interface Transmission {
  to: string;
  raw: Buffer;
  /** Runs when the server has all but the last piece. The rest is sent when it resolves; when it rejects, nothing was. */
  beforeEnd(): Promise<void>;
}

export interface Progress {
  /** True from the moment on which the end of the mail may have reached the server. */
  mayBeTaken: boolean;
}

/** Resolves once the server has taken it, with the Message-ID that it gave the mail if it replaced ours. Rejects with what the library says. */
export async function transmit(
  account: MailAccount,
  mail: Transmission,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ serverMessageId: string | undefined }> {
  return withSmtp(account, signal, async (connection) => {
    const body = Readable.from(pieces(mail, progress, signal), { objectMode: false });
    const envelope = { from: account.address, to: [mail.to], size: mail.raw.length };
    const info = await call<{ serverMessageId?: string | undefined }>((done) => connection.send(envelope, body, done));
    return { serverMessageId: info?.serverMessageId };
  });
}

/** Logs in and out again. Rejects with what the library says. */
export async function checkSmtp(account: MailAccount, signal: AbortSignal): Promise<void> {
  await withSmtp(account, signal, async () => undefined);
}

async function* pieces(
  { raw, beforeEnd }: Transmission,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const last = Math.max(0, raw.length - 1);
  for (let at = 0; at < last; at += PIECE_BYTES) yield raw.subarray(at, Math.min(last, at + PIECE_BYTES));
  await beforeEnd();
  // Whoever gave up meanwhile was told that nothing went out.
  signal.throwIfAborted();
  progress.mayBeTaken = true;
  yield raw.subarray(last);
}

async function withSmtp<Result>(
  account: MailAccount,
  signal: AbortSignal,
  use: (connection: SMTPConnection) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const { smtp } = account;
  const connection = new SMTPConnection({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.tls === 'implicit',
    requireTLS: smtp.tls === 'starttls',
    ignoreTLS: smtp.tls === 'none',
    tls: tlsOptions(smtp),
    name: domainOf(account.address),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: GREETING_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    logger: false,
  });
  const ended = new Promise<never>((_resolve, reject) => {
    connection.on('error', reject);
    connection.on('end', () => reject(new Error('the mail server ended the connection')));
  });
  // Also when nobody waits for it any more.
  ended.catch(() => undefined);
  let onAbort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortReason(signal));
  });
  signal.addEventListener('abort', onAbort, { once: true });
  const run = async () => {
    await call((done) => connection.connect((error) => done(error ?? null)));
    await call((done) => connection.login({ user: account.username, pass: account.password }, done));
    const result = await use(connection);
    connection.quit();
    return result;
  };
  const running = run();
  running.catch(() => undefined);
  try {
    return await Promise.race([running, ended, aborted]);
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A method of the library with a callback, as a promise. */
function call<Result>(
  method: (done: (error: Error | null, result?: Result) => void) => void,
): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    method((error, result) => (error ? reject(error) : resolve(result)));
  });
}
