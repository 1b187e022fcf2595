// What IRC can do. Source unless another is named: https://modern.ircdocs.horse, read 2026-11-21.
import { everyKind, TEXT_ONLY, type Capabilities, type MediaSupport } from '../capabilities.ts';

/**
 * A line has 512 bytes with its end, the sender's prefix (nick, user and host of up to 30, 10 and 63 bytes), the command and the target
 * (up to 50): what is left for text in the worst case. Servers cut what is longer, without a word.
 */
export const MAX_TEXT_BYTES = 340;
/** With the marks of bold and the like. */
export const MAX_LINE_BYTES = 350;

const NAMED: MediaSupport = { support: 'fallback', maxBytes: 0, maxCaption: 0, mime: [] };

/** `hasHistory`: the server keeps messages and gives them out. */
export function makeCapabilities(hasHistory: boolean): Capabilities {
  return {
    text: { max: MAX_TEXT_BYTES, unit: 'utf8-byte' },
    media: everyKind(NAMED),
    ...TEXT_ONLY,
    // A server takes a line twice without asking.
    sendDedupe: 'none',
    backfill: hasHistory ? 'history' : 'none',
    promptHint:
      'The answer is read on IRC: plain lines of text, a few at most, each sent as its own message. No tables, no code blocks longer than a few lines. Commands are typed with ! in place of the slash, as in !help.',
  };
}
