// Errors as OpenAI's API tells them: https://platform.openai.com/docs/guides/error-codes (read 2026-11-21).
import type { AppError } from '../../shared/errors.ts';

export type ErrorType =
  | 'invalid_request_error'
  | 'permission_error'
  | 'authentication_error'
  | 'rate_limit_error'
  | 'server_error';

export interface Problem {
  status: number;
  type: ErrorType;
  code: string;
  message: string;
  /** The parameter that is wrong. */
  param?: string | undefined;
}

export function problemAnswer({ status, type, code, message, param }: Problem): Response {
  return json(status, { error: { message, type, param: param ?? null, code } });
}

export function unknownUrl(method: string, pathname: string): Response {
  const message = `There is no ${`${method} ${pathname}`.slice(0, 200)} here.`;
  return problemAnswer({ status: 404, type: 'invalid_request_error', code: 'unknown_url', message });
}

export function json(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } });
}

export function problemOf(error: AppError): Problem {
  const { code, publicMessage: message } = error;
  if (code === 'bad_input') return { status: 400, type: 'invalid_request_error', code: 'invalid_value', message };
  if (code === 'not_found') return { status: 404, type: 'invalid_request_error', code, message };
  if (code === 'not_allowed') return { status: 403, type: 'permission_error', code, message };
  if (code === 'timeout') return { status: 504, type: 'server_error', code, message };
  return { status: error.retryable ? 503 : 500, type: 'server_error', code, message };
}
