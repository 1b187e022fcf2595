// What the media tools get from other folders. Each that is missing takes its tool away.
import type { StoredFile } from '../../../shared/messages.ts';

export interface MediaFile {
  name: string;
  mime: string;
  bytes: Uint8Array;
}

export interface MediaPorts {
  /** Keeps a file to be shown with the answer. Rejects with AppError. */
  storeFile?: ((file: MediaFile) => Promise<StoredFile>) | undefined;
  /** `text` as an audio file. Rejects with AppError, whose message says what is wrong, or with the reason of `signal`. */
  speak?: ((text: string, signal: AbortSignal) => Promise<StoredFile>) | undefined;
  /** The words of a recording. Rejects as `speak`. */
  transcribe?: ((recording: Pick<MediaFile, 'name' | 'bytes'>, signal: AbortSignal) => Promise<string>) | undefined;
}
