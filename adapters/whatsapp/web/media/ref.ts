// Files of inbound messages: what is needed to fetch and decrypt one later, as the text that the core keeps.
import type { proto } from 'baileys';
import { z } from 'zod';
import type { AttachmentRef, MediaKind } from '../../../../shared/messages.ts';
import { parseJson } from '../../../transport/bodies.ts';

/** Names under which WhatsApp derives the keys of a file. */
export type MediaType = 'Image' | 'Video' | 'Audio' | 'Document';

const refSchema = z.strictObject({
  type: z.enum(['Image', 'Video', 'Audio', 'Document']),
  /** Path on the platform's media host. */
  path: z.string().min(1).max(4_096),
  key: z.base64(),
  /** Of the file before it was encrypted. */
  sha256: z.base64().optional(),
});

export interface MediaRef {
  type: MediaType;
  path: string;
  key: Buffer;
  sha256: Buffer | undefined;
}

/** Undefined when the text was not made by `describeMedia`. */
export function parseMediaRef(text: string): MediaRef | undefined {
  const parsed = refSchema.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { type, path, key, sha256 } = parsed.data;
  return {
    type,
    path,
    key: Buffer.from(key, 'base64'),
    sha256: sha256 === undefined ? undefined : Buffer.from(sha256, 'base64'),
  };
}

/** Fields that all kinds of media have. */
interface Media {
  mimetype?: string | null;
  directPath?: string | null;
  mediaKey?: Uint8Array | null;
  fileSha256?: Uint8Array | null;
  fileLength?: number | { toNumber(): number } | null;
  seconds?: number | null;
  fileName?: string | null;
}

export function describeMedia(inner: proto.IMessage): AttachmentRef | undefined {
  const { imageMessage, videoMessage, ptvMessage, audioMessage, documentMessage, stickerMessage } = inner;
  if (imageMessage) return makeRef('image', 'Image', imageMessage);
  if (videoMessage) return makeRef('video', 'Video', videoMessage);
  if (ptvMessage) return makeRef('video', 'Video', ptvMessage);
  if (audioMessage) return makeRef(audioMessage.ptt ? 'voice' : 'audio', 'Audio', audioMessage);
  if (documentMessage) return makeRef('document', 'Document', documentMessage);
  if (stickerMessage) return makeRef('sticker', 'Image', stickerMessage);
  return undefined;
}

function makeRef(kind: MediaKind, type: MediaType, media: Media): AttachmentRef | undefined {
  const { directPath: path, mediaKey, fileSha256 } = media;
  // Without these nobody can open it; the host in `url` is the sender's choice and is not used.
  if (!path || !mediaKey?.length) return undefined;
  const bytes = typeof media.fileLength === 'number' ? media.fileLength : media.fileLength?.toNumber();
  const ref: z.input<typeof refSchema> = {
    type,
    path,
    key: Buffer.from(mediaKey).toString('base64'),
    ...(fileSha256?.length && { sha256: Buffer.from(fileSha256).toString('base64') }),
  };
  return {
    kind,
    ref: JSON.stringify(ref),
    name: media.fileName ?? undefined,
    mime: media.mimetype?.split(';')[0]?.trim(),
    bytes,
    durationMs: media.seconds ? media.seconds * 1_000 : undefined,
  };
}
