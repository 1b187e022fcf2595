// Files of the Cloud API: how ours are shown, and how those of messages are fetched.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { AttachmentRef, StoredFile } from '../../../shared/messages.ts';
import type { CloudApi } from './api.ts';
import { toAppError } from './errors.ts';

export interface FileShape {
  type: 'image' | 'video' | 'audio' | 'sticker' | 'document';
  /** As the API is told. */
  mime: string;
  hasCaption: boolean;
  /** Shown as a voice note. */
  voice: boolean;
}

const AUDIO = ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'];
const IMAGE = ['image/jpeg', 'image/png'];
const VIDEO = ['video/mp4', 'video/3gpp'];

/** What WhatsApp cannot show goes as a document (supported types: capabilities.ts). */
export function describeFile({ kind, mime: given }: Pick<StoredFile, 'kind' | 'mime'>): FileShape {
  const mime = given.split(';')[0]?.trim().toLowerCase() ?? '';
  const plain = { voice: false, hasCaption: false, mime };
  if (kind === 'image' && IMAGE.includes(mime)) return { ...plain, type: 'image', hasCaption: true };
  if (kind === 'video' && VIDEO.includes(mime)) return { ...plain, type: 'video', hasCaption: true };
  if (kind === 'voice' && mime === 'audio/ogg') return { ...plain, type: 'audio', voice: true };
  if ((kind === 'audio' || kind === 'voice') && AUDIO.includes(mime)) return { ...plain, type: 'audio' };
  if (kind === 'sticker' && mime === 'image/webp') return { ...plain, type: 'sticker' };
  // Of texts the API knows one kind.
  return { ...plain, type: 'document', hasCaption: true, mime: mime.startsWith('text/') ? 'text/plain' : mime };
}

const mediaSchema = z.looseObject({ url: z.url() });

/** Opens a file of a message. Rejects with AppError. */
export async function openMedia(
  api: CloudApi,
  phoneNumberId: string,
  ref: AttachmentRef,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  if (!/^[\w-]{1,128}$/.test(ref.ref)) throw new AppError('not_found', 'WhatsApp does not have this file.');
  let response: Response;
  try {
    const media = mediaSchema.parse(await api.get(`${ref.ref}?phone_number_id=${phoneNumberId}`, signal));
    response = await api.download(media.url, signal);
  } catch (error) {
    throw toAppError(error);
  }
  if (response.ok && response.body) return response.body;
  await response.body?.cancel();
  // "Media … available for 30 days"; then it is gone.
  if (response.status === 404 || response.status === 410)
    throw new AppError('not_found', 'WhatsApp does not have this file any more. Send it again.');
  throw new AppError('platform_unreachable', `WhatsApp did not give the file (status ${response.status}).`, {
    retryable: true,
  });
}
