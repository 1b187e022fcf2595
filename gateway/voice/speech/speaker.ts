// From sentences to an audio file of the wanted kind: engines in their order, then ffmpeg where what they made is of another kind.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { ulid } from 'ulid';
import type { VoiceSettings } from '../../../config/voice.ts';
import { ensureDir } from '../../../data/files.ts';
import { abortReason, type Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { convertSpeech, type SpeechFormat } from '../audio/convert.ts';
import { isOpus, readFormat } from '../audio/formats.ts';
import type { Programs } from '../audio/programs.ts';
import { makeQueue } from '../queue.ts';
import { makeApiSpeech } from './api.ts';
import { makeCommandSpeech } from './command.ts';
import type { SpeechEngine } from './engine.ts';
import { makeLocalSpeech } from './local.ts';

export type Spoken = { ok: true; bytes: number } | { ok: false; message: string };

export interface Speaker {
  /**
   * Writes `text` as audio to `target`, whole or not at all. Never rejects but with the reason of `signal`. `message` says to a person
   * what was wrong.
   */
  speak(text: string, target: { file: string; format: SpeechFormat }, signal: AbortSignal): Promise<Spoken>;
  /** The engines that would be tried now, in order. */
  engines(): Promise<readonly SpeechEngine[]>;
  /** All engines, whether they are used or not. */
  all: readonly SpeechEngine[];
}

export interface SpeakerPorts {
  /** Folder for files of work under way; it is made, and everything of ours in it is deleted again. */
  workDir: string;
  clock: Clock;
  log: Logger;
  programs: Programs;
  fetch: typeof fetch;
  lookup(name: string): string | undefined;
  settings(): VoiceSettings;
}

const CONVERSION_MS = 60_000;
const AT_ONCE = 2;
const NO_ENGINE =
  'There is no speech engine here: install espeak-ng on my machine, or put the key of OpenAI into `.env`.';

export function makeSpeaker(ports: SpeakerPorts): Speaker {
  const command = makeCommandSpeech(ports);
  const local = makeLocalSpeech(ports);
  const api = makeApiSpeech(ports);
  const all = [command, local, api];
  const queue = makeQueue(AT_ONCE);

  async function engines(): Promise<readonly SpeechEngine[]> {
    const { engines: order, local: localSettings } = ports.settings().speech;
    if (order !== undefined) return order.flatMap((name) => all.find((engine) => engine.name === name) ?? []);
    // espeak-ng comes last: everybody can have it, and it sounds like a machine.
    const byChoice = localSettings.model === undefined ? [command, api, local] : [command, local, api];
    for (const engine of byChoice) if ((await engine.check()).ready) return [engine];
    return [];
  }

  async function speakInTurn(
    text: string,
    target: { file: string; format: SpeechFormat },
    at: { folder: string; signal: AbortSignal },
  ): Promise<Spoken> {
    let problem = NO_ENGINE;
    for (const engine of await engines()) {
      const result = await engine.speak({ text, format: target.format, ...at });
      const made = result.ok ? await deliver(result.file, target, at) : result;
      if (made.ok) return made;
      ports.log.warn({ engine: engine.name, detail: 'detail' in made ? made.detail : undefined }, made.message);
      problem = made.message;
    }
    return { ok: false, message: problem };
  }

  async function deliver(
    from: string,
    target: { file: string; format: SpeechFormat },
    { folder, signal }: { folder: string; signal: AbortSignal },
  ): Promise<Spoken | { ok: false; message: string; detail: string }> {
    const isWanted = target.format === 'voice' ? await isOpus(from) : (await readFormat(from)) === 'mp3';
    let file = from;
    if (!isWanted) {
      const ffmpeg = await ports.programs.find(['ffmpeg'], ports.settings().ffmpeg);
      if (ffmpeg === undefined)
        return { ok: false, message: 'Speech needs ffmpeg, which is not installed on my machine.' };
      file = path.join(folder, 'converted');
      const { clock, programs } = ports;
      const child = { clock, path: programs.path, cwd: folder, timeoutMs: CONVERSION_MS, signal };
      const result = await convertSpeech({ ffmpeg, from, to: file, child }, target.format);
      if (!result.ok)
        return {
          ok: false,
          message: 'What the speech engine made is no audio.',
          detail: `${result.reason}: ${result.detail}`,
        };
    }
    const { size } = await fs.stat(file);
    await fs.copyFile(file, `${target.file}.part`);
    await fs.rename(`${target.file}.part`, target.file);
    return { ok: true, bytes: size };
  }

  return {
    async speak(text, target, signal) {
      const folder = path.join(ports.workDir, ulid(ports.clock.now()));
      try {
        ensureDir(folder);
        return await queue.run(() => speakInTurn(text, target, { folder, signal }), signal);
      } catch (error) {
        if (signal.aborted) throw abortReason(signal);
        ports.log.error({ err: error }, 'an answer could not be spoken');
        return { ok: false, message: 'Something went wrong inside Herald.' };
      } finally {
        await fs.rm(folder, { recursive: true, force: true }).catch(() => undefined);
      }
    },
    engines,
    all,
  };
}
