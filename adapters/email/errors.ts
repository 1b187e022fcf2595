// What went wrong with a mail server, in the words of the contract, and never with a password in it.
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { SendCode, SendFailure } from '../contract.ts';
import { maybe, no, UnsendableError, type Verdict } from '../transport/failures.ts';
import type { MailAccount } from './settings.ts';

/** A mail is there, and its server's answer about it cannot be read. */
export class UnreadableMailError extends Error {
  override readonly name = 'UnreadableMailError';
}

/** What client libraries put on their errors. */
interface Facts {
  /** ECONNREFUSED, EAUTH, … */
  code: string;
  /** Three digits of SMTP; 0 = the server did not say. */
  reply: number;
  /** x.y.z of RFC 3463; '' = none. */
  status: string;
  response: string;
}

function factsOf(error: unknown): Facts {
  const read = (key: string): unknown =>
    typeof error === 'object' && error !== null ? Reflect.get(error, key) : undefined;
  const text = (key: string): string => {
    const value = read(key);
    return typeof value === 'string' ? value : '';
  };
  const response = text('response') || text('responseText');
  const reply = Number(read('responseCode') ?? /^(\d{3})\b/.exec(response)?.[1] ?? 0);
  const status = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? '';
  return { code: text('code'), reply: Number.isInteger(reply) ? reply : 0, status, response };
}

/**
 * A failed send. `mayBeTaken`: the end of the mail was written, so the server may have it although it did not say so. An answer of the
 * server settles that: it takes a mail with 250 only.
 */
export function explainSmtp(error: unknown, mayBeTaken: boolean, redactor: Redactor): SendFailure {
  return { ok: false, ...judge(error, mayBeTaken), cause: describe(error, redactor) };
}

function judge(error: unknown, mayBeTaken: boolean): Verdict {
  if (error instanceof UnsendableError) return no(error.code, error.retryAfterMs);
  const facts = factsOf(error);
  if (facts.reply >= 400) {
    const code = codeOfReply(facts);
    // A server that turns us away for a while would do it again at once.
    return no(code, code === 'rate_limited' ? 60_000 : undefined);
  }
  if (facts.code === 'EAUTH' || facts.code === 'ENOAUTH') return no('auth');
  // Said before anything is sent: larger than the server announces to take, an address that cannot be written.
  if (facts.code === 'EMESSAGE') return no('too_long');
  if (facts.code === 'EENVELOPE') return no('bad_request');
  return mayBeTaken ? maybe('unreachable') : no('unreachable');
}

/** Replies of RFC 5321 and RFC 4954 with the statuses of RFC 3463. */
function codeOfReply({ reply, status, response }: Facts): SendCode {
  if (reply === 530 || reply === 534 || reply === 535 || reply === 538) return 'auth';
  if (reply < 500)
    return /^4\.[27]\.|rate|too many|throttl|greylist/i.test(`${status} ${response}`) ? 'rate_limited' : 'unreachable';
  if (reply === 552 || /^5\.(?:2\.3|3\.4)$/.test(status)) return 'too_long';
  if (/^5\.1\.[1236]$|^5\.1\.10$/.test(status) || reply === 553) return 'not_found';
  if (status.startsWith('5.7.')) return 'forbidden';
  return reply === 550 || reply === 551 ? 'not_found' : 'bad_request';
}

/** Whether the mailbox's server refused our name or password. A server that cannot check now says UNAVAILABLE (RFC 5530). */
export function isAuthFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (factsOf(error).code === 'EAUTH') return factsOf(error).reply >= 500 || factsOf(error).reply === 0;
  if (!('authenticationFailed' in error) || error.authenticationFailed !== true) return false;
  return !('serverResponseCode' in error && error.serverResponseCode === 'UNAVAILABLE');
}

/** What a server sent could not be read or was refused as such, on a connection that works: trying again would give the same. */
export function isBadAnswer(error: unknown): boolean {
  if (error instanceof UnreadableMailError) return true;
  const { code } = factsOf(error);
  return /^ParserError|TooLarge$|^MAX_IMAP_NESTING|^InvalidResponse$|^ResponseProcessingFailed$/.test(code);
}

export function authHint(account: MailAccount): string {
  const hint =
    account.provider?.hint ?? 'Many services want an app password here, made in the settings of the account.';
  return `The mail server refuses the login of ${account.username}. ${hint} Set EMAIL_PASSWORD, or run herald setup.`;
}

/** An error that may be logged and shown: a new one, since those of libraries carry commands and credentials. */
export function describe(error: unknown, redactor: Redactor): Error {
  if (!(error instanceof Error)) return new Error('unknown failure');
  const { code, reply, response } = factsOf(error);
  const why = [code, reply > 0 || response !== '' ? response.slice(0, 300) : ''].filter(Boolean).join(', ');
  return new Error(
    redactor.redact(why === '' || error.message.includes(why) ? error.message : `${error.message} (${why})`),
  );
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  if (error instanceof AppError) return error;
  if (isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const cause = describe(error, redactor);
  return isAuthFailure(error)
    ? new AppError('platform_auth', 'The mail server refuses the login.', { cause })
    : new AppError('platform_unreachable', 'The mail server could not be asked; it is tried again.', {
        retryable: true,
        cause,
      });
}
