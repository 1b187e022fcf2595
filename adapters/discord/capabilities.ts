// Limits of Discord for bots. Each source was read 2026-11-21.
import type { Capabilities, MediaSupport } from '../capabilities.ts';

/** How an answer in the making is shown. off: only the finished answer. */
export type Streaming = 'edit' | 'off';

const MIB = 1024 * 1024;
/**
 * "Message contents (up to 2000 characters)", https://docs.discord.com/developers/resources/message#create-message. What a character is
 * there is not said; in UTF-16 units a text is never shorter than in any other.
 */
export const MAX_TEXT_CHARS = 2_000;
/** "Can contain up to 10 files" in one message, https://docs.discord.com/developers/reference#uploading-files. */
export const MAX_FILES = 10;
/**
 * "applies to each file in a request. The default limit is 10 MiB … higher … by the server's Boost Tier",
 * https://docs.discord.com/developers/reference#uploading-files; tiers: https://support.discord.com/hc/en-us/articles/360028038352.
 */
const UPLOAD_BYTES_BY_TIER = [10 * MIB, 10 * MIB, 50 * MIB, 100 * MIB];
/** "expires after 10 seconds", https://docs.discord.com/developers/resources/channel#trigger-typing-indicator. */
const TYPING_TTL_MS = 10_000;
/** No rate is documented ("should not be hard coded"); answers of the API name 5 in 5 s for a channel's messages. */
const EDIT_INTERVAL_MS = 1_200;

export function makeCapabilities(settings: {
  streaming: Streaming;
  /** Boost tier of the server, 0 to 3; 0 for DMs. */
  tier: number;
}): Capabilities {
  const maxBytes = UPLOAD_BYTES_BY_TIER[settings.tier] ?? 10 * MIB;
  const media: MediaSupport = { support: 'full', maxBytes, maxCaption: MAX_TEXT_CHARS, mime: [] };
  return {
    text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
    media: {
      image: media,
      audio: media,
      // "Voice messages do not support additional content": the text goes before it. Other than Ogg they go out as a file.
      voice: { ...media, maxCaption: 0, mime: ['audio/ogg'] },
      video: media,
      document: media,
      // Bots send only stickers that a server has; a file goes out as an image.
      sticker: { ...media, support: 'fallback' },
    },
    threads: 'full',
    replies: 'full',
    reactions: 'full',
    buttons: 'full',
    edits: {
      support: settings.streaming === 'off' ? 'dropped' : 'full',
      minIntervalMs: EDIT_INTERVAL_MS,
      // For ever; beyond an hour only at a slower rate (error 30046).
      maxAgeMs: Number.MAX_SAFE_INTEGER,
    },
    typing: { support: 'full', ttlMs: TYPING_TTL_MS },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // A nonce holds for "the past few minutes"; beyond these, send/attempts.ts looks the message up.
    sendDedupe: 'by-key',
    backfill: 'history',
    promptHint:
      'The answer is read in Discord. Markdown with headings and code blocks is shown; tables appear as fixed-width text. Hide spoilers as ||text||.',
  };
}
