// Errors of the Cloud API, https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, read 2026-11-21.
import { z } from 'zod';
import type { SendCode } from '../../contract.ts';
import { AppError, isAbort } from '../../../shared/errors.ts';
import { codesOf, mayHaveReached } from '../../transport/failures.ts';
import { SendError } from '../send-error.ts';

export interface Problem {
  code: SendCode;
  retryAfterMs?: number;
  /** What it means and what to do. */
  message: string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const WINDOW_CLOSED =
  'More than 24 hours have passed since this person last wrote. WhatsApp then takes no free text from a business number: ask them to write something first.';

export const UNKNOWN_NUMBER =
  'Meta does not know this phone_number_id for this token. It is the long number under "From" on the API setup page.';

const AUTH = 'Meta refuses the access token. Make a new one for a system user of the app and set WHATSAPP_CLOUD_TOKEN.';
const PERMISSION =
  'The access token lacks a permission. It needs whatsapp_business_messaging and whatsapp_business_management for this account.';

/** Codes whose meaning is more than "refused". */
const KNOWN: ReadonlyMap<number, Problem> = new Map<number, Problem>([
  [0, { code: 'auth', message: AUTH }],
  [190, { code: 'auth', message: AUTH }],
  [3, { code: 'auth', message: PERMISSION }],
  [10, { code: 'auth', message: PERMISSION }],
  [131005, { code: 'auth', message: PERMISSION }],
  [
    33,
    { code: 'auth', message: 'Meta does not know this phone_number_id any more. Look it up on the API setup page.' },
  ],
  [133010, { code: 'auth', message: 'The business number is not registered. Register it in the WhatsApp Manager.' }],
  [4, { code: 'rate_limited', retryAfterMs: 5 * MINUTE, message: 'The app has used up its calls for now.' }],
  [
    80007,
    { code: 'rate_limited', retryAfterMs: 5 * MINUTE, message: 'The business account has used up its calls for now.' },
  ],
  [130429, { code: 'rate_limited', retryAfterMs: 5 * SECOND, message: 'Too many messages at once.' }],
  [
    131048,
    {
      code: 'rate_limited',
      retryAfterMs: 60 * MINUTE,
      message: 'WhatsApp restricts this number: too many people blocked or reported it.',
    },
  ],
  [131056, { code: 'rate_limited', retryAfterMs: 10 * SECOND, message: 'Too many messages to this person at once.' }],
  [1, { code: 'unreachable', message: 'Meta had a problem of its own.' }],
  [2, { code: 'unreachable', message: 'Meta is down or overloaded.' }],
  [131000, { code: 'unreachable', message: 'Meta had a problem of its own.' }],
  [131016, { code: 'unreachable', message: 'Meta is down or overloaded.' }],
  [131057, { code: 'unreachable', message: 'The business account is in maintenance.' }],
  [131047, { code: 'forbidden', message: WINDOW_CLOSED }],
  [368, { code: 'forbidden', message: 'Meta has restricted the business account. The WhatsApp Manager says why.' }],
  [131031, { code: 'forbidden', message: 'Meta has locked the business account. The WhatsApp Manager says why.' }],
  [130497, { code: 'forbidden', message: 'The business account may not write to people in this country.' }],
  [131050, { code: 'forbidden', message: 'This person has stopped messages of this business.' }],
  [
    131030,
    { code: 'not_found', message: 'A test number writes only to the numbers on its list (API setup page, "To").' },
  ],
  [
    131026,
    { code: 'not_found', message: 'WhatsApp could not deliver: the number is not on WhatsApp, or its app is too old.' },
  ],
  [131021, { code: 'not_found', message: 'The business number cannot write to itself.' }],
  [131051, { code: 'unsupported', message: 'WhatsApp does not take this kind of message.' }],
  [131053, { code: 'bad_request', message: 'WhatsApp does not take this kind of file.' }],
]);

export function problemOf(code: number, status: number): Problem {
  const known = KNOWN.get(code);
  if (known) return known;
  if (code >= 200 && code <= 299) return { code: 'auth', message: PERMISSION };
  if (status === 401) return { code: 'auth', message: AUTH };
  if (status === 429) return { code: 'rate_limited', retryAfterMs: MINUTE, message: 'Too many calls.' };
  if (status === 413) return { code: 'too_long', message: 'The file is too large for WhatsApp.' };
  if (status >= 500) return { code: 'unreachable', message: `Meta had a problem of its own (${status}).` };
  return { code: 'bad_request', message: `WhatsApp refused the request (error ${code || status}).` };
}

/** The API answered with an error. `message` is ours, not theirs. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  readonly apiCode: number;
  readonly status: number;
  readonly problem: Problem;

  constructor(apiCode: number, status: number, problem = problemOf(apiCode, status)) {
    super(`${problem.message} (${apiCode === 0 ? `status ${status}` : `error ${apiCode}`})`);
    this.apiCode = apiCode;
    this.status = status;
    this.problem = problem;
  }
}

const errorSchema = z.looseObject({
  error: z.looseObject({ code: z.number().optional(), message: z.string().optional() }),
});

const WRONG_SECRET: Problem = {
  code: 'auth',
  message: 'The app secret does not belong to the app of this token. Copy it from the app’s basic settings.',
};

export function readError(status: number, body: unknown): CloudError {
  const parsed = errorSchema.safeParse(body);
  const { code = -1, message = '' } = parsed.success ? parsed.data.error : {};
  // Of all invalid parameters, told apart by its text alone.
  return /invalid appsecret_proof/i.test(message)
    ? new CloudError(code, status, WRONG_SECRET)
    : new CloudError(code, status);
}

/** Any failure of a call as the failure of a send. */
export function toSendError(error: unknown): SendError {
  if (error instanceof SendError) return error;
  if (error instanceof CloudError) {
    const { code, retryAfterMs } = error.problem;
    // A refusal is one of the whole request; a server that failed while it worked may have sent it.
    return new SendError(code, error.status >= 500 ? 'maybe' : 'no', error.message, retryAfterMs);
  }
  const codes = codesOf(error);
  const why = codes.length > 0 ? ` (${codes.join(', ')})` : '';
  return new SendError('unreachable', mayHaveReached(error) ? 'maybe' : 'no', `The Cloud API did not answer${why}.`);
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const failure = toSendError(error);
  switch (failure.code) {
    case 'auth':
      return new AppError('platform_auth', failure.message, { cause: failure });
    case 'rate_limited':
    case 'unreachable':
      return new AppError('platform_unreachable', `${failure.message} It is tried again.`, {
        retryable: true,
        cause: failure,
      });
    case 'not_found':
    case 'bad_request':
      return new AppError('not_found', 'WhatsApp does not have this any more.', { cause: failure });
    default:
      return new AppError('bad_input', failure.message, { cause: failure });
  }
}
