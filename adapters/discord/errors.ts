// What went wrong with a call of the API, in the words of the contract, and without anything of what was sent.
import type { DiscordAPIError, HTTPError, RateLimitError } from 'discord.js';
import type { SendCode, SendFailure } from '../contract.ts';
import {
  isFileError,
  mayHaveReached,
  NotCalledError,
  summarizeUnanswered,
  toCallError,
  UnsendableError,
} from '../transport/failures.ts';
import type { AppError } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';

export const NEW_TOKEN =
  'Discord refuses the bot token. Make a new one in the developer portal (https://discord.com/developers/applications, your application, Bot, Reset Token) and set DISCORD_BOT_TOKEN.';

/** What became of a request before it failed. */
export interface CallFate {
  /** False: no byte of it was handed to the network. */
  isSent: boolean;
}

/** A call of the API that failed, read once at the border. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: SendCode;
  readonly reached: 'no' | 'maybe';
  readonly retryAfterMs: number | undefined;
  /** Discord's own code, when it answered with one. */
  readonly apiCode: number | undefined;

  constructor(message: string, facts: Pick<CallError, 'code' | 'reached' | 'retryAfterMs' | 'apiCode'>) {
    super(message);
    this.code = facts.code;
    this.reached = facts.reached;
    this.retryAfterMs = facts.retryAfterMs;
    this.apiCode = facts.apiCode;
  }
}

/** Discord took the request and answered something that cannot be read. */
export function unreadableAnswer(what: string): CallError {
  return new CallError(`Discord answered something else than ${what}`, {
    code: 'unreachable',
    reached: 'maybe',
    retryAfterMs: undefined,
    apiCode: undefined,
  });
}

// Told by shape, so that the SDK need not be loaded to look.
function isApiError(error: unknown): error is DiscordAPIError {
  return error instanceof Error && error.name.startsWith('DiscordAPIError') && 'rawError' in error;
}

function isHttpError(error: unknown): error is HTTPError {
  return error instanceof Error && error.name === 'HTTPError' && 'status' in error;
}

export function isRateLimit(error: unknown): error is RateLimitError {
  return error instanceof Error && error.name.startsWith('RateLimitError') && 'timeToReset' in error;
}

/** Shortest pause after a rate limit that names none. */
const MIN_RETRY_MS = 1_000;

/** Any failure of a call. `redactor` knows the token. */
export function readCallError(error: unknown, fate: CallFate, redactor: Redactor): CallError {
  const none = { retryAfterMs: undefined, apiCode: undefined };
  const message = redactor.redact(summarize(error));
  if (error instanceof NotCalledError) return new CallError(message, { ...none, code: 'unreachable', reached: 'no' });
  if (isRateLimit(error)) {
    const retryAfterMs = error.retryAfter > 0 ? Math.ceil(error.retryAfter) : MIN_RETRY_MS;
    return new CallError(message, { ...none, code: 'rate_limited', reached: 'no', retryAfterMs });
  }
  if (isApiError(error)) {
    const apiCode = typeof error.code === 'number' ? error.code : undefined;
    const code = codeOfAnswer(error.status, apiCode, error.message);
    // A 4xx refuses the request as a whole, so nothing went out.
    return new CallError(message, {
      code,
      reached: 'no',
      retryAfterMs: code === 'rate_limited' ? MIN_RETRY_MS : undefined,
      apiCode,
    });
  }
  // A 5xx says that the server failed while handling it: anything may have happened. So does a connection that breaks.
  const reached = fate.isSent && mayHaveReached(error) ? 'maybe' : 'no';
  return new CallError(message, { ...none, code: 'unreachable', reached });
}

// https://docs.discord.com/developers/topics/opcodes-and-status-codes#json, read 2026-11-21.
const CODES: ReadonlyMap<number, SendCode> = new Map<number, SendCode>([
  [10003, 'not_found'], // unknown channel
  [10004, 'not_found'], // unknown server
  [10008, 'not_found'], // unknown message
  [10013, 'not_found'], // unknown user
  [10014, 'unsupported'], // unknown emoji
  [20016, 'rate_limited'], // slow mode
  [20028, 'rate_limited'], // writes to the channel
  [20029, 'rate_limited'], // writes to the server
  [30010, 'unsupported'], // most reactions that a message can have
  [30046, 'rate_limited'], // edits of messages older than an hour
  [40001, 'auth'],
  [40002, 'auth'], // the account must be verified
  [40003, 'rate_limited'], // direct messages opened too fast
  [40005, 'too_long'], // request too large
  [40062, 'rate_limited'],
  [50001, 'forbidden'], // missing access
  [50005, 'forbidden'], // message of somebody else
  [50006, 'bad_request'], // empty
  [50007, 'forbidden'], // the person takes no direct messages, or has blocked us
  [50008, 'unsupported'], // no text channel
  [50009, 'forbidden'], // verification level
  [50013, 'forbidden'], // missing permissions
  [50014, 'auth'],
  [50024, 'unsupported'],
  [50033, 'not_found'], // no such recipient
  [50045, 'too_long'], // file too large
  [50083, 'forbidden'], // archived thread
  [50151, 'unsupported'], // emoji
  [50162, 'unsupported'], // voice messages cannot be edited
  [50173, 'forbidden'], // no voice messages in this channel
  [50278, 'forbidden'], // no server in common
  [90001, 'forbidden'], // reaction blocked
  [130000, 'unreachable'], // overloaded
  [160005, 'forbidden'], // thread is locked
  [200000, 'bad_request'], // automatic moderation
  [240000, 'bad_request'], // harmful links
]);

function codeOfAnswer(status: number, apiCode: number | undefined, message: string): SendCode {
  if (status === 401) return 'auth';
  if (status === 429) return 'rate_limited';
  if (status === 413) return 'too_long';
  // "Invalid form body": only a text that is too long can be sent another way.
  if (apiCode === 50035) return /\bcontent\[BASE_TYPE_(?:MAX|BAD)_LENGTH\]/.test(message) ? 'too_long' : 'bad_request';
  const known = apiCode === undefined ? undefined : CODES.get(apiCode);
  if (known) return known;
  if (status === 403) return 'forbidden';
  return status === 404 ? 'not_found' : 'bad_request';
}

function summarize(error: unknown): string {
  if (isApiError(error)) return `${error.method} answered ${error.status} (${error.code}): ${error.message}`;
  if (isHttpError(error)) return `${error.method} answered ${error.status}`;
  if (isRateLimit(error)) return `${error.method} is rate limited${error.global ? ' for all calls' : ''}`;
  return summarizeUnanswered(error);
}

/** Any failure of a send as its result. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  const cause = describe(error, redactor);
  if (error instanceof CallError) {
    const { code, reached, retryAfterMs } = error;
    return { ok: false, code, reached, ...(retryAfterMs !== undefined && { retryAfterMs }), cause };
  }
  if (error instanceof UnsendableError) return { ok: false, code: error.code, reached: 'no', cause };
  // All that is left happens before a call: reading a file, preparing the form.
  return { ok: false, code: isFileError(error) ? 'bad_request' : 'unreachable', reached: 'no', cause };
}

/** An error that may be logged and shown: a new one, since others carry payloads and addresses. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(error instanceof CallError ? error.message : summarize(error)));
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  return toCallError(error, () => explainFailure(error, redactor), {
    name: 'Discord',
    auth: NEW_TOKEN,
    forbidden: 'Discord does not let the bot do this; check its permissions there.',
  });
}
