// What our own clients can show, page and terminal alike. They are ours, so these are choices, not limits of a service.
import { everyKind, TEXT_ONLY, type Capabilities, type MediaSupport } from '../capabilities.ts';

/** Longer answers come as several lines of the chat. */
const MAX_TEXT_CHARS = 16_000;
const MAX_FILE_BYTES = 512 * 1024 * 1024;

const file: MediaSupport = { support: 'full', maxBytes: MAX_FILE_BYTES, maxCaption: MAX_TEXT_CHARS, mime: [] };
/** Treated as the kind of file that it is made of. */
const asFile: MediaSupport = { ...file, support: 'partial' };

export const LOCAL_CHAT_CAPABILITIES: Omit<Capabilities, 'promptHint'> = {
  ...TEXT_ONLY,
  text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
  media: { ...everyKind(file), voice: asFile, sticker: asFile },
  replies: 'full',
  typing: { support: 'full', ttlMs: 6_000 },
  drafts: { support: 'full', minIntervalMs: 80 },
  sendDedupe: 'by-key',
  // The client keeps what the person wrote until we took it.
  backfill: 'server-queue',
};
