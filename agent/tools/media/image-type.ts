// What kind of image bytes are, by their beginning: names and headers of others are not to be trusted.

export type ImageMime = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';

export const IMAGE_ENDINGS: Readonly<Record<ImageMime, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};

/** Undefined: none that every vision model takes. */
export function imageMime(bytes: Uint8Array): ImageMime | undefined {
  const begins = (text: string, at = 0) =>
    Buffer.from(bytes.subarray(at, at + text.length)).toString('latin1') === text;
  if (begins('\u0089PNG\r\n\u001a\n')) return 'image/png';
  if (begins('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  if (begins('GIF87a') || begins('GIF89a')) return 'image/gif';
  return begins('RIFF') && begins('WEBP', 8) ? 'image/webp' : undefined;
}
