// The only error type of the core. Codes are a closed union, pinned by tests/shared/errors.test.ts.
export const ERROR_CODES = [
  'config_invalid', // a setting is missing, misspelt or of the wrong type
  'config_unreadable',
  'home_unwritable', // $HERALD_HOME cannot be written
  'disk_full',
  'db_corrupt',
  'db_locked', // another process owns the data
  'db_newer', // the file was written by a newer Herald
  'gateway_not_running',
  'port_in_use',
  'not_found',
  'not_allowed',
  'bad_input', // arguments or a message that cannot be understood
  'budget_exceeded',
  'model_auth',
  'model_rate_limited',
  'model_overloaded',
  'model_context_overflow',
  'model_bad_request',
  'model_not_found',
  'model_billing',
  'model_unreachable',
  'model_protocol', // the provider answered something that its API does not allow
  'model_refused',
  'cancelled',
  'timeout',
  'platform_auth',
  'platform_unreachable',
  'terminal_unreachable', // the machine that commands run on cannot be reached
  'terminal_gone', // it is not there any more, with what ran on it
  'too_large',
  'tool_unavailable', // what a tool needs (a program, a key, a server) is not there
  'runtime_too_old',
  'internal',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface AppErrorOptions {
  /** Whether the same call may succeed later without anyone changing anything. */
  retryable?: boolean;
  /** Earliest sensible retry, in milliseconds from now. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** `publicMessage` is safe to show to the person who asked: it says what happened, what was kept and what to do. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly publicMessage: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, publicMessage: string, options: AppErrorOptions = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.publicMessage = publicMessage;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The error as an AppError; anything unknown becomes `internal` with a message that leaks nothing. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isAbort(error)) return new AppError('cancelled', 'Stopped.', { cause: error });
  return new AppError('internal', 'Something went wrong inside Herald. Nothing was lost; see `herald logs`.', {
    cause: error,
  });
}

export function isAbort(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === 'AbortError' || (error instanceof AppError && error.code === 'cancelled'))
  );
}
