// Limits of the Telegram Bot API. Source of all numbers unless another is named: https://core.telegram.org/bots/api, read 2026-11-21.
import type { Capabilities, MediaSupport } from '../capabilities.ts';
import type { ChatKind } from '../../shared/messages.ts';

/** How an answer in the making is shown. off: only the finished answer. */
export type Streaming = 'draft' | 'edit' | 'off';

const MB = 1024 * 1024;
/** "1-4096 characters after entities parsing" (sendMessage); characters are UTF-16 code units, as the entities' offsets. */
export const MAX_TEXT_CHARS = 4096;
/** "0-1024 characters after entities parsing" (sendPhoto and the like). */
export const MAX_CAPTION_CHARS = 1024;
/** "files of any type of up to 50 MB" (sendDocument). */
const MAX_UPLOAD_BYTES = 50 * MB;
/** "The photo must be at most 10 MB in size" (sendPhoto). */
const MAX_PHOTO_BYTES = 10 * MB;
/** "Upload files up to 2000 MB" with a local Bot API server, https://core.telegram.org/bots/api#using-a-local-bot-api-server */
const MAX_LOCAL_UPLOAD_BYTES = 2000 * MB;
/** Static stickers, https://core.telegram.org/stickers, read 2026-11-21. */
const MAX_STICKER_BYTES = MB / 2;
/** Chat actions show for "5 seconds or less" (sendChatAction). */
const TYPING_TTL_MS = 5_000;
/** About one message per second and chat, 20 per minute in a group, https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this, read 2026-11-21. */
const DM_INTERVAL_MS = 1_200;
const GROUP_INTERVAL_MS = 3_500;
/** No interval is documented for drafts; this is half the rate of messages' edits, with room below the overall limit. */
const DRAFT_INTERVAL_MS = 600;

export function makeCapabilities(
  kind: ChatKind,
  settings: { streaming: Streaming; isLocalServer: boolean },
): Capabilities {
  const upload = settings.isLocalServer ? MAX_LOCAL_UPLOAD_BYTES : MAX_UPLOAD_BYTES;
  const media = (maxBytes: number): MediaSupport => ({
    support: 'full',
    maxBytes,
    maxCaption: MAX_CAPTION_CHARS,
    mime: [],
  });
  const hasDrafts = settings.streaming === 'draft' && kind === 'dm';
  return {
    text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
    media: {
      image: media(MAX_PHOTO_BYTES),
      audio: media(upload),
      voice: media(upload),
      video: media(upload),
      document: media(upload),
      sticker: {
        support: 'full',
        maxBytes: MAX_STICKER_BYTES,
        maxCaption: 0,
        mime: ['image/webp', 'video/webm', 'application/x-tgsticker'],
      },
    },
    threads: 'full',
    replies: 'full',
    reactions: 'full',
    buttons: 'full',
    edits: {
      support: settings.streaming === 'off' ? 'dropped' : 'full',
      minIntervalMs: kind === 'dm' ? DM_INTERVAL_MS : GROUP_INTERVAL_MS,
      // Messages of our own can be edited for ever; only business messages have 48 hours (editMessageText).
      maxAgeMs: Number.MAX_SAFE_INTEGER,
    },
    typing: { support: 'full', ttlMs: TYPING_TTL_MS },
    // sendMessageDraft takes private chats only.
    drafts: { support: hasDrafts ? 'full' : 'dropped', minIntervalMs: DRAFT_INTERVAL_MS },
    sendDedupe: 'none',
    // getUpdates and webhooks: updates are kept for 24 hours.
    backfill: 'server-queue',
    promptHint:
      'The answer is read in Telegram, mostly on a phone. Markdown, short tables and code blocks are shown; headings are bold lines.',
  };
}
