// Files of inbound messages: files.info tells where it is, and our token opens it there. Only Slack's own hosts ever see the token.
import type { AttachmentRef } from '../../shared/messages.ts';
import { AppError } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { SlackApi } from './api.ts';
import { toAppError } from './errors.ts';
import { isSlackUrl } from './hosts.ts';

export interface FilesDeps {
  api: SlackApi;
  apiRoot: string;
  token: string;
  fetch: typeof fetch;
  redactor: Redactor;
}

const GONE = 'Slack does not have this file any more.';

/** Opens the file. Rejects with AppError. */
export async function openFile(
  deps: FilesDeps,
  ref: AttachmentRef,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  let url: string | undefined;
  let mime: string | undefined;
  try {
    const { file } = await deps.api.call((client) => client.files.info({ file: ref.ref }), { signal });
    url = file?.url_private_download ?? file?.url_private;
    mime = file?.mimetype;
  } catch (error) {
    throw toAppError(error, deps.redactor);
  }
  if (url === undefined || url === '') throw new AppError('not_found', GONE);
  if (!isSlackUrl(url, deps.apiRoot))
    throw new AppError('not_allowed', 'The file does not lie with Slack, so it is not fetched. Send it as an upload.');
  return download(deps, { url, mime }, signal);
}

async function download(
  deps: FilesDeps,
  { url, mime }: { url: string; mime: string | undefined },
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    response = await deps.fetch(url, {
      headers: { authorization: `Bearer ${deps.token}` },
      signal,
      // Followed, it would lead to the page for logging in, or who knows where.
      redirect: 'manual',
    });
  } catch (error) {
    throw toAppError(error, deps.redactor);
  }
  const isPage = /^text\/html\b/i.test(response.headers.get('content-type') ?? '') && !/html/i.test(mime ?? '');
  if (response.ok && response.body && !isPage) return response.body;
  await response.body?.cancel();
  const { status } = response;
  if (status === 404) throw new AppError('not_found', GONE);
  // Without the scope Slack gives the page for logging in, or leads there.
  if (isPage || status === 403 || (status >= 300 && status < 400))
    throw new AppError('not_allowed', 'The Slack app may not read files. Add the scope files:read and reinstall it.');
  throw new AppError('platform_unreachable', `Slack did not give the file (status ${status}). Send it again.`, {
    retryable: true,
  });
}
