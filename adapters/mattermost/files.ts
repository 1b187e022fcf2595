// Files: those of messages are opened by their id on the configured server; ours are uploaded before the message that carries them.
import { openAsBlob } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { AttachmentRef, StoredFile } from '../../shared/messages.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { MattermostApi } from './api.ts';
import { NotCalledError, UnsendableError } from '../transport/failures.ts';
import { ApiError, toAppError } from './errors.ts';
import { ID } from './schema.ts';

/** 100 MB at 2 Mbit/s. */
const UPLOAD_TIMEOUT_MS = 420_000;

const uploadSchema = z.looseObject({ file_infos: z.array(z.looseObject({ id: z.string().regex(ID) })).min(1) });

/** Rejects with AppError. */
export async function openFile(
  { api, redactor }: { api: MattermostApi; redactor: Redactor },
  ref: AttachmentRef,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  if (!ID.test(ref.ref)) throw new AppError('not_found', 'Mattermost does not have this file.');
  try {
    return await api.open(`/files/${ref.ref}`, signal);
  } catch (error) {
    throw toAppError(error, redactor);
  }
}

/** The id under which a message can carry it. No message went out, whatever this rejects with. */
export async function uploadFile(
  api: MattermostApi,
  { file, channel, signal }: { file: StoredFile; channel: string; signal: AbortSignal },
): Promise<string> {
  const blob = await openAsBlob(file.path).catch(() => {
    throw new UnsendableError('bad_request', `The file ${file.name} is not there any more.`);
  });
  try {
    const query = { channel_id: channel, filename: file.name };
    const { body } = await api.call({
      method: 'POST',
      path: '/files',
      query,
      body: blob,
      signal,
      timeoutMs: UPLOAD_TIMEOUT_MS,
    });
    const info = uploadSchema.parse(body).file_infos[0];
    if (!info) throw new Error('no file in the answer');
    return info.id;
  } catch (error) {
    if (error instanceof NotCalledError || (error instanceof ApiError && error.status < 500)) throw error;
    // A file without a message is seen by nobody.
    throw new NotCalledError('The file could not be uploaded.', { cause: error });
  }
}
