// Conversions with ffmpeg, in a child process. It reads one local file of a kind that holds audio and nothing else: playlists and links
// inside a file are not followed.
import { runChild, type ChildInput, type ChildResult } from './child.ts';
import { WAV_RATE } from './wav.ts';

/** Input formats by ffmpeg's names (https://ffmpeg.org/ffmpeg-formats.html, read 2026-11-21). */
const FORMATS = 'ogg,mp3,wav,flac,mov,matroska,webm,aac,amr,amrnb,amrwb,caf,aiff,asf,w64,au';
const CAREFUL = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y'];
const READ_FILES_ONLY = ['-protocol_whitelist', 'file', '-format_whitelist', FORMATS];

export interface Conversion {
  ffmpeg: string;
  /** Absolute paths. */
  from: string;
  to: string;
  child: ChildInput;
}

/** whisper.cpp hears nothing at all in less than a second, such as a spoken "yes"; silence is put behind it. */
const LEAST_SECONDS = 1.5;

/** The first `maxMs` of the first audio track as 16 kHz mono WAV, never shorter than 1.5 s. */
export function convertToWav({ ffmpeg, from, to, child }: Conversion, maxMs: number): Promise<ChildResult> {
  const output = ['-map', '0:a:0', '-t', seconds(maxMs), '-ac', '1', '-ar', String(WAV_RATE), '-c:a', 'pcm_s16le'];
  const pad = ['-af', `apad=whole_dur=${LEAST_SECONDS}`];
  const plain = ['-map_metadata', '-1', '-fflags', '+bitexact', '-f', 'wav'];
  return runChild(ffmpeg, [...CAREFUL, ...READ_FILES_ONLY, '-i', from, ...output, ...pad, ...plain, to], child);
}

/** voice: Opus in Ogg, mono, as voice messages are · file: MP3, which plays everywhere. */
export type SpeechFormat = 'voice' | 'file';

/**
 * Opus: 32 kbit/s is transparent for speech (https://wiki.xiph.org/Opus_Recommended_Settings, read 2026-11-21); 48 kHz mono is what
 * chat apps record themselves.
 */
const ENCODE: Readonly<Record<SpeechFormat, readonly string[]>> = {
  voice: ['-ac', '1', '-ar', '48000', '-c:a', 'libopus', '-b:a', '32k', '-application', 'voip', '-f', 'ogg'],
  file: ['-ac', '1', '-c:a', 'libmp3lame', '-q:a', '5', '-f', 'mp3'],
};

export function convertSpeech({ ffmpeg, from, to, child }: Conversion, format: SpeechFormat): Promise<ChildResult> {
  const output = ['-map', '0:a:0', '-map_metadata', '-1', ...ENCODE[format]];
  return runChild(ffmpeg, [...CAREFUL, ...READ_FILES_ONLY, '-i', from, ...output, to], child);
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
