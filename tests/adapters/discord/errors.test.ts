import { DiscordAPIError, HTTPError, RateLimitError } from 'discord.js';
import { describe, expect, it } from 'vitest';
import { UnsendableError } from '../../../adapters/transport/failures.ts';
import {
  CallError,
  describe as describeFailure,
  explainFailure,
  readCallError,
  toAppError,
} from '../../../adapters/discord/errors.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { TEST_TOKEN } from '../../support/discord/server.ts';

const redactor = makeRedactor([TEST_TOKEN]);
const SENT = { isSent: true };
const URL_WITH_TOKEN = `https://discord.com/api/v10/webhooks/1/${TEST_TOKEN}`;

function answered(status: number, code: number, message = 'Error', errors?: object) {
  const raw = { code, message, ...(errors && { errors: errors as never }) };
  const body = { body: { content: 'private words' }, files: undefined };
  return new DiscordAPIError(raw, code, status, 'POST', URL_WITH_TOKEN, body);
}

const lengthError = {
  content: { _errors: [{ code: 'BASE_TYPE_MAX_LENGTH', message: 'Must be 2000 or fewer in length.' }] },
};
const otherError = { components: { _errors: [{ code: 'BASE_TYPE_BAD_LENGTH', message: 'Must be 5 or fewer.' }] } };

describe('what Discord answers', () => {
  it.each([
    [401, 0, 'auth'],
    [403, 50007, 'forbidden'],
    [403, 50278, 'forbidden'],
    [403, 50013, 'forbidden'],
    [403, 50001, 'forbidden'],
    [403, 0, 'forbidden'],
    [404, 10003, 'not_found'],
    [404, 10008, 'not_found'],
    [404, 0, 'not_found'],
    [400, 10014, 'unsupported'],
    [400, 50006, 'bad_request'],
    [400, 50083, 'forbidden'],
    [400, 50162, 'unsupported'],
    [413, 40005, 'too_long'],
    [413, 0, 'too_long'],
    [429, 30046, 'rate_limited'],
    [400, 40062, 'rate_limited'],
    [403, 40003, 'rate_limited'],
    [400, 200000, 'bad_request'],
    [400, 240000, 'bad_request'],
    [400, 999_999, 'bad_request'],
  ])('%i with code %i is %s, and certainly did not go out', (status, code, expected) => {
    const failure = explainFailure(readCallError(answered(status, code), SENT, redactor), redactor);
    expect(failure).toMatchObject({ ok: false, code: expected, reached: 'no' });
    expect(failure.retryAfterMs).toBe(expected === 'rate_limited' ? 1_000 : undefined);
  });

  it('an invalid form is too long only when its text is', () => {
    const codeOf = (errors: object) =>
      readCallError(answered(400, 50035, 'Invalid Form Body', errors), SENT, redactor).code;
    expect(codeOf(lengthError)).toBe('too_long');
    expect(codeOf(otherError)).toBe('bad_request');
  });

  it.each([500, 502, 503, 504, 520])('%i may have done it', (status) => {
    const error = new HTTPError(status, 'Bad Gateway', 'POST', URL_WITH_TOKEN, { body: {}, files: undefined });
    expect(readCallError(error, SENT, redactor)).toMatchObject({ code: 'unreachable', reached: 'maybe' });
  });

  it('a rate limit says how long', () => {
    const limited = (retryAfter: number) =>
      new RateLimitError({
        timeToReset: retryAfter,
        limit: 5,
        method: 'POST',
        hash: 'h',
        url: URL_WITH_TOKEN,
        route: '/channels/:id/messages',
        majorParameter: '1',
        global: false,
        retryAfter,
        sublimitTimeout: 0,
        scope: 'user',
      });
    expect(readCallError(limited(6_500), SENT, redactor)).toMatchObject({
      code: 'rate_limited',
      reached: 'no',
      retryAfterMs: 6_500,
    });
    expect(readCallError(limited(0), SENT, redactor)).toMatchObject({ retryAfterMs: 1_000 });
  });
});

describe('a network that fails', () => {
  const failed = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED'])(
    '%s comes before anything is sent',
    (code) => {
      expect(readCallError(failed(code), SENT, redactor)).toMatchObject({ code: 'unreachable', reached: 'no' });
    },
  );

  it.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT'])(
    '%s may come after',
    (code) => {
      expect(readCallError(failed(code), SENT, redactor)).toMatchObject({ code: 'unreachable', reached: 'maybe' });
      expect(readCallError(failed(code), { isSent: false }, redactor)).toMatchObject({ reached: 'no' });
    },
  );

  it('believes only that all attempts to connect failed', () => {
    const both = (...codes: string[]) =>
      new TypeError('fetch failed', {
        cause: new AggregateError(codes.map((code) => Object.assign(new Error(code), { code }))),
      });
    expect(readCallError(both('ECONNREFUSED', 'ENETUNREACH'), SENT, redactor).reached).toBe('no');
    expect(readCallError(both('ECONNREFUSED', 'ECONNRESET'), SENT, redactor).reached).toBe('maybe');
  });

  it('does not know what a time-out or an answer that is no JSON means', () => {
    for (const error of [new DOMException('timed out', 'TimeoutError'), new SyntaxError('Unexpected token <'), 'text'])
      expect(readCallError(error, SENT, redactor)).toMatchObject({ code: 'unreachable', reached: 'maybe' });
  });
});

describe('what is told', () => {
  it('holds neither the token nor the text', () => {
    const errors = [
      answered(400, 50035, `bad ${TEST_TOKEN}`, lengthError),
      new HTTPError(502, TEST_TOKEN, 'POST', URL_WITH_TOKEN, { body: { content: 'private words' }, files: undefined }),
      Object.assign(new Error(`ECONNRESET at ${URL_WITH_TOKEN}`), { code: 'ECONNRESET' }),
      new UnsendableError('bad_request', TEST_TOKEN),
    ];
    for (const error of errors) {
      const read = error instanceof UnsendableError ? error : readCallError(error, SENT, redactor);
      const { cause } = explainFailure(read, redactor);
      const told = [
        cause.message,
        cause.stack,
        JSON.stringify(cause),
        String(cause.cause),
        describeFailure(read, redactor).message,
      ];
      expect(told.join(' ')).not.toContain(TEST_TOKEN.slice(30));
      expect(told.join(' ')).not.toContain('private words');
    }
  });

  it('as an AppError has a code and a way out for each', () => {
    const read = (error: unknown) => toAppError(readCallError(error, SENT, redactor), redactor);
    expect(read(answered(401, 0))).toMatchObject({ code: 'platform_auth', retryable: false });
    expect(read(answered(403, 50001))).toMatchObject({ code: 'not_allowed' });
    expect(read(answered(404, 10008))).toMatchObject({ code: 'not_found' });
    expect(read(answered(400, 50035))).toMatchObject({ code: 'bad_input' });
    expect(read(new TypeError('fetch failed'))).toMatchObject({ code: 'platform_unreachable', retryable: true });
    expect(toAppError(new DOMException('Aborted', 'AbortError'), redactor)).toMatchObject({ code: 'cancelled' });
    expect(
      toAppError(
        new CallError('x', { code: 'rate_limited', reached: 'no', retryAfterMs: 5, apiCode: undefined }),
        redactor,
      ),
    ).toMatchObject({
      code: 'platform_unreachable',
    });
  });
});
