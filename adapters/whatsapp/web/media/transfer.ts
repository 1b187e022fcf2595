// Files over WhatsApp's media hosts: encrypted before they leave, decrypted and checked while they arrive. Downloads go to the platform's
// own host only: the address in a message is the sender's choice and is never called.
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { systemClock } from '../../../../shared/clock.ts';
import { withDeadline } from '../../../../shared/deadline.ts';
import { AppError, isAbort } from '../../../../shared/errors.ts';
import type { AttachmentRef } from '../../../../shared/messages.ts';
import { decryptMedia, DamagedMediaError, encryptMedia } from './crypto.ts';
import { parseMediaRef, type MediaType } from './ref.ts';
import { SendError } from '../../send-error.ts';

const MEDIA_ORIGIN = 'https://mmg.whatsapp.net';
/** The media hosts expect what a browser sends. */
const HEADERS = { origin: 'https://web.whatsapp.com' };
/** 100 MB at 2 Mbit/s. */
const UPLOAD_TIMEOUT_MS = 420_000;
/** Hosts to which our own login for uploads may be given. */
const UPLOAD_HOST = /^(?:[a-z0-9-]+\.)+whatsapp\.net$/i;

/** Opens a file of a message. Rejects with AppError; the stream fails when the bytes are not those that were sent. */
export async function downloadMedia(
  fetchFile: typeof fetch,
  ref: AttachmentRef,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const media = parseMediaRef(ref.ref);
  const url = media && mediaUrl(media.path);
  if (!media || !url) throw new AppError('not_found', 'WhatsApp does not have this file.');
  let response: Response;
  try {
    response = await fetchFile(url, { headers: HEADERS, signal, redirect: 'error' });
  } catch (cause) {
    if (isAbort(cause)) throw new AppError('cancelled', 'Stopped.', { cause });
    throw new AppError('platform_unreachable', 'The file could not be fetched from WhatsApp; it is tried again.', {
      retryable: true,
      cause,
    });
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    // Files are kept for some weeks after they were sent.
    if ([403, 404, 410].includes(response.status))
      throw new AppError('not_found', 'WhatsApp does not have this file any more. Send it again.');
    throw new AppError('platform_unreachable', `WhatsApp did not give the file (status ${response.status}).`, {
      retryable: true,
    });
  }
  return ReadableStream.from(tellDamage(decryptMedia(response.body, media)));
}

/** Undefined when the path would lead elsewhere: `.evil.example/x` or `@evil.example/x` behind a host are other hosts. */
function mediaUrl(path: string): URL | undefined {
  if (!path.startsWith('/')) return undefined;
  const url = URL.parse(path, MEDIA_ORIGIN);
  return url?.origin === MEDIA_ORIGIN ? url : undefined;
}

async function* tellDamage(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (cause) {
    const isDamaged =
      cause instanceof DamagedMediaError || (cause instanceof Error && 'code' in cause && isBadCrypt(cause.code));
    if (!isDamaged) throw cause;
    throw new AppError('bad_input', 'The file arrived damaged. Send it again.', { cause });
  }
}

function isBadCrypt(code: unknown): boolean {
  return typeof code === 'string' && code.startsWith('ERR_OSSL');
}

/** Where to upload, as WhatsApp told us over the authenticated connection. */
export interface UploadInfo {
  hosts: readonly string[];
  auth: string;
}

/** A file as a message names it. */
export interface UploadedMedia {
  url: string;
  directPath: string;
  mediaKey: Buffer;
  fileSha256: Buffer;
  fileEncSha256: Buffer;
  fileLength: number;
}

const MEDIA_PATHS: Readonly<Record<MediaType, string>> = {
  Image: '/mms/image',
  Video: '/mms/video',
  Audio: '/mms/audio',
  Document: '/mms/document',
};

const answerSchema = z.looseObject({ url: z.string(), direct_path: z.string() });

/** Rejects with SendError, reached 'no': a file that lies on the media host is no message yet. */
export async function uploadMedia(
  { fetch: fetchFile, info }: { fetch: typeof fetch; info: UploadInfo },
  file: { path: string; type: MediaType },
  signal: AbortSignal,
): Promise<UploadedMedia> {
  const mediaKey = randomBytes(32);
  const seal = () => encryptMedia(createReadStream(file.path), { type: file.type, key: mediaKey });
  // The address of an upload holds the hash of what is uploaded, so the file is encrypted twice rather than kept.
  const sums = await measure(file.path, seal());
  const token = sums.fileEncSha256.toString('base64url');
  const headers = {
    ...HEADERS,
    'content-type': 'application/octet-stream',
    'content-length': String(sums.encryptedBytes),
  };
  const deadline = { clock: systemClock, timeoutMs: UPLOAD_TIMEOUT_MS, parent: signal };
  let problem = 'WhatsApp named no host for files.';
  for (const host of info.hosts.filter((name) => UPLOAD_HOST.test(name))) {
    const url = `https://${host}${MEDIA_PATHS[file.type]}/${token}?auth=${encodeURIComponent(info.auth)}&token=${token}`;
    try {
      const { status, answer } = await withDeadline(deadline, async (until) => {
        const response = await fetchFile(url, {
          method: 'POST',
          headers,
          body: ReadableStream.from(seal()),
          duplex: 'half',
          signal: until,
          redirect: 'error',
        });
        return {
          status: response.status,
          answer: response.ok ? await response.json().catch(() => undefined) : undefined,
        };
      });
      const placed = answerSchema.safeParse(answer);
      if (placed.success) return { url: placed.data.url, directPath: placed.data.direct_path, mediaKey, ...sums };
      problem = `The media host answered with status ${status}.`;
    } catch (error) {
      // The error's text is left out: it may hold the address, which holds our login for uploads.
      problem = `The media host did not answer (${error instanceof Error ? error.name : 'unknown'}).`;
    }
  }
  throw new SendError('unreachable', 'no', problem);
}

async function measure(path: string, encrypted: AsyncIterable<Buffer>) {
  const plainHash = createHash('sha256');
  const encryptedHash = createHash('sha256');
  let fileLength = 0;
  let encryptedBytes = 0;
  for await (const chunk of encrypted) {
    encryptedHash.update(chunk);
    encryptedBytes += chunk.length;
  }
  const plain: AsyncIterable<Buffer> = createReadStream(path);
  for await (const chunk of plain) {
    plainHash.update(chunk);
    fileLength += chunk.length;
  }
  return { fileSha256: plainHash.digest(), fileEncSha256: encryptedHash.digest(), fileLength, encryptedBytes };
}
