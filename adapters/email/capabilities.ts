// What mail can do. Mail has few limits of its own; those here are of the servers that most people have.
import type { Capabilities, MediaSupport } from '../capabilities.ts';

const MB = 1024 * 1024;
/**
 * An answer is one mail, however long: servers take 10 MB and more. Gmail shows about 102 kB of a mail and a link to the rest (seen, not
 * documented), so nothing is lost by staying whole.
 */
const MAX_TEXT_BYTES = 500_000;
/** "You can send up to 25 MB in attachments", https://support.google.com/mail/answer/6584, read 2026-11-21; base64 adds a third and some. */
const MAX_FILE_BYTES = 18 * MB;

export function makeCapabilities(): Capabilities {
  const media = (support: MediaSupport['support']): MediaSupport => ({
    support,
    maxBytes: MAX_FILE_BYTES,
    maxCaption: MAX_TEXT_BYTES,
    mime: [],
  });
  return {
    text: { max: MAX_TEXT_BYTES, unit: 'utf8-byte' },
    media: {
      image: media('full'),
      audio: media('full'),
      // An attached recording: it is no voice bubble.
      voice: media('partial'),
      video: media('full'),
      document: media('full'),
      sticker: media('partial'),
    },
    threads: 'full',
    replies: 'full',
    reactions: 'dropped',
    buttons: 'fallback',
    edits: { support: 'rejected', minIntervalMs: 0, maxAgeMs: 0 },
    typing: { support: 'dropped', ttlMs: 0 },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // See outbound/journal.ts.
    sendDedupe: 'read-back',
    backfill: 'history',
    promptHint:
      'The answer is read as a mail, maybe hours later: one complete text rather than questions back. Markdown is shown as HTML, with tables and code.',
  };
}
