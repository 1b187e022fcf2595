// What went wrong with a call of the Web API, in the words of the contract. Error codes: the methods' pages on
// https://docs.slack.dev/reference/methods, read 2026-11-21.
import { z } from 'zod';
import type { SendCode, SendResult } from '../contract.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';
import { preview } from '../../shared/text.ts';

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

/** Thrown instead of calling anything when the adapter does not run or the caller has given up. */
export class NotCalledError extends Error {
  override readonly name = 'NotCalledError';
}

/** Slack, or the server that takes uploads, answered with a status that is no success. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: number;

  constructor(status: number, what: string) {
    super(`${what}: status ${status}`);
    this.status = status;
  }
}

export const REFUSED_LOGIN =
  'Slack refuses the bot token. Copy the Bot User OAuth Token of the app again ("OAuth & Permissions") and set SLACK_BOT_TOKEN.';

/** An answer with `ok: false`, as the SDK throws it. Told by its shape, so that the SDK need not be loaded to look. */
const platformError = z.looseObject({
  code: z.literal('slack_webapi_platform_error'),
  data: z.looseObject({
    error: z.string(),
    needed: z.string().optional(),
    response_metadata: z
      .looseObject({ messages: z.array(z.string()).optional(), retryAfter: z.number().optional() })
      .optional(),
  }),
});
const rateLimitError = z.looseObject({
  code: z.literal('slack_webapi_rate_limited_error'),
  retryAfter: z.number().nonnegative(),
});
const httpError = z.looseObject({ code: z.literal('slack_webapi_http_error'), statusCode: z.number() });

/** The error code of an answer with `ok: false`; undefined for everything else. */
export function errorCodeOf(error: unknown): string | undefined {
  const parsed = platformError.safeParse(error);
  return parsed.success && isCode(parsed.data.data.error) ? parsed.data.data.error : undefined;
}

/** An answer that was no JSON is given by the SDK as if it were the code. */
function isCode(text: string): boolean {
  return /^[a-z0-9_]{1,80}$/.test(text);
}

const CODES: Readonly<Record<string, SendCode>> = {
  // Our login
  not_authed: 'auth',
  invalid_auth: 'auth',
  account_inactive: 'auth',
  token_revoked: 'auth',
  token_expired: 'auth',
  not_allowed_token_type: 'auth',
  two_factor_setup_required: 'auth',
  accesslimited: 'auth',
  // Where it was to go
  channel_not_found: 'not_found',
  message_not_found: 'not_found',
  thread_not_found: 'not_found',
  invalid_thread_ts: 'not_found',
  bad_timestamp: 'not_found',
  user_not_found: 'not_found',
  users_not_found: 'not_found',
  team_not_found: 'not_found',
  file_not_found: 'not_found',
  file_deleted: 'not_found',
  not_in_channel: 'forbidden',
  is_archived: 'forbidden',
  is_inactive: 'forbidden',
  no_permission: 'forbidden',
  access_denied: 'forbidden',
  ekm_access_denied: 'forbidden',
  missing_scope: 'forbidden',
  messages_tab_disabled: 'forbidden',
  user_disabled: 'forbidden',
  user_not_visible: 'forbidden',
  cannot_dm_bot: 'forbidden',
  team_access_not_granted: 'forbidden',
  cannot_reply_to_message: 'forbidden',
  // What was to go
  msg_too_long: 'too_long',
  msg_blocks_too_long: 'too_long',
  invalid_blocks: 'format',
  invalid_blocks_format: 'format',
  invalid_attachments: 'format',
  too_many_blocks: 'format',
  block_mismatch: 'format',
  cant_update_message: 'unsupported',
  edit_window_closed: 'unsupported',
  streaming_state_conflict: 'unsupported',
  unknown_method: 'unsupported',
  method_deprecated: 'unsupported',
  deprecated_endpoint: 'unsupported',
  method_not_supported_for_channel_type: 'unsupported',
  invalid_name: 'unsupported',
  too_many_emoji: 'unsupported',
  too_many_reactions: 'unsupported',
  file_uploads_disabled: 'unsupported',
  // Too much at once
  ratelimited: 'rate_limited',
  rate_limited: 'rate_limited',
  message_limit_exceeded: 'rate_limited',
  // "It's possible some aspect of the operation succeeded before the error was raised."
  internal_error: 'unreachable',
  fatal_error: 'unreachable',
  service_unavailable: 'unreachable',
  request_timeout: 'unreachable',
  update_failed: 'unreachable',
  org_login_required: 'unreachable',
  team_added_to_org: 'unreachable',
  external_channel_migrating: 'unreachable',
};

function codeOf(error: string): SendCode {
  if (error.startsWith('restricted_action') || error.startsWith('slack_connect_')) return 'forbidden';
  return CODES[error] ?? 'bad_request';
}

