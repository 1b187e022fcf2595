// Measuring and cutting text without breaking characters, and quoting it for markup.
export type TextUnit = 'utf16' | 'codepoint' | 'utf8-byte';

/** Length of `text` in the platform's own unit. */
export function measureText(text: string, unit: TextUnit): number {
  if (unit === 'utf16') return text.length;
  if (unit === 'utf8-byte') return Buffer.byteLength(text);
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Longest prefix of `text` of at most `max` units that does not split a grapheme (falls back to a code point). */
export function takePrefix(text: string, max: number, unit: TextUnit): string {
  if (isWithin(text, max, unit)) return text;
  if (endsPlainly(text, max, unit)) return text.slice(0, max);
  let end = 0;
  let used = 0;
  // Only a window can matter: the widest unit is one per UTF-16 code unit.
  for (const { segment } of graphemes.segment(text.slice(0, max + 64))) {
    const size = measureText(segment, unit);
    if (used + size > max) break;
    used += size;
    end += segment.length;
  }
  if (end > 0) return text.slice(0, end);
  for (const point of text) {
    const size = measureText(point, unit);
    if (used + size > max) break;
    used += size;
    end += point.length;
  }
  return text.slice(0, end);
}

/** Whether `text` takes at most `max` units. What is far too long is not measured. */
function isWithin(text: string, max: number, unit: TextUnit): boolean {
  // A code point is two UTF-16 units at most; in bytes a text is never shorter.
  if (text.length > (unit === 'codepoint' ? 2 * max : max)) return false;
  return unit === 'utf16' || measureText(text, unit) <= max;
}

/**
 * True where the first `max` characters are what a prefix takes, without looking for graphemes, which takes a hundred times as long: ASCII takes
 * one of every unit, and between two ASCII characters a grapheme ends, but inside of CR LF.
 */
function endsPlainly(text: string, max: number, unit: TextUnit): boolean {
  if (!(max >= 1)) return false;
  const window = text.slice(unit === 'utf16' ? max - 1 : 0, max + 1);
  return !/[\u0080-\uffff]/.test(window) && !window.endsWith('\r\n');
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** `text` cut to `max` UTF-16 units with an ellipsis, on one line. For previews and logs. */
export function preview(text: string, max: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= max ? line : `${takePrefix(line, max - 1, 'utf16')}…`;
}

/** Removes control characters (but tab and newline), bidi overrides and lone surrogates; normalizes newlines. */
export function cleanText(text: string): string {
  return text.toWellFormed().replace(/\r\n?/g, '\n').replace(CONTROL, '');
}

// C0 and C1 controls, DEL, bidi embeddings/overrides/isolates (text that shows other than it reads), BOM.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** For the text of an element and for an attribute between double quotes, of HTML and XML. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
