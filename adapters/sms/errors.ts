// What went wrong with a call of Twilio's API, in the words of the contract, without the token that the call carried.
import type { SendCode, SendResult } from '../contract.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';

export type SendFailure = Extract<SendResult, { ok: false }>;

/** Twilio answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** https://www.twilio.com/docs/api/errors; undefined when the answer had none. */
  readonly code: number | undefined;
  /** From the Retry-After header, if there is one. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, message: string, more: { code?: number | undefined; retryAfterMs?: number | undefined }) {
    super(message);
    this.status = status;
    this.code = more.code;
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** Thrown before anything was sent, for what could never be accepted. */
export class UnsendableError extends Error {
  override readonly name = 'UnsendableError';
  readonly code: SendCode;

  constructor(code: SendCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Thrown instead of calling anything when the adapter does not run or the caller has given up. */
export class NotCalledError extends Error {
  override readonly name = 'NotCalledError';
}

const RATE_LIMIT_WAIT_MS = 30_000;
/** Of a limit per day. */
const DAY_LIMIT_WAIT_MS = 3_600_000;

// https://www.twilio.com/docs/api/errors, read 2026-11-21. All of them refuse the message as a whole.
const CODES: ReadonlyMap<number, SendCode> = new Map([
  [20003, 'auth'], // authenticate
  [20005, 'auth'], // account is not active
  [20429, 'rate_limited'], // too many requests
  [21201, 'not_found'], // no 'To' number
  [21211, 'not_found'], // invalid 'To' number
  [21217, 'not_found'], // the number is none
  [21219, 'forbidden'], // not verified, on a trial account
  [21408, 'forbidden'], // no permission to send to that region
  [21602, 'bad_request'], // no body
  [21603, 'auth'], // no sender: settings
  [21606, 'auth'], // the sender is not ours: settings
  [21608, 'forbidden'], // not verified, on a trial account
  [21610, 'forbidden'], // the person has opted out (STOP)
  [21611, 'rate_limited'], // the queue of the sender is full
  [21612, 'not_found'], // no route to this number
  [21614, 'not_found'], // no mobile number
  [21617, 'too_long'],
  [21659, 'auth'], // the sender is not ours: settings
  [21660, 'auth'], // the sender is not of this account: settings
  [21703, 'auth'], // the messaging service has no senders: settings
  [30007, 'forbidden'], // filtered by a carrier
  [30034, 'auth'], // the number is not registered for A2P 10DLC
  [63038, 'rate_limited'], // limit of the account for a day
]);

/** Any failure of a send as its result. `redactor` knows the token. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  const cause = describe(error, redactor);
  if (error instanceof UnsendableError) return { ok: false, code: error.code, reached: 'no', cause };
  if (error instanceof NotCalledError) return { ok: false, code: 'unreachable', reached: 'no', cause };
  if (!(error instanceof ApiError))
    return { ok: false, code: 'unreachable', reached: mayHaveReached(error) ? 'maybe' : 'no', cause };
  const code = codeOf(error);
  return {
    ok: false,
    code,
    // A 4xx refuses the request; a 5xx says that Twilio failed while handling it.
    reached: error.status >= 500 ? 'maybe' : 'no',
    ...(code === 'rate_limited' && { retryAfterMs: waitOf(error) }),
    cause,
  };
}

function codeOf({ status, code }: ApiError): SendCode {
  const known = code === undefined ? undefined : CODES.get(code);
  if (status >= 500) return 'unreachable';
  if (known !== undefined) return known;
  if (status === 429) return 'rate_limited';
  if (status === 401 || status === 403) return 'auth';
  return status === 404 ? 'not_found' : 'bad_request';
}

function waitOf({ retryAfterMs, code }: ApiError): number {
  return retryAfterMs ?? (code === 63038 ? DAY_LIMIT_WAIT_MS : RATE_LIMIT_WAIT_MS);
}

// Errors of connecting: no byte of the request left this machine.
const NOT_CONNECTED =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EAI_NODATA|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|CERT_.*|ERR_TLS_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;

/** Of a failure that is no answer: all but these (time-outs, dropped connections, no JSON) come after the request may have been taken. */
function mayHaveReached(error: unknown): boolean {
  const codes = codesOf(error);
  return codes.length === 0 || codes.some((code) => !NOT_CONNECTED.test(code));
}

/** Error codes of an error, its causes, and the attempts that it sums up. */
function codesOf(error: unknown, depth = 0): readonly string[] {
  if (depth > 6 || !(error instanceof Error)) return [];
  const inner = [error.cause, ...(error instanceof AggregateError ? Array.from<unknown>(error.errors) : [])];
  const own = 'code' in error && typeof error.code === 'string' && error.code !== 'ABORT_ERR' ? [error.code] : [];
  return [...own, ...inner.flatMap((one) => codesOf(one, depth + 1))];
}

/** An error that may be logged and shown: a new one, since those of fetch carry whole requests. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(summarize(error)).slice(0, 500));
}

function summarize(error: unknown): string {
  if (error instanceof ApiError) return `${error.code ?? error.status} ${error.message}`;
  if (!(error instanceof Error)) return 'unknown failure';
  const codes = [...new Set(codesOf(error))];
  return codes.length > 0 ? `${error.message} (${codes.join(', ')})` : error.message;
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error && isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const { code, cause } = explainFailure(error, redactor);
  if (code === 'auth') return new AppError('platform_auth', AUTH_ADVICE, { cause });
  if (code === 'not_found') return new AppError('not_found', 'Twilio does not have this any more.', { cause });
  if (code !== 'unreachable' && code !== 'rate_limited')
    return new AppError('bad_input', 'Twilio refused the request.', { cause });
  return new AppError('platform_unreachable', 'Twilio could not be reached; it is tried again.', {
    retryable: true,
    cause,
  });
}

export const AUTH_ADVICE =
  'Twilio refuses the login. Check account_sid, and set TWILIO_AUTH_TOKEN to the Auth Token of the Twilio console.';
