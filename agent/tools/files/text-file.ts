// Bytes of a file as text and back: encodings are found and kept, so that changing one line changes no other byte. What is no text is
// described instead.

export type Encoding = 'utf-8' | 'utf-8-bom' | 'utf-16le' | 'utf-16be' | 'latin1';

export interface DecodedText {
  text: string;
  encoding: Encoding;
}

const BOM = '\ufeff';
/** Share of control characters above which bytes are no text. */
const MAX_CONTROL_SHARE = 0.02;
const SAMPLE_BYTES = 64 * 1024;

/** Undefined: the bytes are no text. */
export function decodeText(bytes: Uint8Array): DecodedText | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = buffer.subarray(0, 3).toString('hex');
  if (head.startsWith('efbbbf')) return utf8(buffer.subarray(3), 'utf-8-bom');
  if (head.startsWith('fffe') && buffer.length % 2 === 0) return utf16(buffer.subarray(2), 'utf-16le');
  if (head.startsWith('feff') && buffer.length % 2 === 0) return utf16(buffer.subarray(2), 'utf-16be');
  const sample = buffer.subarray(0, SAMPLE_BYTES);
  if (sample.includes(0) || isMostlyControl(sample)) return undefined;
  return utf8(buffer, 'utf-8') ?? { text: buffer.toString('latin1'), encoding: 'latin1' };
}

function utf8(bytes: Uint8Array, encoding: Encoding): DecodedText | undefined {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), encoding };
  } catch {
    return undefined;
  }
}

function utf16(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be'): DecodedText | undefined {
  try {
    return { text: new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes), encoding };
  } catch {
    return undefined;
  }
}

/** The bytes of `text` in `encoding`; in UTF-8 when the encoding has no sign for one of its characters. */
export function encodeText(text: string, encoding: Encoding): { bytes: Buffer; encoding: Encoding } {
  switch (encoding) {
    case 'utf-8':
      return { bytes: Buffer.from(text, 'utf8'), encoding };
    case 'utf-8-bom':
      return { bytes: Buffer.from(BOM + text, 'utf8'), encoding };
    case 'utf-16le':
      return { bytes: Buffer.from(BOM + text, 'utf16le'), encoding };
    case 'utf-16be':
      return { bytes: Buffer.from(BOM + text, 'utf16le').swap16(), encoding };
    case 'latin1':
      return /^[\u0000-\u00ff]*$/.test(text) // oxlint-disable-line no-control-regex
        ? { bytes: Buffer.from(text, 'latin1'), encoding }
        : { bytes: Buffer.from(text, 'utf8'), encoding: 'utf-8' };
  }
}

function isMostlyControl(sample: Uint8Array): boolean {
  let count = 0;
  for (const byte of sample) if (byte < 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b) count++;
  return count > sample.length * MAX_CONTROL_SHARE;
}

const SIGNATURES: readonly [hex: string, name: string][] = [
  ['89504e470d0a1a0a', 'PNG image'],
  ['ffd8ff', 'JPEG image'],
  ['47494638', 'GIF image'],
  ['424d', 'BMP image'],
  ['255044462d', 'PDF document'],
  ['504b0304', 'ZIP archive, or a document of an office program'],
  ['1f8b', 'gzip archive'],
  ['fd377a585a00', 'xz archive'],
  ['28b52ffd', 'zstd archive'],
  ['7f454c46', 'program (ELF)'],
  ['cffaedfe', 'program (Mach-O)'],
  ['4d5a', 'program (Windows)'],
  ['0061736d', 'WebAssembly module'],
  ['53514c69746520666f726d6174', 'SQLite database'],
  ['4f676753', 'Ogg audio'],
  ['494433', 'MP3 audio'],
  ['664c6143', 'FLAC audio'],
];

/** What bytes that are no text seem to be, by how they begin, such as "PNG image, 640 × 480". */
export function describeBytes(start: Uint8Array): string {
  const buffer = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  const hex = buffer.subarray(0, 16).toString('hex');
  const tag = buffer.toString('latin1', 0, 12);
  if (tag.startsWith('RIFF') && tag.endsWith('WEBP')) return withSize('WebP image', webpSize(buffer));
  if (tag.startsWith('RIFF') && tag.endsWith('WAVE')) return 'WAV audio';
  if (tag.slice(4, 8) === 'ftyp')
    return /avif|heic|heix|mif1/.test(tag) ? 'HEIF or AVIF image' : 'MP4 or QuickTime media';
  const name = SIGNATURES.find(([signature]) => hex.startsWith(signature))?.[1];
  switch (name) {
    case undefined:
      return 'binary data';
    case 'PNG image':
      return withSize(name, buffer.length >= 24 ? [buffer.readUInt32BE(16), buffer.readUInt32BE(20)] : undefined);
    case 'GIF image':
      return withSize(name, buffer.length >= 10 ? [buffer.readUInt16LE(6), buffer.readUInt16LE(8)] : undefined);
    case 'JPEG image':
      return withSize(name, jpegSize(buffer));
    default:
      return name;
  }
}

type Size = readonly [width: number, height: number] | undefined;

function withSize(name: string, size: Size): string {
  return size === undefined ? name : `${name}, ${size[0]} × ${size[1]}`;
}

/** The first frame header among the segments. */
function jpegSize(buffer: Buffer): Size {
  for (let at = 2; at + 9 <= buffer.length && buffer[at] === 0xff;) {
    const marker = buffer[at + 1] ?? 0;
    // SOF0 to SOF15, but for DHT, JPG and DAC, which stand among them.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return [buffer.readUInt16BE(at + 7), buffer.readUInt16BE(at + 5)];
    at += 2 + buffer.readUInt16BE(at + 2);
  }
  return undefined;
}

function webpSize(buffer: Buffer): Size {
  const kind = buffer.toString('latin1', 12, 16);
  if (kind === 'VP8X' && buffer.length >= 30) return [buffer.readUIntLE(24, 3) + 1, buffer.readUIntLE(27, 3) + 1];
  if (kind === 'VP8 ' && buffer.length >= 30)
    return [buffer.readUInt16LE(26) & 0x3fff, buffer.readUInt16LE(28) & 0x3fff];
  if (kind === 'VP8L' && buffer.length >= 25) {
    const bits = buffer.readUInt32LE(21);
    return [(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1];
  }
  return undefined;
}

/** Bytes in words, such as "12 kB". */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 100) / 10} kB`;
  return `${Math.round(bytes / 100_000) / 10} MB`;
}