/** Any failure of a send as its result. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  const cause = describe(error, redactor);
  const fail = (code: SendCode, reached: 'no' | 'maybe', retryAfterMs?: number): SendFailure => ({
    ok: false,
    code,
    reached,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    cause,
  });
  if (error instanceof UnsendableError) return fail(error.code, 'no');
  if (error instanceof NotCalledError) return fail('unreachable', 'no');
  const limited = rateLimitError.safeParse(error);
  if (limited.success) return fail('rate_limited', 'no', limited.data.retryAfter * 1_000);
  const platform = platformError.safeParse(error);
  if (platform.success) {
    const { error: name, response_metadata: meta } = platform.data.data;
    if (!isCode(name)) return fail('unreachable', 'maybe');
    const code = codeOf(name);
    if (code === 'rate_limited') return fail(code, 'no', (meta?.retryAfter ?? 1) * 1_000);
    // `ok: false` refuses the request as a whole, so nothing went out, but for faults of Slack's own.
    return fail(code, code === 'unreachable' ? 'maybe' : 'no');
  }
  const status = statusOf(error);
  if (status !== undefined) return fail(codeOfStatus(status), status >= 500 ? 'maybe' : 'no');
  // The SDK's own words for a 429 that does not say how long.
  if (error instanceof Error && /retry header did not contain/i.test(error.message))
    return fail('rate_limited', 'no', 1_000);
  return fail(isLocalFileError(error) ? 'bad_request' : 'unreachable', reachedOf(error));
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof StatusError) return error.status;
  const http = httpError.safeParse(error);
  return http.success ? http.data.statusCode : undefined;
}

function codeOfStatus(status: number): SendCode {
  if (status === 429) return 'rate_limited';
  if (status >= 500) return 'unreachable';
  if (status === 413) return 'too_long';
  if (status === 403) return 'forbidden';
  return status === 404 ? 'not_found' : 'bad_request';
}

// Errors of connecting: no byte of the request left this machine.
const NOT_CONNECTED =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EAI_NODATA|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|CERT_.*|ERR_TLS_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;
const FILE_ERRORS = /^(?:ENOENT|EACCES|EISDIR|EPERM)$/;

/** All others (time-outs, dropped connections, broken answers) come after the request may have been taken. */
function reachedOf(error: unknown): 'no' | 'maybe' {
  const codes = codesOf(error);
  const isCertain = codes.length > 0 && codes.every((code) => NOT_CONNECTED.test(code) || FILE_ERRORS.test(code));
  return isCertain ? 'no' : 'maybe';
}

function isLocalFileError(error: unknown): boolean {
  return codesOf(error).some((code) => FILE_ERRORS.test(code));
}

/** Error codes of the system, of an error, what it wraps and the attempts that it sums up. */
function codesOf(error: unknown, depth = 0): readonly string[] {
  if (depth > 6 || !(error instanceof Error)) return [];
  const inner = [
    'original' in error ? error.original : undefined,
    error.cause,
    ...(error instanceof AggregateError ? Array.from<unknown>(error.errors) : []),
  ];
  const own =
    'code' in error && typeof error.code === 'string' && !/^(?:ABORT_ERR|slack_webapi_.*)$/.test(error.code)
      ? [error.code]
      : [];
  return [...own, ...inner.flatMap((one) => codesOf(one, depth + 1))];
}

/** An error that may be logged and shown: a new one, since those of the SDK carry answers and headers. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(preview(redactor.redact(summarize(error)), 400));
}

function summarize(error: unknown): string {
  const platform = platformError.safeParse(error);
  if (platform.success) {
    const { error: name, needed, response_metadata: meta } = platform.data.data;
    if (!isCode(name)) return 'Slack answered something that is no JSON';
    if (name === 'missing_scope')
      return `the Slack app lacks the scope ${needed ?? '(unnamed)'}; add it and reinstall the app`;
    return [`Slack says ${name}`, ...(meta?.messages ?? [])].join(' ');
  }
  const limited = rateLimitError.safeParse(error);
  if (limited.success) return `Slack asks to wait ${limited.data.retryAfter} s`;
  const status = statusOf(error);
  if (status !== undefined) return `Slack answered with status ${status}`;
  if (!(error instanceof Error)) return 'unknown failure';
  const codes = [...new Set(codesOf(error))];
  return codes.length > 0 ? `${error.message} (${codes.join(', ')})` : error.message;
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error && isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const { code, cause } = explainFailure(error, redactor);
  switch (code) {
    case 'auth':
      return new AppError('platform_auth', REFUSED_LOGIN, { cause });
    case 'rate_limited':
      return new AppError('platform_unreachable', 'Slack asks to wait; it is tried again.', { retryable: true, cause });
    case 'unreachable':
      return new AppError('platform_unreachable', 'Slack could not be reached; it is tried again.', {
        retryable: true,
        cause,
      });
    case 'not_found':
      return new AppError('not_found', 'Slack does not have this any more.', { cause });
    case 'forbidden':
      return new AppError('not_allowed', `Slack does not allow it: ${cause.message}.`, { cause });
    default:
      return new AppError('bad_input', 'Slack refused the request.', { cause });
  }
}
