// The control API over HTTP: POST /control/<name> with a JSON object. It trusts its caller, so it is served on the local socket
// only, never on a port.
import { AppError, asAppError, type ErrorCode } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { errorAnswer, jsonAnswer } from '../http/answers.ts';
import { limitBody, tooLargeMessage } from '../http/body-limit.ts';
import type { ControlContext } from './operation.ts';
import { findOperation, runOperation } from './operations.ts';

/** Room for the longest text of `send` in UTF-8, with JSON's escapes. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

const STATUS: Partial<Record<ErrorCode, number>> = {
  bad_input: 400,
  not_allowed: 403,
  not_found: 404,
  config_invalid: 422,
  config_unreadable: 422,
  gateway_not_running: 503,
  db_locked: 503,
  timeout: 504,
  disk_full: 507,
};

/** Answers never reject; a path may come with or without its `/control` prefix. */
export function makeControlHandler(context: ControlContext, log?: Logger): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await answer(context, request);
    } catch (error) {
      const known = asAppError(error);
      if (known.code === 'internal')
        log?.error({ error: known.cause instanceof Error ? known.cause.stack : undefined }, 'control request failed');
      return errorAnswer(STATUS[known.code] ?? 500, known.code, known.publicMessage);
    }
  };
}

async function answer(context: ControlContext, request: Request): Promise<Response> {
  const name = new URL(request.url).pathname.replace(/^\/control(?=\/)/, '').slice(1);
  const operation = findOperation(name);
  if (!operation)
    throw new AppError(
      'not_found',
      `The gateway knows no operation ${JSON.stringify(name.slice(0, 64))}. It may be older than this command.`,
    );
  if (request.method !== 'POST') return errorAnswer(405, 'bad_input', 'Use POST.');
  const result = await runOperation(operation, context, await readJson(request));
  await context.db.flush();
  return jsonAnswer(200, { result });
}

async function readJson(request: Request): Promise<unknown> {
  const limited = limitBody(request.body, MAX_BODY_BYTES);
  const text = await new Response(limited.body).text().catch((error: unknown) => {
    if (limited.exceeded()) throw new AppError('bad_input', tooLargeMessage(MAX_BODY_BYTES), { cause: error });
    throw error;
  });
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('bad_input', 'The request is not JSON.', { cause });
  }
}
