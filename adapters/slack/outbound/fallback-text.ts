// The `text` of a message: what notifications and screen readers have, and all there is when blocks cannot be used.
import { plainText, type Block } from '../../markdown.ts';
import { takePrefix } from '../../../shared/text.ts';

/**
 * Bytes of `text`, escaped. chat.update refuses more than 4,000 with msg_too_long, and so do workspaces in chat.postMessage
 * (https://github.com/seratch/ChatGPT-in-Slack/issues/102, read 2026-11-21).
 */
const MAX_TEXT_BYTES = 4_000;

/**
 * "Replace & with &amp;, < with &lt;, > with &gt;" (https://docs.slack.dev/messaging/formatting-message-text, read 2026-11-21). Mentions of
 * people, channels and everybody need < and >, so that none is left.
 */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The whole text, escaped; undefined when it is more than Slack takes. */
export function wholeText(body: readonly Block[]): string | undefined {
  const text = escapeText(plainText(body));
  return Buffer.byteLength(text) <= MAX_TEXT_BYTES ? text : undefined;
}

/** As much of the text as Slack takes beside blocks, which hold all of it. */
export function fallbackText(body: readonly Block[]): string {
  const raw = plainText(body);
  const whole = escapeText(raw);
  if (Buffer.byteLength(whole) <= MAX_TEXT_BYTES) return whole;
  // Cut before escaping, so that no entity is cut in two; the longest entity has five bytes for one.
  for (let maxBytes = MAX_TEXT_BYTES - 3; maxBytes > 0; maxBytes = Math.floor(maxBytes * 0.8)) {
    const cut = `${escapeText(takePrefix(raw, maxBytes, 'utf8-byte'))}…`;
    if (Buffer.byteLength(cut) <= MAX_TEXT_BYTES) return cut;
  }
  return '';
}
