// What went wrong with a call of the Bot API, in the words of the contract, and without the token that is part of every address.
import type { GrammyError, HttpError } from 'grammy';
import type { SendCode, SendResult } from '../contract.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';

export type SendFailure = Extract<SendResult, { ok: false }>;

/** Thrown before anything was sent, for what could never be accepted. */
export class UnsendableError extends Error {
  override readonly name = 'UnsendableError';
  readonly code: SendCode;

  constructor(code: SendCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Thrown before anything was sent, because the platform's rate limit would be passed. */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError';
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('Telegram allows no more messages to this chat just now.');
    this.retryAfterMs = retryAfterMs;
  }
}

/** Thrown instead of calling anything when the adapter does not run or the caller has given up. */
export class NotCalledError extends Error {
  override readonly name = 'NotCalledError';
}

/** The Bot API answered with an error. Told by name and shape, so that the SDK need not be loaded to look. */
export function isApiError(error: unknown): error is GrammyError {
  return error instanceof Error && error.name === 'GrammyError' && 'error_code' in error;
}

function isHttpError(error: unknown): error is HttpError {
  return error instanceof Error && error.name === 'HttpError' && 'error' in error;
}

/** Any failure of a send as its result. `redactor` knows the token. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  const cause = describe(error, redactor);
  if (error instanceof UnsendableError) return { ok: false, code: error.code, reached: 'no', cause };
  if (error instanceof NotCalledError) return { ok: false, code: 'unreachable', reached: 'no', cause };
  if (error instanceof RateLimitError) {
    return { ok: false, code: 'rate_limited', reached: 'no', retryAfterMs: error.retryAfterMs, cause };
  }
  if (isApiError(error)) return explainAnswer(error, cause);
  return { ok: false, code: isLocalFileError(error) ? 'bad_request' : 'unreachable', reached: reachedOf(error), cause };
}

/** A 4xx refuses the request as a whole, so nothing went out. A 5xx says that the server failed while handling it: anything may have happened. */
function explainAnswer(error: GrammyError, cause: Error): SendFailure {
  const retryAfter = error.parameters.retry_after;
  const code = codeOfAnswer(error.error_code, error.description);
  return {
    ok: false,
    code,
    reached: error.error_code >= 500 ? 'maybe' : 'no',
    ...(code === 'rate_limited' && { retryAfterMs: (retryAfter ?? 1) * 1_000 }),
    cause,
  };
}

// Descriptions as the Bot API server words them (https://github.com/tdlib/telegram-bot-api), read 2026-11-21. First match wins.
const DESCRIPTIONS: readonly [RegExp, SendCode][] = [
  [/can't parse (?:entities|caption|message)|unsupported start tag|can't find end tag/i, 'format'],
  [/is too long|TOO_LONG/i, 'too_long'],
  [/not found|_ID_INVALID|TOPIC_DELETED|message can't be edited/i, 'not_found'],
  [
    /not enough rights|no rights|_FORBIDDEN|administrator rights|TOPIC_CLOSED|is not a member|kicked|blocked/i,
    'forbidden',
  ],
  [/REACTION|method is available|method not|unsupported/i, 'unsupported'],
];

function codeOfAnswer(status: number, description: string): SendCode {
  if (status === 429) return 'rate_limited';
  if (status >= 500) return 'unreachable';
  // An unknown token in the path is "404 Not Found", a method that the server does not know says so.
  if (status === 404) return /method/i.test(description) ? 'unsupported' : 'auth';
  if (status === 401) return 'auth';
  if (status === 403) return 'forbidden';
  if (status === 413) return 'too_long';
  return DESCRIPTIONS.find(([pattern]) => pattern.test(description))?.[1] ?? 'bad_request';
}

// Errors of connecting: no byte of the request left this machine.
const NOT_CONNECTED =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EAI_NODATA|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|CERT_.*|ERR_TLS_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;
const FILE_ERRORS = /^(?:ENOENT|EACCES|EISDIR|EPERM)$/;

/** All others (time-outs, dropped connections, answers that are no JSON) come after the request may have been taken. */
function reachedOf(error: unknown): 'no' | 'maybe' {
  const codes = codesOf(error);
  const isCertain = codes.length > 0 && codes.every((code) => NOT_CONNECTED.test(code) || FILE_ERRORS.test(code));
  return isCertain ? 'no' : 'maybe';
}

function isLocalFileError(error: unknown): boolean {
  return codesOf(error).some((code) => FILE_ERRORS.test(code));
}

/** Error codes of an error, its causes, and the attempts that it sums up. */
function codesOf(error: unknown, depth = 0): readonly string[] {
  if (depth > 6 || !(error instanceof Error)) return [];
  const inner = [
    isHttpError(error) ? error.error : undefined,
    error.cause,
    ...(error instanceof AggregateError ? Array.from<unknown>(error.errors) : []),
  ];
  const own = 'code' in error && typeof error.code === 'string' && error.code !== 'ABORT_ERR' ? [error.code] : [];
  return [...own, ...inner.flatMap((one) => codesOf(one, depth + 1))];
}

/** An error that may be logged and shown: a new one, since those of the SDK carry payloads and addresses. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(summarize(error)));
}

function summarize(error: unknown): string {
  if (isApiError(error)) return `${error.method}: ${error.error_code} ${error.description}`;
  if (!(error instanceof Error)) return 'unknown failure';
  const codes = codesOf(error);
  const why =
    codes.length > 0
      ? ` (${[...new Set(codes)].join(', ')})`
      : isHttpError(error) && error.error instanceof Error
        ? ` (${error.error.name})`
        : '';
  return `${error.message}${why}`;
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error && isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const failure = explainFailure(error, redactor);
  const { cause } = failure;
  switch (failure.code) {
    case 'auth':
      return new AppError(
        'platform_auth',
        'Telegram refuses the bot token. Ask @BotFather for a new one and set TELEGRAM_BOT_TOKEN.',
        { cause },
      );
    case 'rate_limited':
      return new AppError('platform_unreachable', 'Telegram asks to wait; it is tried again.', {
        retryable: true,
        cause,
      });
    case 'unreachable':
      return new AppError('platform_unreachable', 'Telegram could not be reached; it is tried again.', {
        retryable: true,
        cause,
      });
    case 'not_found':
      return new AppError('not_found', 'Telegram does not have this any more.', { cause });
    default:
      return new AppError('bad_input', 'Telegram refused the request.', { cause });
  }
}
