// What all platforms ask of a call that failed.
import { describe, expect, it } from 'vitest';
import type { SendCode } from '../../../adapters/contract.ts';
import {
  codesOf,
  judgeUnanswered,
  NotCalledError,
  partlySent,
  summarizeUnanswered,
  toCallError,
  UnsendableError,
} from '../../../adapters/transport/failures.ts';
import { AppError } from '../../../shared/errors.ts';
import { messageId } from '../../../shared/ids.ts';

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
    'CONNECT_TIMEOUT',
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

it('a message of which some is out was not kept from going out', () => {
  const failure = {
    ok: false,
    code: 'rate_limited',
    reached: 'no',
    retryAfterMs: 5,
    cause: new Error('wait'),
  } as const;
  expect(partlySent([], failure)).toEqual(failure);
  expect(partlySent([messageId('1')], failure)).toEqual({ ...failure, reached: 'maybe' });
});

describe('a call that is no send', () => {
  const cause = new Error('in words of the platform');
  const told = (code: SendCode, forbidden?: string) =>
    toCallError(new Error('raw'), () => ({ ok: false, code, reached: 'no', cause }), {
      name: 'The platform',
      auth: 'Log in again.',
      forbidden,
    });

  it('fails with an error that says what to do, and whether it may be tried again', () => {
    expect(told('auth')).toMatchObject({
      code: 'platform_auth',
      publicMessage: 'Log in again.',
      retryable: false,
      cause,
    });
    expect(told('unreachable')).toMatchObject({ code: 'platform_unreachable', retryable: true, cause });
    expect(told('rate_limited').publicMessage).toBe('The platform asks to wait; it is tried again.');
    expect(told('not_found').code).toBe('not_found');
    expect(told('forbidden', 'You may not.')).toMatchObject({ code: 'not_allowed', publicMessage: 'You may not.' });
    for (const code of ['forbidden', 'bad_request', 'too_long'] as const) expect(told(code).code).toBe('bad_input');
  });

  it('tells what was stopped, and passes on what is told already', () => {
    const never = () => {
      throw new Error('asked for');
    };
    const known = new AppError('not_found', 'There is none.');
    expect(toCallError(known, never, { name: '', auth: '' })).toBe(known);
    const stopped = toCallError(new DOMException('stopped', 'AbortError'), never, { name: '', auth: '' });
    expect(stopped.code).toBe('cancelled');
  });
});
