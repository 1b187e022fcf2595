// What went wrong with a command to Home Assistant, in the words of the contract, and without the token.
import type { SendCode, SendFailure } from '../contract.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';
import { maybe, no, UnsendableError, type Verdict } from '../transport/failures.ts';
import { TokenRefusedError } from './connection/socket.ts';

/** Home Assistant answered a command with an error. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** https://github.com/home-assistant/core/blob/dev/homeassistant/components/websocket_api/const.py, read 2026-11-21. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The command was sent, and nobody knows what became of it. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** Errors that are found before anything is done. All others (home_assistant_error, unknown_error, timeout) come from doing it. */
const REFUSALS: Readonly<Record<string, SendCode>> = {
  not_found: 'not_found',
  unauthorized: 'forbidden',
  invalid_format: 'bad_request',
  service_validation_error: 'bad_request',
  not_allowed: 'forbidden',
  not_supported: 'unsupported',
  unknown_command: 'unsupported',
  id_reuse: 'bad_request',
};

function explain(error: unknown): Verdict {
  if (error instanceof UnsendableError) return no(error.code);
  if (error instanceof TokenRefusedError) return no('auth');
  const refusal = error instanceof CommandError ? REFUSALS[error.code] : undefined;
  return refusal ? no(refusal) : maybe('unreachable');
}

/** Any failure of a send as its result. */
export function explainFailure(error: unknown, redactor: Redactor): SendFailure {
  return { ok: false, ...explain(error), cause: describe(error, redactor) };
}

/** An error that may be logged and shown. */
export function describe(error: unknown, redactor: Redactor): Error {
  if (error instanceof CommandError) return new Error(redactor.redact(`${error.code}: ${error.message}`.slice(0, 500)));
  return new Error(redactor.redact(error instanceof Error ? error.message.slice(0, 500) : 'unknown failure'));
}

/** For calls that are no sends: an AppError to throw. */
export function toAppError(error: unknown, redactor: Redactor): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error && isAbort(error)) return new AppError('cancelled', 'Stopped.');
  const cause = describe(error, redactor);
  const { code, reached } = explain(error);
  if (code === 'not_found')
    return new AppError('not_found', `Home Assistant does not know that: ${cause.message}`, { cause });
  if (code === 'forbidden')
    return new AppError('not_allowed', `The user of the token may not do that in Home Assistant: ${cause.message}`, {
      cause,
    });
  if (code === 'auth') return new AppError('platform_auth', 'Home Assistant refuses the token.', { cause });
  if (code !== 'unreachable')
    return new AppError('bad_input', `Home Assistant refused it: ${cause.message}`, { cause });
  if (reached === 'no')
    return new AppError('platform_unreachable', 'Home Assistant is not connected just now; nothing was done.', {
      retryable: true,
      cause,
    });
  const said = error instanceof CommandError ? `Home Assistant failed: ${cause.message}` : 'The connection broke';
  return new AppError(
    'platform_unreachable',
    `${said}. It may or may not have been done: look before doing it again.`,
    {
      cause,
    },
  );
}
