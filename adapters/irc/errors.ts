// What went wrong on IRC, in the words of the contract, and without the password.
import type { SendCode, SendFailure } from '../contract.ts';
import { maybe, no, UnsendableError, type Verdict } from '../transport/failures.ts';
import type { Redactor } from '../../shared/redact.ts';

/** It was sent, and the connection ended before the server had answered. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** The server refused some or all lines of a message. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly numeric: string;
  /** True when none of it went out. */
  readonly isWhole: boolean;

  constructor(refusal: { numeric: string; reason: string; isWhole: boolean }) {
    super(`${refusal.numeric} ${refusal.reason}`);
    this.numeric = refusal.numeric;
    this.isWhole = refusal.isWhole;
  }
}

/** The server does not let us in. `kind`: login: the password · banned · nick: none is free · other. */
export class RegistrationError extends Error {
  override readonly name = 'RegistrationError';
  readonly kind: 'login' | 'banned' | 'nick' | 'other';

  constructor(kind: RegistrationError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Answers to a message, https://modern.ircdocs.horse/#numerics and https://defs.ircdocs.horse/defs/numerics, read 2026-11-21. */
const NUMERICS: Readonly<Record<string, SendCode>> = {
  '401': 'unreachable', // nobody has the nick just now
  '403': 'not_found',
  '404': 'forbidden',
  '407': 'bad_request',
  '408': 'format', // no colours and the like in this channel
  '411': 'bad_request',
  '412': 'bad_request',
  '413': 'bad_request',
  '414': 'bad_request',
  '417': 'too_long',
  '437': 'unreachable',
  '439': 'rate_limited',
  '442': 'forbidden',
  '477': 'forbidden',
  '482': 'forbidden',
  '486': 'forbidden',
  '489': 'forbidden',
  '531': 'forbidden',
  '716': 'forbidden',
};

/** Whether a numeric refuses a message. */
export function isRefusal(numeric: string): boolean {
  return Object.hasOwn(NUMERICS, numeric);
}

/** How long a server that calls us too fast wants to be left alone. */
const TOO_FAST_MS = 60_000;

/** Any failure of a send as its result. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  return { ok: false, ...judge(error), cause: describe(error, redactor) };
}

function judge(error: unknown): Verdict {
  if (error instanceof UnsendableError) return no(error.code, error.retryAfterMs);
  if (!(error instanceof RefusedError)) return maybe('unreachable');
  const code = NUMERICS[error.numeric] ?? 'bad_request';
  const verdict = error.isWhole ? no(code) : maybe(code);
  return code === 'rate_limited' ? { ...verdict, retryAfterMs: TOO_FAST_MS } : verdict;
}

/** An error that may be logged and shown. */
export function describe(error: unknown, redactor: Redactor): Error {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const text = error instanceof Error ? `${error.message.slice(0, 300)}${code}` : 'unknown failure';
  return new Error(redactor.redact(text));
}
