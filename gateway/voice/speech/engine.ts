// What a speech engine is given and what it answers.
import type { SpeechFormat } from '../audio/convert.ts';

export interface SpeechWork {
  /** Plain sentences. Not empty. */
  text: string;
  /** What the result is wanted as; an engine that makes another kind of audio leaves the rest to ffmpeg. */
  format: SpeechFormat;
  /** Folder of this text alone. */
  folder: string;
  signal: AbortSignal;
}

/** `file` lies in the folder. `message` is for people, `detail` for the log. */
export type SpeechResult = { ok: true; file: string } | { ok: false; message: string; detail?: string | undefined };

export interface SpeechEngine {
  name: 'local' | 'api' | 'command';
  /** What it is, and whether it can work. Never rejects. */
  check(): Promise<{ ready: boolean; about: string; fix?: string | undefined }>;
  /** Rejects only with the reason of `signal`, and with AppError when the file cannot be written. */
  speak(work: SpeechWork): Promise<SpeechResult>;
}
