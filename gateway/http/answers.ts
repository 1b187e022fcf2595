// JSON answers of the HTTP server: `{error: {code, message}}` for everything that went wrong, so that clients need one parser.
import type { AppError, ErrorCode } from '../../shared/errors.ts';

/** Codes that only HTTP knows, beside those of AppError. */
type HttpErrorCode = 'bad_host' | 'bad_origin' | 'too_large' | 'unauthorized' | 'starting' | ErrorCode;

const STATUS: Partial<Record<ErrorCode, number>> = {
  bad_input: 400,
  model_auth: 502,
  not_allowed: 403,
  not_found: 404,
  cancelled: 503,
  timeout: 504,
  disk_full: 507,
  db_locked: 503,
  budget_exceeded: 429,
};

export function jsonAnswer(status: number, body: unknown): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  });
}

/** `message` is shown to people: what happened and what to do. */
export function errorAnswer(status: number, code: HttpErrorCode, message: string): Response {
  return jsonAnswer(status, { error: { code, message } });
}

/** An AppError as an answer; codes without a status of their own are 500. */
export function appErrorAnswer(error: AppError): Response {
  const answer = errorAnswer(STATUS[error.code] ?? 500, error.code, error.publicMessage);
  if (error.retryAfterMs !== undefined) answer.headers.set('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
  return answer;
}
