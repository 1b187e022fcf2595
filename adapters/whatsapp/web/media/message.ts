// A file of ours as the message that shows it in its own way.
import { open } from 'node:fs/promises';
import type { proto } from 'baileys';
import type { StoredFile } from '../../../../shared/messages.ts';
import type { UploadedMedia } from './transfer.ts';
import type { MediaType } from './ref.ts';

/** How a file is sent: what the apps cannot show goes as a document. */
export interface FileShape {
  shown: 'image' | 'video' | 'audio' | 'voice' | 'sticker' | 'document';
  type: MediaType;
  hasCaption: boolean;
}

export function describeFile({ kind, mime }: Pick<StoredFile, 'kind' | 'mime'>): FileShape {
  const isOgg = /^audio\/(?:ogg|opus)\b/.test(mime);
  if (kind === 'image' && /^image\/(?:jpeg|png|webp)\b/.test(mime))
    return { shown: 'image', type: 'Image', hasCaption: true };
  if (kind === 'video' && mime.startsWith('video/')) return { shown: 'video', type: 'Video', hasCaption: true };
  if (kind === 'voice' && isOgg) return { shown: 'voice', type: 'Audio', hasCaption: false };
  if ((kind === 'audio' || kind === 'voice') && mime.startsWith('audio/'))
    return { shown: 'audio', type: 'Audio', hasCaption: false };
  if (kind === 'sticker' && mime === 'image/webp') return { shown: 'sticker', type: 'Image', hasCaption: false };
  return { shown: 'document', type: 'Document', hasCaption: true };
}

export interface MediaParts {
  uploaded: UploadedMedia;
  caption: string;
  contextInfo: proto.IContextInfo | undefined;
  /** Milliseconds since the epoch. */
  now: number;
}

export async function makeMediaMessage(file: StoredFile, parts: MediaParts): Promise<proto.IMessage> {
  const { uploaded, caption, contextInfo, now } = parts;
  const media = {
    ...uploaded,
    mediaKeyTimestamp: Math.floor(now / 1_000),
    mimetype: file.mime,
    ...(contextInfo && { contextInfo }),
  };
  const captioned = { ...media, ...(caption !== '' && { caption }) };
  switch (describeFile(file).shown) {
    case 'image':
      return { imageMessage: captioned };
    case 'video':
      return { videoMessage: captioned };
    case 'voice':
      return {
        audioMessage: { ...media, ptt: true, mimetype: 'audio/ogg; codecs=opus', ...(await secondsOfOgg(file.path)) },
      };
    case 'audio':
      return { audioMessage: { ...media, ptt: false } };
    case 'sticker':
      return { stickerMessage: media };
    case 'document':
      return documentMessage({ ...captioned, fileName: file.name, title: file.name }, caption !== '');
  }
}

/** The apps put a document with a caption in a box of its own. */
function documentMessage(documentMessage: proto.Message.IDocumentMessage, hasCaption: boolean): proto.IMessage {
  return hasCaption ? { documentWithCaptionMessage: { message: { documentMessage } } } : { documentMessage };
}

/** The end of a file holds its last page, whatever its size: a page has at most 65,307 bytes (RFC 3533). */
const OGG_TAIL_BYTES = 65_536;
/** Opus counts samples at 48 kHz, whatever was recorded (RFC 7845). */
const OPUS_RATE = 48_000;

/** Length of a voice note, which the apps show beside it; nothing when the file is not as it should be. */
export async function secondsOfOgg(path: string): Promise<{ seconds?: number }> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, OGG_TAIL_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    const page = tail.lastIndexOf('OggS');
    if (page < 0 || page + 14 > tail.length) return {};
    const samples = tail.readBigInt64LE(page + 6);
    return samples > 0n ? { seconds: Math.max(1, Math.round(Number(samples) / OPUS_RATE)) } : {};
  } finally {
    await file.close();
  }
}
