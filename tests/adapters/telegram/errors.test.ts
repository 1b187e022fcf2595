import { GrammyError, HttpError } from 'grammy';
import { describe, expect, it } from 'vitest';
import { UnsendableError } from '../../../adapters/transport/failures.ts';
import { describe as describeFailure, explainFailure, toAppError } from '../../../adapters/telegram/errors.ts';
import { makeRedactor } from '../../../shared/redact.ts';

const TOKEN = '123456789:abcdefghijklmnopqrstuvwxyz_0123456789';
const redactor = makeRedactor([TOKEN]);

function answered(error_code: number, description: string, parameters = {}): GrammyError {
  const error = { ok: false as const, error_code, description, parameters };
  return new GrammyError("Call to 'sendMessage' failed!", error, 'sendMessage', { chat_id: 1, text: 'private words' });
}

function networkError(code: string): HttpError {
  const cause = Object.assign(new Error(`${code} at https://api/bot${TOKEN}/x`), { code });
  return new HttpError("Network request for 'sendMessage' failed!", new TypeError('fetch failed', { cause }));
}

describe('explainFailure', () => {
  it.each([
    [400, "Bad Request: can't parse entities: Unsupported start tag", 'format', 'no'],
    [400, 'Bad Request: message is too long', 'too_long', 'no'],
    [400, 'Bad Request: chat not found', 'not_found', 'no'],
    [400, 'Bad Request: message thread not found', 'not_found', 'no'],
    [400, 'Bad Request: not enough rights to send text messages to the chat', 'forbidden', 'no'],
    [400, 'Bad Request: REACTION_INVALID', 'unsupported', 'no'],
    [400, 'Bad Request: BUTTON_DATA_INVALID', 'bad_request', 'no'],
    [401, 'Unauthorized', 'auth', 'no'],
    [403, 'Forbidden: bot was blocked by the user', 'forbidden', 'no'],
    [404, 'Not Found', 'auth', 'no'],
    [404, 'Not Found: method not found', 'unsupported', 'no'],
    [413, 'Request Entity Too Large', 'too_long', 'no'],
    [500, 'Internal Server Error', 'unreachable', 'maybe'],
    [502, 'Bad Gateway', 'unreachable', 'maybe'],
  ] as const)('%i %s is %s, reached %s', (status, description, code, reached) => {
    expect(explainFailure(answered(status, description), redactor)).toMatchObject({ ok: false, code, reached });
  });

  it('takes the time to wait from the answer', () => {
    const failure = explainFailure(answered(429, 'Too Many Requests', { retry_after: 7 }), redactor);
    expect(failure).toMatchObject({ code: 'rate_limited', reached: 'no', retryAfterMs: 7_000 });
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED'])(
    '%s comes before anything is sent',
    (code) =>
      expect(explainFailure(networkError(code), redactor)).toMatchObject({ code: 'unreachable', reached: 'no' }),
  );

  it.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT'])(
    '%s may come after',
    (code) =>
      expect(explainFailure(networkError(code), redactor)).toMatchObject({ code: 'unreachable', reached: 'maybe' }),
  );

  it('sums up several attempts to connect, and believes only that all of them failed', () => {
    const one = (code: string) => Object.assign(new Error(code), { code });
    const both = (...codes: string[]) =>
      new HttpError('failed', new TypeError('fetch failed', { cause: new AggregateError(codes.map(one)) }));
    expect(explainFailure(both('ECONNREFUSED', 'ENETUNREACH'), redactor).reached).toBe('no');
    expect(explainFailure(both('ECONNREFUSED', 'ECONNRESET'), redactor).reached).toBe('maybe');
  });

  it('does not know what a time-out or an answer that is no JSON means', () => {
    for (const inner of [new DOMException('timed out', 'TimeoutError'), new SyntaxError('Unexpected token <')]) {
      expect(explainFailure(new HttpError('failed', inner), redactor)).toMatchObject({
        code: 'unreachable',
        reached: 'maybe',
      });
    }
    expect(explainFailure('a string', redactor).reached).toBe('maybe');
  });

  it('tells neither the token nor the text', () => {
    const errors = [
      answered(400, `Bad Request: ${TOKEN}`),
      networkError('ECONNRESET'),
      new UnsendableError('bad_request', TOKEN),
      new Error(TOKEN),
    ];
    for (const error of errors) {
      const { cause } = explainFailure(error, redactor);
      const told = [
        cause.message,
        cause.stack,
        JSON.stringify(cause),
        String(cause.cause),
        describeFailure(error, redactor).message,
      ].join(' ');
      expect(told).not.toContain(TOKEN);
      expect(told).not.toContain('private words');
    }
  });
});

describe('toAppError', () => {
  it('has a code and a way out for each', () => {
    expect(toAppError(answered(401, 'Unauthorized'), redactor)).toMatchObject({
      code: 'platform_auth',
      retryable: false,
    });
    expect(toAppError(networkError('ECONNREFUSED'), redactor)).toMatchObject({
      code: 'platform_unreachable',
      retryable: true,
    });
    expect(toAppError(new DOMException('Aborted', 'AbortError'), redactor)).toMatchObject({ code: 'cancelled' });
  });
});
