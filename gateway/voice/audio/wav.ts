// The WAV files that ffmpeg makes for us: 16 kHz, mono, 16 bit. How long they are, and whether anything can be heard in them.
import { promises as fs } from 'node:fs';

export const WAV_RATE = 16_000;
const BYTES_PER_SAMPLE = 2;
/** 50 ms. */
const WINDOW_SAMPLES = WAV_RATE / 20;
const CHUNK_BYTES = WINDOW_SAMPLES * BYTES_PER_SAMPLE * 200;

export interface WavFacts {
  durationMs: number;
  /** Loudness of the loudest 50 ms, from 0 to 1 (root mean square). */
  loudness: number;
}

/** Undefined when it is no such file. Rejects when it cannot be read. Reads in pieces: twenty minutes have 38 MB. */
export async function measureWav(file: string): Promise<WavFacts | undefined> {
  await using handle = await fs.open(file, 'r');
  const { size } = await handle.stat();
  const head = Buffer.alloc(Math.min(size, 4_096));
  await handle.read(head, 0, head.length, 0);
  const start = findSamples(head);
  if (start === undefined) return undefined;
  let loudest = 0;
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let at = start; at < size;) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) break;
    loudest = Math.max(loudest, loudestWindow(chunk.subarray(0, bytesRead)));
    at += bytesRead;
  }
  return { durationMs: ((size - start) / BYTES_PER_SAMPLE / WAV_RATE) * 1_000, loudness: loudest };
}

/** Where the samples begin, when they are of the kind that we make (RIFF: http://soundfile.sapp.org/doc/WaveFormat/, read 2026-11-21). */
function findSamples(head: Buffer): number | undefined {
  if (head.length < 12 || head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WAVE')
    return undefined;
  let isOurs = false;
  for (let at = 12; at + 8 <= head.length;) {
    const name = head.toString('latin1', at, at + 4);
    const bytes = head.readUInt32LE(at + 4);
    const body = at + 8;
    if (name === 'data') return isOurs ? body : undefined;
    if (name === 'fmt ' && body + 16 <= head.length)
      isOurs =
        head.readUInt16LE(body + 2) === 1 &&
        head.readUInt32LE(body + 4) === WAV_RATE &&
        head.readUInt16LE(body + 14) === 8 * BYTES_PER_SAMPLE;
    at = body + bytes + (bytes % 2);
  }
  return undefined;
}

function loudestWindow(samples: Buffer): number {
  const count = Math.floor(samples.length / BYTES_PER_SAMPLE);
  let loudest = 0;
  for (let from = 0; from < count; from += WINDOW_SAMPLES) {
    const to = Math.min(count, from + WINDOW_SAMPLES);
    let sum = 0;
    for (let i = from; i < to; i++) {
      const value = samples.readInt16LE(i * BYTES_PER_SAMPLE) / 32_768;
      sum += value * value;
    }
    loudest = Math.max(loudest, Math.sqrt(sum / (to - from)));
  }
  return loudest;
}
