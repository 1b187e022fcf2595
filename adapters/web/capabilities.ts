// What the page can show. It is ours, so these are choices, not limits of a service.
import type { Capabilities, MediaSupport } from '../capabilities.ts';

/** Longer answers come as several lines of the chat. */
const MAX_TEXT_CHARS = 16_000;
const MAX_FILE_BYTES = 512 * 1024 * 1024;

const file: MediaSupport = { support: 'full', maxBytes: MAX_FILE_BYTES, maxCaption: MAX_TEXT_CHARS, mime: [] };
/** Shown as the kind of file that it is made of. */
const asFile: MediaSupport = { ...file, support: 'partial' };

export const WEB_CAPABILITIES: Capabilities = {
  text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
  media: { image: file, audio: file, video: file, document: file, voice: asFile, sticker: asFile },
  threads: 'dropped',
  replies: 'full',
  reactions: 'dropped',
  buttons: 'full',
  edits: { support: 'dropped', minIntervalMs: 0, maxAgeMs: 0 },
  typing: { support: 'full', ttlMs: 6_000 },
  drafts: { support: 'full', minIntervalMs: 80 },
  sendDedupe: 'by-key',
  // The page keeps what the person wrote until we took it.
  backfill: 'server-queue',
  promptHint:
    'Your answer is read on a web page. Markdown is shown formatted: headings, lists, tables, code blocks with language, links. Remote images are shown as links.',
};
