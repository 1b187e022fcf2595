// Files in messages, in the shapes that the Bot API gives them.
import type { MediaKind } from '../../shared/messages.ts';
import type { FakeFile } from './bot-api-state.ts';

/** The media fields of a message that carries `file`. */
export function mediaFields(kind: MediaKind, file: FakeFile): Record<string, unknown> {
  const { file_id, file_unique_id, name, mime, bytes } = file;
  const base = { file_id, file_unique_id, file_size: bytes.length };
  const named = { ...base, file_name: name, mime_type: mime };
  switch (kind) {
    case 'image': {
      const thumbnail = {
        file_id: `${file_id}-small`,
        file_unique_id: `${file_unique_id}s`,
        width: 90,
        height: 60,
        file_size: 900,
      };
      return { photo: [thumbnail, { ...base, width: 1280, height: 853 }] };
    }
    case 'audio':
      return { audio: { ...named, duration: 3 } };
    case 'voice':
      return { voice: { ...base, mime_type: mime, duration: 2 } };
    case 'video':
      return { video: { ...named, width: 640, height: 480, duration: 4 } };
    case 'sticker':
      return {
        sticker: {
          ...base,
          type: 'regular',
          width: 512,
          height: 512,
          is_animated: false,
          is_video: false,
          emoji: '😀',
        },
      };
    case 'document':
      return { document: named };
  }
}

const FIELDS: readonly [string, MediaKind][] = [
  ['photo', 'image'],
  ['audio', 'audio'],
  ['voice', 'voice'],
  ['video', 'video'],
  ['sticker', 'sticker'],
  ['document', 'document'],
];

/** Kind and file id of the media of a message. */
export function mediaOf(message: Record<string, unknown>): { kind: MediaKind; fileId: string } | undefined {
  for (const [field, kind] of FIELDS) {
    const value = message[field];
    const media: unknown = Array.isArray(value) ? value.at(-1) : value;
    if (typeof media === 'object' && media !== null && 'file_id' in media)
      return { kind, fileId: String(media.file_id) };
  }
  return undefined;
}
