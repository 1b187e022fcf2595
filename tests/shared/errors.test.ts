import { expect, it } from 'vitest';
import { AppError, asAppError, ERROR_CODES, isAbort } from '../../shared/errors.ts';

it('keeps its codes: others depend on them', () => {
  expect([...ERROR_CODES].sort()).toMatchInlineSnapshot(`
    [
      "bad_input",
      "budget_exceeded",
      "cancelled",
      "config_invalid",
      "config_unreadable",
      "db_corrupt",
      "db_locked",
      "db_newer",
      "disk_full",
      "gateway_not_running",
      "home_unwritable",
      "internal",
      "model_auth",
      "model_bad_request",
      "model_billing",
      "model_context_overflow",
      "model_not_found",
      "model_overloaded",
      "model_protocol",
      "model_rate_limited",
      "model_refused",
      "model_unreachable",
      "not_allowed",
      "not_found",
      "platform_auth",
      "platform_unreachable",
      "port_in_use",
      "runtime_too_old",
      "terminal_gone",
      "terminal_unreachable",
      "timeout",
      "too_large",
      "tool_unavailable",
    ]
  `);
});

it('shows nothing of an unknown error', () => {
  const error = asAppError(new Error('password hunter2 in /home/ann'));
  expect(error.code).toBe('internal');
  expect(error.publicMessage).not.toMatch(/hunter2|ann/);
  expect(error.cause).toBeInstanceOf(Error);
});

it('leaves an AppError as it is and knows an abort', () => {
  const error = new AppError('timeout', 'Too slow.', { retryable: true, retryAfterMs: 5 });
  expect(asAppError(error)).toBe(error);
  expect(asAppError(new DOMException('x', 'AbortError')).code).toBe('cancelled');
  expect(isAbort(new AppError('cancelled', 'Stopped.'))).toBe(true);
  expect(isAbort(error)).toBe(false);
});
