// What Matrix can do. Limits are of https://spec.matrix.org/v1.16/client-server-api/, read 2026-11-21, unless another source is named.
import type { Capabilities, MediaSupport } from '../capabilities.ts';
import type { MatrixSettings } from './settings.ts';

/**
 * An event has at most 65,536 bytes, with what the server adds to it (#size-limits). It holds the text twice, as it is and as HTML, and
 * escapes grow both. So much always fits as plain text, and nearly always with its formatting.
 */
export const MAX_TEXT_BYTES = 16_000;
/** Content of an event, which grows by a third when it is encrypted; the rest is room for ids, hashes and signatures. */
export const MAX_CONTENT_BYTES = 46_000;
/** Synapse's max_upload_size by default; where the server tells its own (m.upload.size), that counts. */
export const DEFAULT_UPLOAD_BYTES = 50 * 1024 * 1024;
export const TYPING_TTL_MS = 20_000;

export function makeCapabilities(
  settings: Pick<MatrixSettings, 'streaming' | 'edit_interval_ms'>,
  maxUploadBytes: number,
): Capabilities {
  const media = (maxCaption: number): MediaSupport => ({
    support: 'full',
    maxBytes: maxUploadBytes,
    maxCaption,
    mime: [],
  });
  return {
    text: { max: MAX_TEXT_BYTES, unit: 'utf8-byte' },
    media: {
      image: media(MAX_TEXT_BYTES),
      audio: media(MAX_TEXT_BYTES),
      voice: media(MAX_TEXT_BYTES),
      video: media(MAX_TEXT_BYTES),
      document: media(MAX_TEXT_BYTES),
      sticker: media(0),
    },
    threads: 'full',
    replies: 'full',
    reactions: 'full',
    buttons: 'fallback',
    edits: {
      support: settings.streaming === 'off' ? 'dropped' : 'full',
      minIntervalMs: settings.edit_interval_ms,
      maxAgeMs: Number.MAX_SAFE_INTEGER,
    },
    typing: { support: 'full', ttlMs: TYPING_TTL_MS },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // PUT …/send/…/{txnId}: the same id from the same device is the same event (#transaction-identifiers).
    sendDedupe: 'by-key',
    backfill: 'history',
    promptHint:
      'The answer is read in Matrix, in an app such as Element. Markdown, tables and code blocks are shown with their formatting.',
  };
}
