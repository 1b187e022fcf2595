// Files of messages: only those of the media repository, and only through our own homeserver.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { AttachmentRef } from '../../shared/messages.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { MatrixApi } from './api.ts';
import { openSealed, readSealedRef } from './crypto/attachments.ts';
import { hasErrcode, MatrixError, toAppError } from './errors.ts';
import { readMxc } from './ids.ts';

export interface FilesDeps {
  api: MatrixApi;
  redactor: Redactor;
}

/** Rejects with AppError. */
export async function openFile(
  { api, redactor }: FilesDeps,
  { ref }: AttachmentRef,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const sealed = readSealedRef(ref);
  const address = readMxc(sealed?.url ?? ref);
  if (!address) throw new AppError('not_found', 'There is no such file on Matrix.');
  const { server, media } = address;
  const fetchFrom = (...path: string[]) => api.open({ method: 'GET', path: [...path, server, media], signal });
  try {
    const stored = await fetchFrom('client', 'v1', 'media', 'download').catch((error: unknown) => {
      // Homeservers before version 1.11 of the specification.
      if (hasErrcode(error, 'M_UNRECOGNIZED')) return fetchFrom('media', 'v3', 'download');
      throw error;
    });
    return sealed ? ReadableStream.from(openSealed(stored, sealed)) : stored;
  } catch (error) {
    if (error instanceof MatrixError && error.status >= 300 && error.status < 400)
      throw new AppError('not_allowed', 'The homeserver keeps its files elsewhere, from where they are not fetched.');
    throw toAppError(error, redactor);
  }
}

const configSchema = z.looseObject({ 'm.upload.size': z.int().positive().optional() });

/** Largest upload in bytes; undefined when the homeserver does not say. */
export async function askUploadLimit(api: MatrixApi, signal: AbortSignal): Promise<number | undefined> {
  try {
    const path = ['client', 'v1', 'media', 'config'];
    return configSchema.parse(await api.run({ method: 'GET', path, signal }))['m.upload.size'];
  } catch {
    return undefined;
  }
}
