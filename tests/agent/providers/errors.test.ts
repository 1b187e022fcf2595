import { describe, expect, it } from 'vitest';

import { makeModelError, protocolError, translateModelError } from '../../../agent/providers/errors.ts';
import { AppError } from '../../../shared/errors.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

function translate(error: unknown, signal: AbortSignal = new AbortController().signal): AppError {
  return translateModelError(error, { provider: 'acme', signal, secrets: ['secret-key-0001'], now: NOW });
}

/** As both SDKs throw it: status and headers outside, the body (OpenAI: its inner object) in `error`. */
function apiError(status: number | undefined, body: object, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error('api error'), { status, error: body, headers: new Headers(headers) });
}

describe('translating errors of model services', () => {
  it.each([
    // What services really say, by status and words.
    [400, { message: "This model's maximum context length is 8192 tokens" }, 'model_context_overflow'],
    [400, { code: 'context_length_exceeded', message: 'x' }, 'model_context_overflow'],
    [400, { message: 'input length and `max_tokens` exceed context limit' }, 'model_context_overflow'],
    [400, { message: 'the request exceeds the available context size' }, 'model_context_overflow'],
    [400, { message: 'Your credit balance is too low to access the API' }, 'model_billing'],
    [400, { code: 'model_not_found', message: 'The model `gpt-9` does not exist' }, 'model_not_found'],
    [400, { code: 'content_policy_violation', message: 'rejected' }, 'model_refused'],
    [400, { code: 'content_filter', message: 'filtered' }, 'model_refused'],
    [400, { message: "Unknown parameter: 'foo'" }, 'model_bad_request'],
    [403, { message: 'Your input was flagged', code: 403 }, 'model_refused'],
    [402, { message: 'Usage limit reached, resets at 14:00' }, 'model_rate_limited'],
    [402, { message: 'Insufficient credits' }, 'model_billing'],
    [408, { message: 'timed out' }, 'model_overloaded'],
    [422, { message: 'bad field' }, 'model_bad_request'],
    [429, { code: 'insufficient_quota', message: 'You exceeded your current quota' }, 'model_billing'],
    [429, { message: 'Rate limit reached for requests' }, 'model_rate_limited'],
    [503, { message: 'loading model' }, 'model_overloaded'],
    [524, { message: 'a timeout occurred' }, 'model_overloaded'],
    // Inside a stream there is no status.
    [undefined, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'model_overloaded'],
    [undefined, { type: 'error', error: { type: 'rate_limit_error', message: 'slow' } }, 'model_rate_limited'],
    [undefined, { type: 'server_error', code: 'server_error', message: 'oops' }, 'model_overloaded'],
    [undefined, { code: 502, message: 'upstream failed' }, 'model_overloaded'],
    [undefined, { type: 'strange', message: 'who knows' }, 'model_protocol'],
  ])('%s %j is %s', (status, body, code) => {
    expect(translate(apiError(status, body)).code).toBe(code);
  });

  it.each([
    [{ 'retry-after': '30' }, 30_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after-ms': '1500' }, 1_500],
    [{ 'retry-after': new Date(NOW + 90_000).toUTCString() }, 90_000],
    [{ 'retry-after': new Date(NOW - 90_000).toUTCString() }, 0],
    [{ 'retry-after': '-3' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('reads the wait of %j', (headers, waitMs) => {
    expect(translate(apiError(429, { message: 'slow' }, headers)).retryAfterMs).toBe(waitMs);
  });

  it('tells connections that cannot be made from answers that break off', () => {
    const refused = Object.assign(new Error('Connection error.'), {
      cause: Object.assign(new TypeError('fetch failed'), {
        cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      }),
    });
    expect(translate(refused).code).toBe('model_unreachable');
    expect(String(translate(refused).cause)).toContain('ECONNREFUSED');
    expect(translate(new TypeError('terminated')).code).toBe('model_protocol');
    expect(translate(new SyntaxError('Unexpected end of JSON input')).code).toBe('model_protocol');
    const misread = new TypeError("Cannot read properties of null (reading 'choices')");
    expect(translate(misread).code).toBe('model_protocol');
    for (const code of ['UND_ERR_HEADERS_TIMEOUT', 'RESPONSE_TIMEOUT']) {
      const silent = Object.assign(new TypeError('fetch failed'), { cause: { code } });
      expect(translate(silent).code).toBe('timeout');
    }
    expect(translate('a thrown string').code).toBe('model_unreachable');
    expect(translate(undefined).code).toBe('model_unreachable');
  });

  it('keeps secrets and the words of the service out of the message', () => {
    const leaky = { type: 'x', message: 'Bad key secret-key-0001 and sk-abcdefghijklmnopqrst for prompt "my diary"' };
    const error = translate(apiError(401, leaky));
    expect(error.publicMessage).not.toMatch(/secret-key|sk-abc|diary/);
    expect(String(error.cause)).not.toMatch(/secret-key-0001|sk-abcdef/);
    expect(String(error.cause)).toContain('Bad key');
    const long = translate(apiError(400, { message: 'x'.repeat(5_000) }));
    expect(String(long.cause).length).toBeLessThan(400);
  });

  it('puts the signal first, and passes its reason on', () => {
    const stop = new AbortController();
    stop.abort();
    expect(translate(apiError(500, {}), stop.signal).code).toBe('cancelled');
    const reason = new AppError('timeout', 'Too slow.');
    expect(translate(apiError(500, {}), AbortSignal.abort(reason))).toBe(reason);
  });

  it('passes AppErrors through, and marks what may be retried', () => {
    const own = protocolError('acme', 'cut');
    expect(translate(own)).toBe(own);
    expect(own.retryable).toBe(true);
    expect(makeModelError('model_auth', 'acme').retryable).toBe(false);
    expect(makeModelError('model_rate_limited', 'acme', { retryAfterMs: 600_000 }).publicMessage).toContain('10 min');
  });
});
