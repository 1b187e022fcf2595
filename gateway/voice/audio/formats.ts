// What kind of audio a file holds, by its first bytes: names and announced types come from outside and are not believed.
import { promises as fs } from 'node:fs';

export type AudioFormat = 'ogg' | 'mp3' | 'wav' | 'flac' | 'mp4' | 'webm';

const MIME: Readonly<Record<AudioFormat, string>> = {
  ogg: 'audio/ogg',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  mp4: 'audio/mp4',
  webm: 'audio/webm',
};

export function mimeOf(format: AudioFormat): string {
  return MIME[format];
}

/** Undefined for anything else. Rejects when the file cannot be read. */
export async function readFormat(file: string): Promise<AudioFormat | undefined> {
  return formatOf(await readHead(file, 16));
}

/** Opus in Ogg, as voice messages are: its first page begins with the mark of https://www.rfc-editor.org/rfc/rfc7845#section-5.1. */
export async function isOpus(file: string): Promise<boolean> {
  const head = Buffer.from(await readHead(file, 64)).toString('latin1');
  return head.startsWith('OggS') && head.includes('OpusHead');
}

async function readHead(file: string, bytes: number): Promise<Uint8Array> {
  await using handle = await fs.open(file, 'r');
  const head = Buffer.alloc(bytes);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  return head.subarray(0, bytesRead);
}

/** By the signatures that the formats' specifications give (https://mimesniff.spec.whatwg.org/#matching-an-audio-or-video-type-pattern, read 2026-11-21). */
export function formatOf(head: Uint8Array): AudioFormat | undefined {
  const text = Buffer.from(head).toString('latin1');
  if (text.startsWith('OggS')) return 'ogg';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WAVE') return 'wav';
  if (text.startsWith('fLaC')) return 'flac';
  if (text.slice(4, 8) === 'ftyp') return 'mp4';
  if (text.startsWith('\x1aE\xdf\xa3')) return 'webm';
  if (text.startsWith('ID3')) return 'mp3';
  // A frame of MPEG audio: eleven set bits, layer III, a version and a bit rate that exist.
  const [first = 0, second = 0, third = 0] = head;
  const isFrame = first === 0xff && (second & 0xe6) === 0xe2 && (second & 0x18) !== 0x08 && (third & 0xf0) !== 0xf0;
  return isFrame ? 'mp3' : undefined;
}
