// What an engine is given and what it answers.
import type { AudioFormat } from '../audio/formats.ts';

/** A recording on disk, whatever its name and announced type. */
export interface Recording {
  /** Absolute path of the file as it was sent. */
  file: string;
  bytes: number;
  /** By its first bytes; undefined for what only ffmpeg may know. */
  format: AudioFormat | undefined;
  /** The same as 16 kHz mono WAV of ours; undefined when there is no ffmpeg. */
  wav: string | undefined;
}

export interface Work {
  recording: Recording;
  /** Folder of this recording alone, for files that the engine makes. */
  folder: string;
  signal: AbortSignal;
}

/**
 * `message` tells a person what was wrong; `detail` is for the log. not_set_up: something is missing on this machine.
 */
export type EngineResult =
  | { ok: true; text: string }
  | { ok: false; code: 'not_set_up' | 'failed'; message: string; detail?: string | undefined };

export type EngineName = 'local' | 'api' | 'command';

export interface Engine {
  name: EngineName;
  /** What it is, for status lines, and whether it can work. `fix` says how to set it up. Never rejects. */
  check(): Promise<EngineCheck>;
  /** Text of a recording, '' when nothing was said. Rejects only with the reason of `signal`. Not idempotent for the purse: it may cost. */
  transcribe(work: Work): Promise<EngineResult>;
}

export interface EngineCheck {
  ready: boolean;
  about: string;
  fix?: string | undefined;
}
