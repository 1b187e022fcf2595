// What went wrong between us and an MCP server, in words of ours: a closed set of kinds, whatever the SDK threw.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { preview } from '../../shared/text.ts';
import { visibleText } from './scan.ts';

export type Failure =
  /** The server answered with an error; `text` is its own, foreign. */
  | { kind: 'answer'; code: number; text: string; data: unknown }
  /** The connection ended before there was an answer. */
  | { kind: 'closed' }
  /** The server forgot our session; nothing was done. */
  | { kind: 'no-session' }
  | { kind: 'login' }
  | { kind: 'http'; status: number }
  /** It answered something that the protocol does not allow. */
  | { kind: 'protocol' }
  | { kind: 'ours'; error: AppError }
  | { kind: 'other'; text: string };

// Codes of JSON-RPC as the SDK gives them (types.js, ErrorCode).
const CONNECTION_CLOSED = -32_000;
export const URL_ELICITATION_REQUIRED = -32_042;

export function readFailure(error: unknown): Failure {
  if (error instanceof AppError) return { kind: 'ours', error };
  if (error instanceof z.ZodError || isZodError(error) || error instanceof SyntaxError) return { kind: 'protocol' };
  if (!(error instanceof Error)) return { kind: 'other', text: 'unknown error' };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  if (error.name === 'McpError' && code !== undefined) {
    if (code === CONNECTION_CLOSED) return { kind: 'closed' };
    const text = foreignText(error.message.replace(/^MCP error -?\d+: /, ''), 2_000);
    return { kind: 'answer', code, text, data: 'data' in error ? error.data : undefined };
  }
  if (error.constructor.name === 'UnauthorizedError') return { kind: 'login' };
  if (error.constructor.name === 'StreamableHTTPError' && code !== undefined) return httpFailure(code);
  // The error of a stream or of fetch holds what it was made of.
  if (error.cause !== undefined && error.cause !== error) {
    const inner = readFailure(error.cause);
    if (inner.kind === 'ours') return inner;
  }
  return { kind: 'other', text: foreignText(error.message, 300) };
}

function httpFailure(status: number): Failure {
  if (status === 404) return { kind: 'no-session' };
  if (status === 401) return { kind: 'login' };
  return status < 100 ? { kind: 'protocol' } : { kind: 'http', status };
}

/** As an AppError that names the server and says what holds now. */
export function appErrorOf(server: string, error: unknown): AppError {
  const failure = readFailure(error);
  const fail = (text: string) => new AppError('tool_unavailable', `MCP server ${server} ${text}`, { cause: error });
  switch (failure.kind) {
    case 'ours':
      return failure.error;
    case 'answer':
      return fail(`answered with an error: ${failure.text}`);
    case 'closed':
      return fail('ended in the middle. Whether the call took effect is unknown; do not simply repeat it.');
    case 'no-session':
      return fail('is not at its address, or knows our session no more.');
    case 'login':
      return fail(`wants a login. The owner can do it with \`herald mcp login ${server}\`.`);
    case 'http':
      return failure.status === 403
        ? fail(`refused this. A login may give more rights: \`herald mcp login ${server}\`.`)
        : fail(`answered with HTTP status ${failure.status}.`);
    case 'protocol':
      return fail('answered something that MCP does not allow.');
    case 'other':
      return fail(`cannot be reached: ${failure.text}`);
  }
}

export function foreignText(text: string, max: number): string {
  return preview(visibleText(text), max);
}

/** Those of the SDK come from zod's core and are no ZodError by class. */
function isZodError(error: unknown): boolean {
  return error instanceof z.core.$ZodError;
}
