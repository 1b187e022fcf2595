// What went wrong with a call of the server, in the words of the contract, without the login that the call carried.
import type { SendFailure } from '../contract.ts';
import { judgeUnanswered, maybe, no, summarizeUnanswered, type Verdict } from '../transport/failures.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';

/** The server answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** From the Retry-After header, if there is one. */
  readonly retryAfterMs: number | undefined;
  /** Of a 429: what a captcha must be solved for. */
  readonly challengeTokens: readonly string[];

  constructor(
    status: number,
    message: string,
    more: { retryAfterMs?: number | undefined; challengeTokens?: readonly string[] | undefined } = {},
  ) {
    super(message);
    this.status = status;
    this.retryAfterMs = more.retryAfterMs;
    this.challengeTokens = more.challengeTokens ?? [];
  }
}

/** The server took the message, and Signal did not deliver it to the one person it was for. `reason` as signal-cli names it. */
export class RecipientError extends Error {
  override readonly name = 'RecipientError';
  readonly reason: string;

  constructor(reason: string) {
    super(`Signal did not deliver it: ${reason}.`);
    this.reason = reason;
  }
}

/** Without a hint of its own, a limit of Signal's is asked again after this. */
const RATE_LIMIT_WAIT_MS = 60_000;
/** Nothing goes out before a captcha is solved; afterwards it should not take long. */
const CAPTCHA_WAIT_MS = 10 * 60_000;

/** Any failure of a send as its result. `redactor` knows the login. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  const cause = describe(error, redactor);
  const verdict = judge(error);
  return {
    ok: false,
    ...verdict,
    ...(verdict.code === 'rate_limited' && { retryAfterMs: retryAfterOf(error) }),
    cause,
  };
}

function judge(error: unknown): Verdict {
  if (error instanceof RecipientError) return judgeWords(error.reason) ?? maybe('unreachable');
  return error instanceof ApiError ? judgeAnswer(error) : judgeUnanswered(error, { hasFiles: true });
}

function judgeAnswer({ status, message }: ApiError): Verdict {
  if (status === 401 || status === 403) return no('auth');
  if (status === 404 || status === 405) return no('unsupported');
  if (status === 413) return no('too_long');
  if (status === 429) return no('rate_limited');
  if (status >= 500) return maybe('unreachable');
  // Everything that signal-cli says is a 400. What is unknown may have been said after some of it was sent.
  return judgeWords(message) ?? maybe('bad_request');
}

// In the words of signal-cli (SendMessageResultUtils, SendCommand, JsonSendMessageResult) and of the server (api.go, client.go),
// https://github.com/AsamK/signal-cli and https://github.com/bbernhard/signal-cli-rest-api, read 2026-11-21. First match wins.
const WORDS: readonly [RegExp, Verdict][] = [
  [/authorization ?failed/i, no('auth')],
  [/rate.?limit|PROOF_REQUIRED|captcha/i, no('rate_limited')],
  [/untrusted|IDENTITY_FAILURE/i, no('forbidden')],
  [/(?:account does not exist|requires (?:valid )?account|^user \+?\d* ?is not registered)/i, no('auth')],
  [/UNREGISTERED_FAILURE|is not registered|unregistered user/i, no('not_found')],
  [/group not found|invalid group id|invalid signal group size|invalid identifier/i, no('not_found')],
  [/not a member in group|not have permission to send/i, no('forbidden')],
  [/INVALID_PRE_KEY_FAILURE|no prekeys available/i, no('unreachable')],
  [/NETWORK_FAILURE|time.?out|timed out|IOException|connection/i, maybe('unreachable')],
  [/couldn't process request|please provide|invalid recipient type|empty message|base64/i, no('bad_request')],
  [/attachment|invalid (?:mention|textstyle|style|sticker)|quote author/i, no('bad_request')],
];

function judgeWords(words: string): Verdict | undefined {
  return WORDS.find(([pattern]) => pattern.test(words))?.[1];
}

function retryAfterOf(error: unknown): number {
  if (!(error instanceof ApiError)) return RATE_LIMIT_WAIT_MS;
  const seconds = /retry after (\d{1,7}) seconds/i.exec(error.message)?.[1];
  if (error.retryAfterMs !== undefined) return error.retryAfterMs;
  if (seconds !== undefined) return Number(seconds) * 1_000;
  return error.challengeTokens.length > 0 ? CAPTCHA_WAIT_MS : RATE_LIMIT_WAIT_MS;
}

/** An error that may be logged and shown: a new one, since those of fetch carry whole requests. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(summarize(error)).slice(0, 500));
}

function summarize(error: unknown): string {
  if (error instanceof ApiError) return `${error.status} ${error.message}`;
  return summarizeUnanswered(error);
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error && isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const cause = describe(error, redactor);
  if (error instanceof ApiError && (error.status === 401 || error.status === 403))
    return new AppError('platform_auth', AUTH_ADVICE, { cause });
  if (error instanceof ApiError && error.status === 404)
    return new AppError('not_found', 'The Signal server does not have this any more.', { cause });
  if (error instanceof ApiError && error.status < 500)
    return new AppError('bad_input', 'The Signal server refused the request.', { cause });
  return new AppError('platform_unreachable', 'The Signal server could not be reached; it is tried again.', {
    retryable: true,
    cause,
  });
}

/** Whether Signal, or the server for lack of an account, refuses us: somebody must link us again. */
export function isUnlinked(error: unknown): boolean {
  return error instanceof ApiError && error.status < 401 && judgeWords(error.message)?.code === 'auth';
}

export const AUTH_ADVICE =
  'The Signal server (or the proxy before it) refuses the login. Set SIGNAL_API_TOKEN to name:password or to its token.';
