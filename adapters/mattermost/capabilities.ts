// Limits of Mattermost. Sources: github.com/mattermost/mattermost (server), read 2026-11-21, unless another is named.
import type { Capabilities, MediaSupport } from '../capabilities.ts';

/** PostMessageMaxRunesV2 = 65,535 bytes / 4 (server/public/model/post.go): code points of the markdown as it is stored. */
export const MAX_TEXT = 16_383;
/** Default of FileSettings.MaxFileSize; an administrator may have set another (docs.mattermost.com, "Maximum file size"). */
const MAX_UPLOAD_BYTES = 100 * 1024 * 1024;
/** The rate limiter, where it is on, allows 10 requests a second by default (RateLimitSettings.PerSec); people need no more than this. */
const EDIT_INTERVAL_MS = 1_000;
/** Clients show it for 5 s (TimeBetweenUserTypingUpdatesMilliseconds) and somewhat longer. */
const TYPING_TTL_MS = 5_000;

export function makeCapabilities(streaming: 'edit' | 'off'): Capabilities {
  const media = (support: MediaSupport['support']): MediaSupport => ({
    support,
    maxBytes: MAX_UPLOAD_BYTES,
    maxCaption: MAX_TEXT,
    mime: [],
  });
  return {
    text: { max: MAX_TEXT, unit: 'codepoint' },
    media: {
      image: media('full'),
      audio: media('full'),
      // Shown as an audio file with a player.
      voice: media('partial'),
      video: media('full'),
      document: media('full'),
      sticker: media('fallback'),
    },
    threads: 'full',
    // A reply is a message in the thread of the one that it answers.
    replies: 'fallback',
    reactions: 'full',
    // Real buttons need an address under which the server can call the gateway.
    buttons: 'fallback',
    edits: {
      support: streaming === 'off' ? 'dropped' : 'full',
      minIntervalMs: EDIT_INTERVAL_MS,
      maxAgeMs: Number.MAX_SAFE_INTEGER,
    },
    typing: { support: 'full', ttlMs: TYPING_TTL_MS },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // pending_post_id makes a repeat safe for 30 s only (pendingPostIDsCacheTTL, app/post.go), and only on one node of a cluster; so each
    // message carries its key in its props and is looked up.
    sendDedupe: 'read-back',
    backfill: 'history',
    promptHint:
      'The answer is read in Mattermost, which shows all of markdown: headings, lists, tables, code blocks and links. Commands can be typed with ! in place of the slash, as in !help.',
  };
}
