// Limits of Slack. Sources: docs.slack.dev, read 2026-11-21, unless another is named.
import type { Capabilities, MediaSupport } from '../capabilities.ts';

const MB = 1024 * 1024;
/**
 * Characters of one message. `text`: "For best results, limit the number of characters to 4,000" (chat.postMessage); workspaces refuse more with
 * msg_too_long (https://github.com/seratch/ChatGPT-in-Slack/issues/102), and blocks have a limit of their own (render.ts).
 */
export const MAX_TEXT_CHARS = 4_000;
/** "1 GB" (https://slack.com/help/articles/201330736-Add-files-to-Slack). */
const MAX_UPLOAD_BYTES = 1024 * MB;
/** chat.update is Tier 3: "50+ per minute" (https://docs.slack.dev/apis/web-api/rate-limits). */
const EDIT_INTERVAL_MS = 1_200;
/** "A two minute timeout applies" (assistant.threads.setStatus); renewed twice as often. */
const STATUS_TTL_MS = 60_000;

export function makeCapabilities(place: { streaming: 'edit' | 'off'; isThread: boolean }): Capabilities {
  const media = (support: MediaSupport['support']): MediaSupport => ({
    support,
    maxBytes: MAX_UPLOAD_BYTES,
    maxCaption: MAX_TEXT_CHARS,
    mime: [],
  });
  return {
    text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
    media: {
      image: media('full'),
      audio: media('full'),
      // Apps cannot send voice clips; a recording is shown as an audio file with a player.
      voice: media('partial'),
      video: media('full'),
      document: media('full'),
      sticker: media('fallback'),
    },
    threads: 'full',
    // A reply is a message in the thread of the one that it answers.
    replies: 'fallback',
    reactions: 'full',
    buttons: 'full',
    edits: {
      support: place.streaming === 'off' ? 'dropped' : 'full',
      minIntervalMs: EDIT_INTERVAL_MS,
      maxAgeMs: Number.MAX_SAFE_INTEGER,
    },
    // A status ("is thinking…") exists in threads only.
    typing: place.isThread ? { support: 'partial', ttlMs: STATUS_TTL_MS } : { support: 'dropped', ttlMs: 0 },
    drafts: { support: 'dropped', minIntervalMs: 0 },
    // Each message carries its key as metadata; a shared file is looked up by its id.
    sendDedupe: 'read-back',
    backfill: 'history',
    promptHint:
      'The answer is read in Slack. Markdown, lists, code blocks and one table per message are shown; headings are bold lines.',
  };
}
