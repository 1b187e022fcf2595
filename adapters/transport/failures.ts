// What is known of a call that failed: whether it was made at all, and whether it may have been taken.
import type { SendCode, SendFailure } from '../contract.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { MessageId } from '../../shared/ids.ts';

export type Verdict = Pick<SendFailure, 'code' | 'reached' | 'retryAfterMs'>;

export function no(code: SendCode, retryAfterMs?: number): Verdict {
  return { code, reached: 'no', ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

export function maybe(code: SendCode): Verdict {
  return { code, reached: 'maybe' };
}

/** Thrown before anything was sent, for what cannot go out as it is, or not now. */
export class UnsendableError extends Error {
  override readonly name: string = 'UnsendableError';
  readonly code: SendCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: SendCode, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Thrown instead of calling anything when the adapter does not run or the caller has given up. */
export class NotCalledError extends UnsendableError {
  override readonly name = 'NotCalledError';

  constructor(message: string, options?: { cause?: unknown }) {
    super('unreachable', message, options);
  }
}

/** Of a message that failed after `sent` of it: once some of it is out, 'no' would have that sent again. */
export function partlySent(sent: readonly MessageId[], failure: SendFailure): SendFailure {
  return sent.length > 0 ? { ...failure, reached: 'maybe' } : failure;
}

/** Words of a platform for calls that are no sends. */
export interface CallWords {
  /** At the beginning of a sentence: Discord, The homeserver. */
  name: string;
  /** What to do when it refuses the login. */
  auth: string;
  /** For what we may not do there; without it, that is a refusal as any other. */
  forbidden?: string | undefined;
}

/** For calls that are no sends: an AppError to throw. `explain` says what a send would be told. */
export function toCallError(error: unknown, explain: () => SendFailure, words: CallWords): AppError {
  if (error instanceof AppError) return error;
  if (isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const { code, cause } = explain();
  const { name, auth, forbidden } = words;
  if (code === 'auth') return new AppError('platform_auth', auth, { cause });
  if (code === 'rate_limited' || code === 'unreachable') {
    const what = code === 'unreachable' ? 'could not be reached' : 'asks to wait';
    return new AppError('platform_unreachable', `${name} ${what}; it is tried again.`, { retryable: true, cause });
  }
  if (code === 'not_found') return new AppError('not_found', `${name} does not have this any more.`, { cause });
  if (code === 'forbidden' && forbidden !== undefined) return new AppError('not_allowed', forbidden, { cause });
  return new AppError('bad_input', `${name} refused the request.`, { cause });
}

/** Of a failure that is no answer of the platform's. `hasFiles`: the call may have carried files of ours. */
export function judgeUnanswered(error: unknown, { hasFiles }: { hasFiles: boolean }): Verdict {
  if (error instanceof UnsendableError) return no(error.code, error.retryAfterMs);
  // A file that breaks off leaves a body without an end, which no server takes.
  if (hasFiles && isFileError(error)) return no('bad_request');
  return mayHaveReached(error) ? maybe('unreachable') : no('unreachable');
}

// Errors of connecting: no byte of the request left this machine.
const NOT_CONNECTED =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EAI_NODATA|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|CONNECT_TIMEOUT|UND_ERR_CONNECT_TIMEOUT|CERT_.*|ERR_TLS_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;
// The last is how `openAsBlob` names a file that it cannot open.
const FILE_ERRORS = /^(?:ENOENT|EACCES|EISDIR|EPERM|EIO|ERR_INVALID_ARG_VALUE)$/;

/** False only when all that is known says so: time-outs, dropped connections and odd answers come after the request may have been taken. */
export function mayHaveReached(error: unknown): boolean {
  const codes = codesOf(error);
  return codes.length === 0 || codes.some((code) => !NOT_CONNECTED.test(code));
}

export function isFileError(error: unknown): boolean {
  return codesOf(error).some((code) => FILE_ERRORS.test(code));
}

/** The error's own words with the codes of what is behind it. Not yet safe to show: redact it. */
export function summarizeUnanswered(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const codes = codesOf(error);
  return codes.length > 0 ? `${error.message} (${codes.join(', ')})` : error.message;
}

/** Codes of the system, each once: of an error, of what it wraps and of the attempts that it sums up. */
export function codesOf(error: unknown): readonly string[] {
  return [...new Set(collectCodes(error, 0))];
}

function collectCodes(error: unknown, depth: number): readonly string[] {
  if (depth > 6 || !(error instanceof Error)) return [];
  const inner = [
    error.cause,
    // Where client libraries keep what they wrap.
    'error' in error ? error.error : undefined,
    'original' in error ? error.original : undefined,
    ...(error instanceof AggregateError ? Array.from<unknown>(error.errors) : []),
  ];
  // Those of client libraries are written small.
  const code = 'code' in error ? error.code : undefined;
  const own = typeof code === 'string' && /^[A-Z]/.test(code) && code !== 'ABORT_ERR' ? [code] : [];
  return [...own, ...inner.flatMap((one) => collectCodes(one, depth + 1))];
}
