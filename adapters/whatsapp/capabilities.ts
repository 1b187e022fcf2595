// Limits of WhatsApp, over both transports.
import type { Capabilities, MediaSupport } from '../capabilities.ts';

const MB = 1024 * 1024;

/** A text may have 65,536 characters in the apps, https://faq.whatsapp.com, read 2026-11-21. */
export const WEB_HARD_MAX_CHARS = 65_536;
/** "text.body … Maximum 4096 characters", https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/text-messages, read 2026-11-21. */
export const CLOUD_HARD_MAX_CHARS = 4_096;
/** Room below the limit for the marks of a code block around a table. */
const MAX_TEXT_CHARS = 4_000;
/** "caption … Maximum 1024 characters", https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/image-messages, read 2026-11-21; the apps let one type as many. */
export const MAX_CAPTION_CHARS = 1_024;
/** "edit … up to 15 minutes after sending it", https://faq.whatsapp.com/1269508340449637, read 2026-11-21. */
export const EDIT_MAX_AGE_MS = 15 * 60_000;
/** Each edit is a whole encrypted message to every device of the reader; no rate is documented. */
const EDIT_INTERVAL_MS = 3_000;
/** The apps stop showing it after about 25 s without news; no number is documented for linked devices. */
const WEB_TYPING_TTL_MS = 10_000;
/** "dismissed once you respond, or after 25 seconds", https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators, read 2026-11-21. */
const CLOUD_TYPING_TTL_MS = 25_000;

/** "The maximum file size for media … is 16 MB", "documents … 2 GB", https://faq.whatsapp.com/453914586839706, read 2026-11-21. */
const WEB_MEDIA_BYTES = 16 * MB;
/** Less than the 2 GB of the apps: what a person wants to get on a phone, and what a slow uplink sends within the deadline. */
const WEB_DOCUMENT_BYTES = 100 * MB;
const STICKER_BYTES = MB / 2;

const PROMPT_HINT =
  'The answer is read in WhatsApp, mostly on a phone: short paragraphs and lists; bold, italics and code are shown, headings and tables only as text.';

const media = (maxBytes: number, maxCaption: number, mime: readonly string[] = []): MediaSupport => ({
  support: 'full',
  maxBytes,
  maxCaption,
  mime,
});

export function makeWebCapabilities(streaming: 'edit' | 'off'): Capabilities {
  return {
    text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
    media: {
      image: media(WEB_MEDIA_BYTES, MAX_CAPTION_CHARS),
      // Voice and audio have no caption in the apps.
      audio: media(WEB_MEDIA_BYTES, 0),
      voice: media(WEB_MEDIA_BYTES, 0, ['audio/ogg']),
      video: media(WEB_MEDIA_BYTES, MAX_CAPTION_CHARS),
      document: media(WEB_DOCUMENT_BYTES, MAX_CAPTION_CHARS),
      sticker: media(STICKER_BYTES, 0, ['image/webp']),
    },
    threads: 'dropped',
    replies: 'full',
    reactions: 'full',
    // Linked devices cannot send buttons that all apps show.
    buttons: 'fallback',
    edits: {
      support: streaming === 'edit' ? 'full' : 'partial',
      minIntervalMs: EDIT_INTERVAL_MS,
      maxAgeMs: EDIT_MAX_AGE_MS,
    },
    typing: { support: 'full', ttlMs: WEB_TYPING_TTL_MS },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // We choose the message's id; the apps keep one message per sender and id.
    sendDedupe: 'by-key',
    backfill: 'server-queue',
    promptHint: PROMPT_HINT,
  };
}

/** https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media#supported-media-types, read 2026-11-21. */
export function makeCloudCapabilities(): Capabilities {
  return {
    text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
    media: {
      image: media(5 * MB, MAX_CAPTION_CHARS, ['image/jpeg', 'image/png']),
      audio: media(16 * MB, 0, ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg']),
      voice: media(16 * MB, 0, ['audio/ogg']),
      video: media(16 * MB, MAX_CAPTION_CHARS, ['video/mp4', 'video/3gpp']),
      document: media(100 * MB, MAX_CAPTION_CHARS),
      sticker: media(STICKER_BYTES, 0, ['image/webp']),
    },
    threads: 'dropped',
    replies: 'full',
    reactions: 'full',
    buttons: 'full',
    edits: { support: 'dropped', minIntervalMs: 0, maxAgeMs: 0 },
    typing: { support: 'full', ttlMs: CLOUD_TYPING_TTL_MS },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // The API takes no id of ours, and what was sent cannot be listed.
    sendDedupe: 'none',
    // "webhooks … retried … for up to 7 days", https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview, read 2026-11-21.
    backfill: 'server-queue',
    promptHint: PROMPT_HINT,
  };
}
