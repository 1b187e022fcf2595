import { describe, expect, it } from 'vitest';
import { NotCalledError, UnsendableError } from '../../../adapters/transport/failures.ts';
import {
  describe as describeFailure,
  errorCodeOf,
  explainFailure,
  StatusError,
  toAppError,
} from '../../../adapters/slack/errors.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { BOT_TOKEN } from '../../support/slack/workspace.ts';

const redactor = makeRedactor([BOT_TOKEN]);
const platform = (error: string, more: Record<string, unknown> = {}) =>
  Object.assign(new Error(`An API error occurred: ${error}`), {
    code: 'slack_webapi_platform_error',
    data: { ok: false, error, ...more },
  });
const explain = (error: unknown) => {
  const { code, reached, retryAfterMs } = explainFailure(error, redactor);
  return { code, reached, ...(retryAfterMs !== undefined && { retryAfterMs }) };
};
const network = (code: string) =>
  Object.assign(new Error('request failed'), {
    code: 'slack_webapi_request_error',
    original: new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }),
  });

describe('failures', () => {
  it.each([
    ['invalid_auth', 'auth', 'no'],
    ['token_revoked', 'auth', 'no'],
    ['account_inactive', 'auth', 'no'],
    ['not_authed', 'auth', 'no'],
    ['channel_not_found', 'not_found', 'no'],
    ['message_not_found', 'not_found', 'no'],
    ['thread_not_found', 'not_found', 'no'],
    ['not_in_channel', 'forbidden', 'no'],
    ['is_archived', 'forbidden', 'no'],
    ['restricted_action_read_only_channel', 'forbidden', 'no'],
    ['missing_scope', 'forbidden', 'no'],
    ['msg_too_long', 'too_long', 'no'],
    ['msg_blocks_too_long', 'too_long', 'no'],
    ['invalid_blocks', 'format', 'no'],
    ['invalid_attachments', 'format', 'no'],
    ['cant_update_message', 'unsupported', 'no'],
    ['edit_window_closed', 'unsupported', 'no'],
    ['internal_error', 'unreachable', 'maybe'],
    ['fatal_error', 'unreachable', 'maybe'],
    ['service_unavailable', 'unreachable', 'maybe'],
    ['no_text', 'bad_request', 'no'],
    ['some_error_of_2031', 'bad_request', 'no'],
    // The SDK gives an answer that is no JSON as if it were the code.
    ['<html>Bad gateway</html>', 'unreachable', 'maybe'],
  ])('%s is %s, reached %s', (error, code, reached) => {
    expect(explain(platform(error))).toEqual({ code, reached });
  });

  it('tells how long to wait', () => {
    const limited = Object.assign(new Error('x'), { code: 'slack_webapi_rate_limited_error', retryAfter: 30 });
    expect(explain(limited)).toEqual({ code: 'rate_limited', reached: 'no', retryAfterMs: 30_000 });
    const meta = { response_metadata: { retryAfter: 7 } };
    expect(explain(platform('ratelimited', meta))).toEqual({
      code: 'rate_limited',
      reached: 'no',
      retryAfterMs: 7_000,
    });
    const silent = new Error('Retry header did not contain a valid timeout (url: x, retry-after header: null)');
    expect(explain(silent)).toEqual({ code: 'rate_limited', reached: 'no', retryAfterMs: 1_000 });
  });

  it('names the scope that is missing', () => {
    const error = platform('missing_scope', { needed: 'files:write', provided: 'chat:write' });
    expect(describeFailure(error, redactor).message).toContain('files:write');
    expect(toAppError(error, redactor)).toMatchObject({ code: 'not_allowed' });
    expect(errorCodeOf(error)).toBe('missing_scope');
  });

  it('says "no" of a broken connection only when none was made', () => {
    expect(explain(network('ECONNREFUSED'))).toEqual({ code: 'unreachable', reached: 'no' });
    expect(explain(network('ENOTFOUND'))).toEqual({ code: 'unreachable', reached: 'no' });
    expect(explain(network('ECONNRESET'))).toEqual({ code: 'unreachable', reached: 'maybe' });
    expect(explain(network('UND_ERR_SOCKET'))).toEqual({ code: 'unreachable', reached: 'maybe' });
    expect(explain(new DOMException('timeout', 'TimeoutError'))).toEqual({ code: 'unreachable', reached: 'maybe' });
    expect(explain(new TypeError('terminated'))).toEqual({ code: 'unreachable', reached: 'maybe' });
    expect(explain('nonsense')).toEqual({ code: 'unreachable', reached: 'maybe' });
  });

  it('reads statuses of Slack and of the server that takes uploads', () => {
    const http = (statusCode: number) => Object.assign(new Error('x'), { code: 'slack_webapi_http_error', statusCode });
    expect(explain(http(503))).toEqual({ code: 'unreachable', reached: 'maybe' });
    expect(explain(http(413))).toEqual({ code: 'too_long', reached: 'no' });
    expect(explain(new StatusError(500, 'upload'))).toEqual({ code: 'unreachable', reached: 'maybe' });
    expect(explain(new StatusError(403, 'upload'))).toEqual({ code: 'forbidden', reached: 'no' });
  });

  it('passes on what was never sent', () => {
    expect(explain(new NotCalledError('x'))).toEqual({ code: 'unreachable', reached: 'no' });
    expect(explain(new UnsendableError('bad_request', 'x'))).toEqual({ code: 'bad_request', reached: 'no' });
  });

  it('tells no token, and not more than a line', () => {
    const error = new Error(`Bearer ${BOT_TOKEN} ${'x'.repeat(2_000)}`);
    const told = describeFailure(error, redactor).message;
    expect(told).not.toContain(BOT_TOKEN);
    expect(told.length).toBeLessThanOrEqual(400);
  });

  it('makes errors to throw of them', () => {
    expect(toAppError(platform('invalid_auth'), redactor).code).toBe('platform_auth');
    expect(toAppError(platform('file_not_found'), redactor).code).toBe('not_found');
    expect(toAppError(network('ECONNRESET'), redactor)).toMatchObject({
      code: 'platform_unreachable',
      retryable: true,
    });
    expect(toAppError(platform('invalid_arguments'), redactor).code).toBe('bad_input');
    expect(toAppError(new DOMException('x', 'AbortError'), redactor).code).toBe('cancelled');
  });
});
