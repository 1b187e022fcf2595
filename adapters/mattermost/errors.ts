// What went wrong with a call of the server, in the words of the contract, without the token that the call carried.
import type { SendFailure } from '../contract.ts';
import { judgeUnanswered, maybe, no, summarizeUnanswered, type Verdict } from '../transport/failures.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';

/** The server answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Mattermost's own code, such as `api.context.permissions.app_error`; '' when the answer is not Mattermost's. */
  readonly id: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, id: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.id = id;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Without a hint of its own, a limit is asked again after this. */
const RATE_LIMIT_WAIT_MS = 5_000;

// Codes of server/i18n/en.json and of the places that use them (api4/post.go, app/post.go, model/post.go, read 2026-11-21). First match wins.
const IDS: readonly [RegExp, Verdict][] = [
  [/^model\.post\.is_valid\.(?:message_length|msg)\.app_error$|^store\.sql_post\..*maximum/, no('too_long')],
  [/file.*too_large|request_body_too_large/, no('too_long')],
  [/can_not_post_to_deleted|town_square_read_only|time_limit|edit_history|insufficient_permission/, no('forbidden')],
  [/invalid_url_param|\.get_by_id\..*(?:not_found|missing)|\.find\.app_error$/, no('not_found')],
];

/** Any failure of a send as its result. `redactor` knows the token. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  const verdict = error instanceof ApiError ? judgeAnswer(error) : judgeUnanswered(error, { hasFiles: true });
  const hint = error instanceof ApiError ? error.retryAfterMs : undefined;
  return {
    ok: false,
    ...verdict,
    ...(verdict.code === 'rate_limited' && { retryAfterMs: hint ?? RATE_LIMIT_WAIT_MS }),
    cause: describe(error, redactor),
  };
}

function judgeAnswer({ status, id }: ApiError): Verdict {
  if (status === 429) return no('rate_limited');
  if (status >= 500 || status === 408) return maybe('unreachable');
  if (status === 401) return no('auth');
  const known = IDS.find(([pattern]) => pattern.test(id))?.[1];
  if (known) return known;
  if (status === 403) return no('forbidden');
  if (status === 404) return no('not_found');
  return no(status === 413 ? 'too_long' : 'bad_request');
}

/** An error that may be logged and shown: a new one, since those of fetch carry whole requests. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(summarize(error)).slice(0, 500));
}

function summarize(error: unknown): string {
  if (error instanceof ApiError) return `${error.status} ${error.id} ${error.message}`.replace(/\s+/g, ' ');
  return summarizeUnanswered(error);
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error && isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const cause = describe(error, redactor);
  if (error instanceof ApiError && error.status === 401) return new AppError('platform_auth', REFUSED_LOGIN, { cause });
  if (error instanceof ApiError && error.status === 403)
    return new AppError('not_allowed', 'The Mattermost bot may not do this. Add it to the team and the channel.', {
      cause,
    });
  if (error instanceof ApiError && (error.status === 404 || error.status === 400))
    return new AppError('not_found', 'Mattermost does not have this any more.', { cause });
  return new AppError('platform_unreachable', 'The Mattermost server could not be reached; it is tried again.', {
    retryable: true,
    cause,
  });
}

export function isRefusedLogin(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** Whether the same call may work later without anybody changing anything. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 429 || error.status >= 500 || error.status === 408;
}

export const REFUSED_LOGIN =
  'The Mattermost server refuses the token of the bot. Make a new one under "Integrations > Bot Accounts", and set MATTERMOST_TOKEN.';
