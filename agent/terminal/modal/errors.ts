// Errors of Modal's software kit, as errors that say what to do. They are told apart by name and gRPC status: its classes are a part of the
// package that is loaded late.
import { AppError } from '../../../shared/errors.ts';

/** Source: https://grpc.io/docs/guides/status-codes/, read 2026-11-21. */
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;
const MAX_REASON_CHARS = 300;

export function isMissing(error: unknown): boolean {
  return error instanceof Error && (error.name === 'NotFoundError' || codeOf(error) === NOT_FOUND);
}

export function isNameTaken(error: unknown): boolean {
  return error instanceof Error && error.name === 'AlreadyExistsError';
}

/** `doing`: as in "could not be made". */
export function explainModal(doing: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = error instanceof Error ? codeOf(error) : undefined;
  const reason =
    error instanceof Error ? error.message.slice(0, MAX_REASON_CHARS).replace(/\.$/, '') : 'no reason given';
  if (code === UNAUTHENTICATED || code === PERMISSION_DENIED)
    return new AppError(
      'terminal_unreachable',
      'Modal does not accept the token. Nothing was run. Check the variables that terminal.modal.token_id_env and token_secret_env name.',
      { cause: error },
    );
  const isSetting = error instanceof Error && error.name === 'InvalidError';
  return new AppError(
    'terminal_unreachable',
    `The sandbox ${doing}: ${reason}. ${isSetting ? 'Check the settings under terminal.modal.' : 'Try again in a moment.'}`,
    { retryable: !isSetting, cause: error },
  );
}

function codeOf(error: Error): number | undefined {
  return 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}
