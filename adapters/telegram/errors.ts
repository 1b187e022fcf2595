// What went wrong with a call of the Bot API, in the words of the contract, and without the token that is part of every address.
import type { GrammyError, HttpError } from 'grammy';
import type { SendCode, SendFailure } from '../contract.ts';
import {
  codesOf,
  judgeUnanswered,
  maybe,
  no,
  summarizeUnanswered,
  toCallError,
  type Verdict,
} from '../transport/failures.ts';
import type { AppError } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';

/** The Bot API answered with an error. Told by name and shape, so that the SDK need not be loaded to look. */
export function isApiError(error: unknown): error is GrammyError {
  return error instanceof Error && error.name === 'GrammyError' && 'error_code' in error;
}

function isHttpError(error: unknown): error is HttpError {
  return error instanceof Error && error.name === 'HttpError' && 'error' in error;
}

/** Any failure of a send as its result. `redactor` knows the token. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  const verdict = isApiError(error) ? judgeAnswer(error) : judgeUnanswered(error, { hasFiles: true });
  return { ok: false, ...verdict, cause: describe(error, redactor) };
}

/** A 4xx refuses the request as a whole, so nothing went out. A 5xx says that the server failed while handling it: anything may have happened. */
function judgeAnswer({ error_code: status, description, parameters }: GrammyError): Verdict {
  const code = codeOfAnswer(status, description);
  if (status >= 500) return maybe(code);
  return no(code, code === 'rate_limited' ? (parameters.retry_after ?? 1) * 1_000 : undefined);
}

// Descriptions as the Bot API server words them (https://github.com/tdlib/telegram-bot-api), read 2026-11-21. First match wins.
const DESCRIPTIONS: readonly [RegExp, SendCode][] = [
  [/can't parse (?:entities|caption|message)|unsupported start tag|can't find end tag/i, 'format'],
  [/is too long|TOO_LONG/i, 'too_long'],
  [/not found|_ID_INVALID|TOPIC_DELETED|message can't be edited/i, 'not_found'],
  [
    /not enough rights|no rights|_FORBIDDEN|administrator rights|TOPIC_CLOSED|is not a member|kicked|blocked/i,
    'forbidden',
  ],
  [/REACTION|method is available|method not|unsupported/i, 'unsupported'],
];

function codeOfAnswer(status: number, description: string): SendCode {
  if (status === 429) return 'rate_limited';
  if (status >= 500) return 'unreachable';
  // An unknown token in the path is "404 Not Found", a method that the server does not know says so.
  if (status === 404) return /method/i.test(description) ? 'unsupported' : 'auth';
  if (status === 401) return 'auth';
  if (status === 403) return 'forbidden';
  if (status === 413) return 'too_long';
  return DESCRIPTIONS.find(([pattern]) => pattern.test(description))?.[1] ?? 'bad_request';
}

/** An error that may be logged and shown: a new one, since those of the SDK carry payloads and addresses. */
export function describe(error: unknown, redactor: Redactor): Error {
  return new Error(redactor.redact(summarize(error)));
}

function summarize(error: unknown): string {
  if (isApiError(error)) return `${error.method}: ${error.error_code} ${error.description}`;
  const isNamed = isHttpError(error) && error.error instanceof Error && codesOf(error).length === 0;
  return isNamed ? `${error.message} (${error.error.name})` : summarizeUnanswered(error);
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  return toCallError(error, () => explainFailure(error, redactor), {
    name: 'Telegram',
    auth: 'Telegram refuses the bot token. Ask @BotFather for a new one and set TELEGRAM_BOT_TOKEN.',
  });
}
