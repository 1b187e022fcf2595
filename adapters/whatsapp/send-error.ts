// Why something could not be sent, and whether it may have gone out all the same.
import type { SendCode, SendFailure } from '../contract.ts';

/** `message` is safe to show and to log: it holds no text of a person and no key. */
export class SendError extends Error {
  override readonly name = 'SendError';
  readonly code: SendCode;
  readonly reached: 'no' | 'maybe';
  readonly retryAfterMs: number | undefined;

  constructor(code: SendCode, reached: 'no' | 'maybe', message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.reached = reached;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Any failure of a send as its result. */
export function explainFailure(error: unknown): SendFailure {
  const known =
    error instanceof SendError
      ? error
      : new SendError('unreachable', 'maybe', `The send failed (${error instanceof Error ? error.name : 'unknown'}).`);
  return {
    ok: false,
    code: known.code,
    reached: known.reached,
    ...(known.retryAfterMs !== undefined && { retryAfterMs: known.retryAfterMs }),
    cause: known,
  };
}
