// What all platforms ask of a call that failed, and of a body that came.
import { describe, expect, it } from 'vitest';
import { parseAnswer, parseJson, readText } from '../../adapters/transport/bodies.ts';
import {
  codesOf,
  judgeUnanswered,
  NotCalledError,
  summarizeUnanswered,
  UnsendableError,
} from '../../adapters/transport/failures.ts';

const coded = (code: string, more: object = {}) => Object.assign(new Error(`it was ${code}`), { code, ...more });
const judge = (error: unknown, hasFiles = false) => judgeUnanswered(error, { hasFiles });
const NO = { code: 'unreachable', reached: 'no' };
const MAYBE = { code: 'unreachable', reached: 'maybe' };

describe('a call without an answer', () => {
  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ])('certainly did not go out after %s', (code) => {
    expect(judge(new TypeError('fetch failed', { cause: coded(code) }))).toEqual(NO);
  });

  it('certainly did not go out when every address refused', () => {
    const cause = new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]);
    expect(judge(new TypeError('fetch failed', { cause }))).toEqual(NO);
  });

  it.each([
    ['a dropped connection', new TypeError('fetch failed', { cause: coded('ECONNRESET') })],
    ['a time-out', new DOMException('too late', 'TimeoutError')],
    ['an abort', Object.assign(new Error('stopped'), { code: 'ABORT_ERR' })],
    ['one attempt of two that connected', new AggregateError([coded('ECONNREFUSED'), coded('EPIPE')])],
    ['nothing known', 'a text'],
  ])('may have been taken after %s', (_, error) => {
    expect(judge(error)).toEqual(MAYBE);
  });

  it('says why it was never made', () => {
    expect(judge(new UnsendableError('rate_limited', 'wait', { retryAfterMs: 5 }))).toEqual({
      code: 'rate_limited',
      reached: 'no',
      retryAfterMs: 5,
    });
    expect(judge(new NotCalledError('stopped', { cause: coded('ECONNRESET') }))).toEqual(NO);
  });

  it.each(['ENOENT', 'EISDIR', 'EIO', 'ERR_INVALID_ARG_VALUE'])('with a file: never goes out after %s', (code) => {
    const error = new TypeError('fetch failed', { cause: coded(code) });
    expect(judge(error, true)).toEqual({ code: 'bad_request', reached: 'no' });
    expect(judge(error)).toEqual(MAYBE);
  });

  it('is told by the codes of the system, wherever a library keeps them', () => {
    const wrapped = coded('library_error', { original: coded('ECONNRESET', { error: coded('EPIPE') }) });
    expect(codesOf(new Error('outer', { cause: new AggregateError([wrapped, coded('EPIPE')]) }))).toEqual([
      'ECONNRESET',
      'EPIPE',
    ]);
    expect(summarizeUnanswered(wrapped)).toBe('it was library_error (ECONNRESET, EPIPE)');
    expect(summarizeUnanswered(new Error('plain'))).toBe('plain');
    expect(summarizeUnanswered(undefined)).toBe('unknown failure');
  });

  it('ends with causes that go in a circle', () => {
    const error = coded('ECONNREFUSED');
    error.cause = error;
    expect(judge(error)).toEqual(NO);
  });
});

describe('a body', () => {
  it('is read up to its limit, and no further', async () => {
    let isCancelled = false;
    const chunks = ['ab', 'cd', 'ef'].map((text) => new TextEncoder().encode(text));
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(chunks.shift() ?? new Uint8Array(2)),
      cancel: () => {
        isCancelled = true;
      },
    });
    await expect(readText({ body: endless }, 4)).rejects.toThrow('too long');
    expect(isCancelled).toBe(true);
    expect(await readText(new Response('a€'), 4)).toBe('a€');
    expect(await readText(new Response(null), 4)).toBe('');
  });

  it('is JSON or not', () => {
    expect(parseJson('{"a":[1]}')).toEqual({ a: [1] });
    expect(parseJson('null')).toBe(null);
    for (const odd of ['', '{', undefined, 7, { a: 1 }]) expect(parseJson(odd)).toBeUndefined();
    expect(parseAnswer('0')).toBe(0);
    expect(() => parseAnswer('<html>a secret</html>')).toThrow(/^The server answered something that is no JSON\.$/);
  });
});
