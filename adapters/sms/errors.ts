// What went wrong with a call of Twilio's API, in the words of the contract, without the token that the call carried.
import type { SendCode, SendFailure } from '../contract.ts';
import { judgeUnanswered, maybe, no, summarizeUnanswered, toCallError, type Verdict } from '../transport/failures.ts';
import type { AppError } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';

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
  const verdict = error instanceof ApiError ? judgeAnswer(error) : judgeUnanswered(error, { hasFiles: false });
  return { ok: false, ...verdict, cause: describe(error, redactor) };
}

/** A 4xx refuses the request; a 5xx says that Twilio failed while handling it. */
function judgeAnswer(error: ApiError): Verdict {
  const code = codeOf(error);
  if (error.status >= 500) return maybe(code);
  return no(code, code === 'rate_limited' ? waitOf(error) : undefined);
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

/** An error that may be logged and shown: a new one, since those of fetch carry whole requests. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(summarize(error)).slice(0, 500));
}

function summarize(error: unknown): string {
  if (error instanceof ApiError) return `${error.code ?? error.status} ${error.message}`;
  return summarizeUnanswered(error);
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  return toCallError(error, () => explainFailure(error, redactor), { name: 'Twilio', auth: AUTH_ADVICE });
}

export const AUTH_ADVICE =
  'Twilio refuses the login. Check account_sid, and set TWILIO_AUTH_TOKEN to the Auth Token of the Twilio console.';
