// Limits of Signal behind signal-cli-rest-api, each with its source, read 2026-11-21.
import type { Capabilities, MediaSupport } from '../capabilities.ts';

/** What the server said about itself (GET /v1/about). */
export type ServerMode = 'json-rpc' | 'native' | 'normal';

/**
 * A longer text is cut there and sent as a text file beside it, which readers must open
 * (MAX_MESSAGE_SIZE_BYTES, https://github.com/AsamK/signal-cli/blob/master/lib/src/main/java/org/asamk/signal/manager/config/ServiceConfig.java).
 */
export const MAX_TEXT_BYTES = 2_000;
/** "attachments … up to 100 MB", https://support.signal.org/hc/en-us/articles/360007320391 */
const MAX_FILE_BYTES = 100 * 1024 * 1024;
/** A shown indicator ends by itself after 15 s (TypingStatusRepository of https://github.com/signalapp/Signal-Android). */
export const TYPING_TTL_MS = 15_000;
/** "within 24 hours", at most ten times, https://support.signal.org/hc/en-us/articles/5538911756954 */
const MAX_EDIT_AGE_MS = 24 * 3_600_000;

export function makeCapabilities(server: {
  mode: ServerMode | undefined;
  receives: 'websocket' | 'poll';
}): Capabilities {
  const file: MediaSupport = { support: 'full', maxBytes: MAX_FILE_BYTES, maxCaption: MAX_TEXT_BYTES, mime: [] };
  return {
    text: { max: MAX_TEXT_BYTES, unit: 'utf8-byte' },
    media: {
      image: file,
      audio: file,
      video: file,
      document: file,
      // POST /v2/send has no flag for voice notes: they arrive as audio files.
      voice: { ...file, support: 'partial' },
      // Stickers must belong to an installed pack: shown as images.
      sticker: { ...file, support: 'fallback' },
    },
    threads: 'dropped',
    replies: 'full',
    reactions: 'full',
    buttons: 'fallback',
    // Ten edits are too few to stream an answer by.
    edits: { support: 'partial', minIntervalMs: 2_000, maxAgeMs: MAX_EDIT_AGE_MS },
    // In normal mode each call starts a Java process, which holds up the answer itself.
    typing: { support: server.mode === 'normal' ? 'dropped' : 'full', ttlMs: TYPING_TTL_MS },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // The server picks the timestamp that names a message, takes no key of ours, and lists no messages to look it up in.
    sendDedupe: 'none',
    // In json-rpc mode what arrives while no socket is open is gone; otherwise Signal keeps it until we ask.
    backfill: server.receives === 'poll' ? 'server-queue' : 'none',
    promptHint:
      'The answer is read in Signal, mostly on a phone. Bold, italic, strikethrough and monospace are shown; tables and headings only as text, so prefer short paragraphs and lists.',
  };
}
