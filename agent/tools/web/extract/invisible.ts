// Characters that show nothing: in them words can hide that a person would not see and a model would read.

// Zero-width spaces and joiners without use, soft hyphens, invisible operators, Hangul fillers, tags, variation selectors that carry bytes.
const INVISIBLE =
  /\u034f|\u17b4|\u17b5|[\u00ad\u115f\u1160\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0]|[\u{e0000}-\u{e0fff}]|\p{Variation_Selector}{2,}/gu;
// Joiners shape emoji and scripts such as Persian and Hindi; among Latin letters, and one after another, they only hide.
const IDLE_JOINER =
  /(?<=[\p{ASCII}\p{Script=Latin}]|^)(?:\u200c|\u200d)+|(?:\u200c|\u200d)+(?=[\p{ASCII}\p{Script=Latin}]|$)|(?:\u200c|\u200d){2,}/gu;

/** `text` without characters that only hide something. Emoji and all scripts stay as they are. */
export function dropInvisible(text: string): string {
  return text.replace(INVISIBLE, '').replace(IDLE_JOINER, '');
}
