// What Playwright's errors mean, in words that tell the model what to do next.
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';

/** An action on an element that did not work. */
export function explainAction(error: unknown, ref: string | undefined): AppError {
  if (error instanceof AppError) return error;
  const text = error instanceof Error ? error.message : '';
  const what = ref === undefined ? 'The page' : `Element ${ref}`;
  if (/intercepts pointer events/.test(text))
    return new AppError('bad_input', `${what} is covered by another element. Look at a new browser_snapshot.`, {
      cause: error,
    });
  if (isGone(text))
    return new AppError(
      'tool_unavailable',
      'The page or its browser was closed. Open it again with browser_navigate.',
      {
        cause: error,
      },
    );
  if (/Timeout \d+ms/.test(text) && ref === undefined)
    return new AppError('timeout', 'The page does not answer; its scripts may hang. Open it anew, or another one.', {
      cause: error,
    });
  const line = preview(text.replace(/^\w+\.\w+: /, '').split('\n')[0] ?? '', 200);
  return new AppError('bad_input', `${what} could not be used: ${line || 'unknown error'}`, { cause: error });
}

/** A page that could not be opened; `refusal` is what the guard said of its host. */
export function explainNavigation(error: unknown, host: string, refusal: string | undefined): AppError {
  if (error instanceof AppError) return error;
  if (refusal !== undefined) return new AppError('not_allowed', refusal, { cause: error });
  const text = error instanceof Error ? error.message : '';
  if (/Download is starting/.test(text))
    return new AppError(
      'bad_input',
      'That address is a file to download, which is blocked. Read it with web_extract.',
      {
        cause: error,
      },
    );
  if (/Timeout/.test(text))
    return new AppError('timeout', `${host} did not answer in time.`, { retryable: true, cause: error });
  if (isGone(text))
    return new AppError('tool_unavailable', 'The browser was closed. Try again.', { retryable: true, cause: error });
  const code = /net::(ERR_\w+)/.exec(text)?.[1];
  return new AppError('platform_unreachable', `${host} could not be opened${code === undefined ? '' : ` (${code})`}.`, {
    retryable: true,
    cause: error,
  });
}

function isGone(text: string): boolean {
  return /has been closed|Target closed|crashed|disconnected/i.test(text);
}
