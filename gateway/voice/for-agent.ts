// The voice engines as the agent's tools use them: a text becomes a file of ours, a recording becomes words.
import { openAsBlob, promises as fs } from 'node:fs';
import path from 'node:path';
import { ulid } from 'ulid';
import { parseMarkdown } from '../../adapters/markdown.ts';
import { ensureDir } from '../../data/files.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { StoredFile } from '../../shared/messages.ts';
import { safeName, type FileStore } from '../media/downloads.ts';
import type { VoiceEngines } from './engines.ts';
import { speakableText } from './speech/speakable.ts';

export interface AgentVoice {
  /** Longer texts are cut at `voice.speech.max_chars`. Rejects with AppError, or with the reason of `signal`. */
  speak(text: string, signal: AbortSignal): Promise<StoredFile>;
  /** Rejects as `speak`. */
  transcribe(recording: { name: string; bytes: Uint8Array }, signal: AbortSignal): Promise<string>;
}

export function makeAgentVoice(input: {
  engines: Pick<VoiceEngines, 'speaker' | 'transcriber' | 'settings'>;
  files: Pick<FileStore, 'keep'>;
  /** Folder for files of work under way. */
  workDir: string;
  clock: Clock;
}): AgentVoice {
  const { engines, clock } = input;

  /** Runs `work` with a file that is gone afterwards. */
  async function withFile<Value>(name: string, work: (file: string) => Promise<Value>): Promise<Value> {
    ensureDir(input.workDir);
    const file = path.join(input.workDir, `${ulid(clock.now())}-${safeName(name)}`);
    try {
      return await work(file);
    } finally {
      await fs.rm(file, { force: true });
    }
  }

  return {
    speak: (text, signal) =>
      withFile('speech.mp3', async (file) => {
        const spoken = speakableText(parseMarkdown(text), engines.settings().speech.max_chars);
        if (spoken === '') throw new AppError('bad_input', 'There is nothing in it that could be said aloud.');
        const made = await engines.speaker.speak(spoken, { file, format: 'file' }, signal);
        if (!made.ok) throw new AppError('tool_unavailable', made.message);
        const blob = await openAsBlob(file);
        return input.files.keep('speech.mp3', 'audio/mpeg', blob.stream());
      }),
    transcribe: ({ name, bytes }, signal) =>
      withFile(name, async (file) => {
        await fs.writeFile(file, bytes, { mode: 0o600 });
        const heard = await engines.transcriber.transcribe({ path: file, bytes: bytes.length }, signal);
        if (!heard.ok) throw new AppError('bad_input', heard.message);
        return heard.text;
      }),
  };
}
