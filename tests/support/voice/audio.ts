// Recordings for tests: a tone is as good as a voice for a model that always hears the same.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** As found on PATH. */
export const FFMPEG = 'ffmpeg';
const RATE = 16_000;

/** 16 kHz mono WAV of a tone; volume from 0 (silence) to 1. */
export function makeWav(options: { seconds?: number; volume?: number } = {}): Buffer {
  const { seconds = 1, volume = 0.3 } = options;
  const count = Math.round(seconds * RATE);
  const wav = Buffer.alloc(44 + 2 * count);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * count, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(2 * RATE, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * count, 40);
  for (let i = 0; i < count; i++)
    wav.writeInt16LE(Math.round(32_767 * volume * Math.sin((2 * Math.PI * 330 * i) / RATE)), 44 + 2 * i);
  return wav;
}

/** The same as Opus in Ogg, as a phone records it. Needs ffmpeg. */
export function makeVoiceNote(folder: string, options: { seconds?: number; volume?: number } = {}): Buffer {
  const from = path.join(folder, 'tone.wav');
  const to = path.join(folder, 'tone.ogg');
  fs.writeFileSync(from, makeWav(options));
  execFileSync(FFMPEG, ['-nostdin', '-loglevel', 'error', '-y', '-i', from, '-c:a', 'libopus', '-b:a', '24k', to]);
  return fs.readFileSync(to);
}
