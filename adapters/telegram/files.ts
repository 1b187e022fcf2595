// Files of inbound messages: getFile, then a download whose address holds the token and is therefore never told.
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { AttachmentRef } from '../../shared/messages.ts';
import { AppError } from '../../shared/errors.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { TelegramApi } from './api.ts';
import { toAppError } from './errors.ts';
import { DEFAULT_API_ROOT, type TelegramSettings } from './settings.ts';

/** "bots can download files of up to 20MB in size" (https://core.telegram.org/bots/api#getfile, read 2026-11-21). */
const TOO_BIG =
  'Telegram lets bots fetch files of at most 20 MB. Send a smaller one, or run a Bot API server of your own (api_root).';

export interface FilesDeps {
  api: TelegramApi;
  settings: TelegramSettings;
  fetch: typeof fetch;
  redactor: Redactor;
}

/** Opens the file. Rejects with AppError. */
export async function openFile(
  deps: FilesDeps,
  ref: AttachmentRef,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const { settings } = deps;
  let filePath: string | undefined;
  try {
    const file = await deps.api.run((raw) => raw.getFile({ file_id: ref.ref }), { signal });
    filePath = file.file_path;
  } catch (error) {
    const failure = toAppError(error, deps.redactor);
    if (/file is too big/i.test(String(failure.cause)))
      throw new AppError('bad_input', TOO_BIG, { cause: failure.cause });
    throw failure.code === 'bad_input'
      ? new AppError('not_found', 'Telegram does not have this file any more.', { cause: failure.cause })
      : failure;
  }
  if (filePath === undefined) throw new AppError('not_found', 'Telegram does not have this file any more.');
  // A self-hosted server in local mode puts the file on this machine and gives its path.
  if (path.isAbsolute(filePath) && settings.api_root !== DEFAULT_API_ROOT)
    return Readable.toWeb(createReadStream(filePath));
  return download(deps, filePath, signal);
}

async function download(deps: FilesDeps, filePath: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const { api_root: root, token } = deps.settings;
  const encoded = filePath.split('/').map(encodeURIComponent).join('/');
  let response: Response;
  try {
    response = await deps.fetch(`${root}/file/bot${token}/${encoded}`, { signal, redirect: 'error' });
  } catch (error) {
    throw toAppError(error, deps.redactor);
  }
  if (response.ok && response.body) return response.body;
  await response.body?.cancel();
  throw new AppError(
    'platform_unreachable',
    `Telegram did not give the file (status ${response.status}). Send it again.`,
    { retryable: true },
  );
}
