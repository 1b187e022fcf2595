// What went wrong with a call of the Web API, in the words of the contract. Error codes: the methods' pages on
// https://docs.slack.dev/reference/methods, read 2026-11-21.
import { z } from 'zod';
import type { SendCode, SendFailure } from '../contract.ts';
import { judgeUnanswered, maybe, no, summarizeUnanswered, toCallError, type Verdict } from '../transport/failures.ts';
import type { AppError } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';
import { preview } from '../../shared/text.ts';

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
  return { ok: false, ...judge(error), cause: describe(error, redactor) };
}

function judge(error: unknown): Verdict {
  const limited = rateLimitError.safeParse(error);
  if (limited.success) return no('rate_limited', limited.data.retryAfter * 1_000);
  const platform = platformError.safeParse(error);
  if (platform.success) {
    const { error: name, response_metadata: meta } = platform.data.data;
    if (!isCode(name)) return maybe('unreachable');
    const code = codeOf(name);
    if (code === 'rate_limited') return no(code, (meta?.retryAfter ?? 1) * 1_000);
    // `ok: false` refuses the request as a whole, so nothing went out, but for faults of Slack's own.
    return code === 'unreachable' ? maybe(code) : no(code);
  }
  const status = statusOf(error);
  if (status !== undefined) return status >= 500 ? maybe('unreachable') : no(codeOfStatus(status));
  // The SDK's own words for a 429 that does not say how long.
  if (error instanceof Error && /retry header did not contain/i.test(error.message)) return no('rate_limited', 1_000);
  return judgeUnanswered(error, { hasFiles: true });
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof StatusError) return error.status;
  const http = httpError.safeParse(error);
  return http.success ? http.data.statusCode : undefined;
}

function codeOfStatus(status: number): SendCode {
  if (status === 429) return 'rate_limited';
  if (status === 413) return 'too_long';
  if (status === 403) return 'forbidden';
  return status === 404 ? 'not_found' : 'bad_request';
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
  return summarizeUnanswered(error);
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  const failure = explainFailure(error, redactor);
  const forbidden = `Slack does not allow it: ${failure.cause.message}.`;
  return toCallError(error, () => failure, { name: 'Slack', auth: REFUSED_LOGIN, forbidden });
}
