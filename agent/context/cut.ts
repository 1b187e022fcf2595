// Shortening long text for the model: the head and the tail stay, and a marker says what is missing.
import { takePrefix } from '../../shared/text.ts';

const HEAD_SHARE = 0.7;

/**
 * `text` itself when it has at most `maxChars` UTF-16 units; else its head and tail around a marker that says how much of `what` is
 * left out. The result is never longer than `maxChars` (which must leave room for the marker: at least 200).
 */
export function cutMiddle(text: string, maxChars: number, what: string): string {
  if (text.length <= maxChars) return text;
  const room = maxChars - 160;
  const head = takePrefix(text, Math.floor(room * HEAD_SHARE), 'utf16');
  const tail = text.slice(-Math.floor(room * (1 - HEAD_SHARE))).replace(/^[\udc00-\udfff]/, '');
  const missing = text.length - head.length - tail.length;
  return `${head}\n\n[… ${missing} of ${text.length} characters of ${what.slice(0, 60)} are left out here: too long to show whole …]\n\n${tail}`;
}
