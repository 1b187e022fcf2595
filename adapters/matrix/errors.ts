// What went wrong with a call of the Client-Server API, in the words of the contract, and without the token.
import type { AppError } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { SendCode, SendFailure } from '../contract.ts';
import { judgeUnanswered, summarizeUnanswered, toCallError } from '../transport/failures.ts';

export const NEW_TOKEN =
  'The homeserver refuses the access token. Log in again with `herald setup`, or set MATRIX_ACCESS_TOKEN to a valid one.';

/** Longest wait that we believe a server. */
const MAX_RETRY_MS = 3_600_000;
const DEFAULT_RETRY_MS = 5_000;

/** The homeserver answered with an error. `errcode` is '' when the body was none of Matrix's own, such as a proxy's page. */
export class MatrixError extends Error {
  override readonly name = 'MatrixError';
  readonly status: number;
  readonly errcode: string;
  /** Of a rate limit, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, facts: { errcode: string; message: string; retryAfterMs?: number | undefined }) {
    super(`${status} ${facts.errcode || 'without errcode'}: ${facts.message}`.slice(0, 500));
    this.status = status;
    this.errcode = facts.errcode;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** A step before the send itself failed: whatever became of that step, the message is not out. */
export class BeforeSendError extends Error {
  override readonly name = 'BeforeSendError';
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('A step before the send failed.');
    this.reason = reason;
  }
}

// https://spec.matrix.org/v1.16/client-server-api/#standard-error-response, read 2026-11-21.
const CODES: Readonly<Record<string, SendCode>> = {
  M_LIMIT_EXCEEDED: 'rate_limited',
  M_UNKNOWN_TOKEN: 'auth',
  M_MISSING_TOKEN: 'auth',
  M_USER_DEACTIVATED: 'auth',
  M_USER_SUSPENDED: 'forbidden',
  M_USER_LOCKED: 'auth',
  M_FORBIDDEN: 'forbidden',
  M_GUEST_ACCESS_FORBIDDEN: 'forbidden',
  M_NOT_FOUND: 'not_found',
  M_TOO_LARGE: 'too_long',
  M_UNRECOGNIZED: 'unsupported',
};

function codeOf({ status, errcode }: MatrixError): SendCode {
  const known = CODES[errcode];
  if (known) return known;
  if (status === 401) return 'auth';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not_found';
  if (status === 413) return 'too_long';
  if (status === 429) return 'rate_limited';
  return status >= 500 ? 'unreachable' : 'bad_request';
}

export function isAuthError(error: unknown): boolean {
  return error instanceof MatrixError && codeOf(error) === 'auth';
}

export function hasErrcode(error: unknown, ...errcodes: readonly string[]): boolean {
  return error instanceof MatrixError && errcodes.includes(error.errcode);
}

/** Not there, or not for us to see. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof MatrixError && ['not_found', 'forbidden'].includes(codeOf(error));
}

/** Of a 429: newer servers say it in a header, older ones in the body (`retry_after_ms`). */
export function retryAfterOf(header: string | null, bodyMs: unknown): number {
  const seconds = Number(header ?? Number.NaN);
  const ms = typeof bodyMs === 'number' ? bodyMs : seconds * 1_000;
  return Number.isFinite(ms) && ms >= 0 ? Math.min(Math.ceil(ms), MAX_RETRY_MS) : DEFAULT_RETRY_MS;
}

export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  if (error instanceof BeforeSendError) return { ...explainFailure(error.reason, redactor), reached: 'no' };
  const cause = describe(error, redactor);
  if (error instanceof MatrixError) {
    const code = codeOf(error);
    if (code === 'rate_limited')
      return { ok: false, code, reached: 'no', retryAfterMs: error.retryAfterMs ?? DEFAULT_RETRY_MS, cause };
    // A 5xx says that the server failed while handling it: anything may have happened.
    return { ok: false, code, reached: error.status >= 500 ? 'maybe' : 'no', cause };
  }
  return { ok: false, ...judgeUnanswered(error, { hasFiles: false }), cause };
}

/** An error that may be logged and shown. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(summarizeUnanswered(error).slice(0, 500)));
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  return toCallError(error, () => explainFailure(error, redactor), {
    name: 'The homeserver',
    auth: NEW_TOKEN,
    forbidden: 'The homeserver does not let us have this.',
  });
}
