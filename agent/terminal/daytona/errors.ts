// Errors of Daytona's software kit, as errors that say what to do. They are told apart by HTTP status: its error classes are a part of the
// package that is loaded late.
import { AppError } from '../../../shared/errors.ts';

const MAX_REASON_CHARS = 300;

export function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** `doing`: as in "could not be made". */
export function explainDaytona(doing: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  const reason =
    error instanceof Error ? error.message.slice(0, MAX_REASON_CHARS).replace(/\.$/, '') : 'no reason given';
  if (status === 401 || status === 403)
    return new AppError(
      'terminal_unreachable',
      'Daytona does not accept the API key. Nothing was run. Check the variable that terminal.daytona.api_key_env names.',
      { cause: error },
    );
  if (status === 404 || status === 410)
    return new AppError(
      'terminal_gone',
      'The sandbox is not there any more, with its files and what ran in it. The next command makes a new one.',
      { cause: error },
    );
  if (status === 400 || status === 409 || status === 422)
    return new AppError(
      'terminal_unreachable',
      `The sandbox ${doing}: ${reason}. Check the settings under terminal.daytona.`,
      {
        cause: error,
      },
    );
  return new AppError('terminal_unreachable', `The sandbox ${doing}: ${reason}. Try again in a moment.`, {
    retryable: true,
    cause: error,
  });
}
