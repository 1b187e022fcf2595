// The alphabet of SMS (3GPP TS 23.038, table 6.2.1): a text that keeps to it goes 160 characters to a message, any other only 70.

const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** These take two places. */
const EXTENDED = '^{}\\[~]|€\f';

const SIZES: ReadonlyMap<string, number> = new Map([
  ...Array.from(BASIC, (char): [string, number] => [char, 1]),
  ...Array.from(EXTENDED, (char): [string, number] => [char, 2]),
]);

/** What typography makes of characters that the alphabet has. */
const PLAIN: Readonly<Record<string, string>> = {
  '“': '"',
  '”': '"',
  '„': '"',
  '«': '"',
  '»': '"',
  '‘': "'",
  '’': "'",
  '‚': "'",
  '–': '-',
  '—': '-',
  '‐': '-',
  '‑': '-',
  '…': '...',
  '•': '-',
  '\u00a0': ' ',
  '\u202f': ' ',
  '\u2009': ' ',
  '\t': '  ',
  '`': "'",
};

/** The text with plain quotes, dashes and spaces when that alone brings it into the alphabet; otherwise as it is. */
export function tidyText(text: string): string {
  const tidy = text.replace(/./gsu, (char) => PLAIN[char] ?? char);
  return isGsm(tidy) ? tidy : text;
}

/** How many messages the network makes of a text. */
export function countSegments(text: string): number {
  if (!isGsm(text)) return text.length <= 70 ? 1 : Math.ceil(text.length / 67);
  let size = 0;
  for (const char of text) size += SIZES.get(char) ?? 0;
  return size <= 160 ? 1 : Math.ceil(size / 153);
}

function isGsm(text: string): boolean {
  for (const char of text) if (!SIZES.has(char)) return false;
  return true;
}
