// From a file that somebody sent to its words: limits, conversion, engines in their order. Every failure is an answer for a person.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { ulid } from 'ulid';
import type { VoiceSettings } from '../../../config/voice.ts';
import { ensureDir } from '../../../data/files.ts';
import { abortReason, type Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { readFormat } from '../audio/formats.ts';
import { convertToWav } from '../audio/convert.ts';
import type { Programs } from '../audio/programs.ts';
import { measureWav } from '../audio/wav.ts';
import { makeQueue, type Queue } from '../queue.ts';
import { makeApiEngine } from './api.ts';
import { makeCommandEngine } from './command.ts';
import type { Engine, EngineName, EngineResult, Recording } from './engine.ts';
import { makeLocalEngine } from './local.ts';
import { cleanTranscript } from './transcript.ts';

export interface Heard {
  ok: true;
  text: string;
  engine: EngineName;
}

/** `message` says to a person what was wrong, in sentences. */
export interface NotHeard {
  ok: false;
  code: 'not_set_up' | 'too_long' | 'too_large' | 'not_audio' | 'silent' | 'failed';
  message: string;
}

export type Hearing = Heard | NotHeard;

export interface AudioFile {
  path: string;
  bytes: number;
  /** As the platform announced it. */
  durationMs?: number | undefined;
}

/** What the platform says of a file. */
export type Announced = { bytes?: number | undefined; durationMs?: number | undefined };

export interface Transcriber {
  /** Never rejects but with the reason of `signal`; nothing of it runs then. The file stays as it is. */
  transcribe(file: AudioFile, signal: AbortSignal): Promise<Hearing>;
  /** Why a recording need not be fetched: it is too long or large as announced, or nothing here can hear it. */
  refuse(announced: Announced): Promise<NotHeard | undefined>;
  /** The engines that would be tried now, in order. */
  engines(): Promise<readonly Engine[]>;
  /** All engines, whether they are used or not. */
  all: readonly Engine[];
}

export interface TranscriberPorts {
  home: string;
  /** Folder for files of work under way; it is made, and everything of ours in it is deleted again. */
  workDir: string;
  clock: Clock;
  log: Logger;
  programs: Programs;
  fetch: typeof fetch;
  lookup(name: string): string | undefined;
  settings(): VoiceSettings;
}

const MAX_CONVERSION_MS = 5 * 60_000;
/** One recording at a time on this machine, which has other things to do; services may hear several. */
const AT_ONCE: Readonly<Record<EngineName, number>> = { local: 1, api: 4, command: 1 };
/** Below this not even a whisper can be heard: about -60 dB. Engines invent words for silence. */
const MIN_LOUDNESS = 0.001;

export function makeTranscriber(ports: TranscriberPorts): Transcriber {
  const all = [makeCommandEngine(ports), makeLocalEngine(ports), makeApiEngine(ports)];
  const queues: Readonly<Record<EngineName, Queue>> = {
    local: makeQueue(AT_ONCE.local),
    api: makeQueue(AT_ONCE.api),
    command: makeQueue(AT_ONCE.command),
  };
  const conversions = makeQueue(2);

  /** By itself, one engine is chosen: what a person says on their own machine must not go elsewhere because something failed there. */
  async function engines(): Promise<readonly Engine[]> {
    const order = ports.settings().transcription.engines;
    if (order !== undefined) return order.flatMap((name) => all.find((engine) => engine.name === name) ?? []);
    for (const engine of all) if ((await engine.check()).ready) return [engine];
    return [];
  }

  async function transcribe(file: AudioFile, signal: AbortSignal): Promise<Hearing> {
    const refusal = refuseBy(ports.settings(), file);
    if (refusal) return refusal;
    const chosen = await engines();
    if (chosen.length === 0) return NOT_SET_UP;
    const folder = path.join(ports.workDir, ulid(ports.clock.now()));
    try {
      ensureDir(folder);
      const prepared = await prepare(file, folder, signal);
      return 'code' in prepared ? prepared : await askInTurn(chosen, prepared, { folder, signal });
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      ports.log.error({ err: error }, 'a recording could not be transcribed');
      return { ok: false, code: 'failed', message: 'Something went wrong inside Herald.' };
    } finally {
      await fs.rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  async function prepare(file: AudioFile, folder: string, signal: AbortSignal): Promise<Recording | NotHeard> {
    const format = await readFormat(file.path);
    // Under a name of ours: whatever the sender called it reaches no program.
    const own = path.join(folder, `recording.${format ?? 'bin'}`);
    await fs.link(file.path, own).catch(() => fs.copyFile(file.path, own));
    const recording: Recording = { file: own, bytes: file.bytes, format, wav: undefined };
    const ffmpeg = await ports.programs.find(['ffmpeg'], ports.settings().ffmpeg);
    if (ffmpeg === undefined) return recording;
    return conversions.run(() => makeWav(recording, { ffmpeg, folder, signal }), signal);
  }

  async function makeWav(
    recording: Recording,
    { ffmpeg, folder, signal }: { ffmpeg: string; folder: string; signal: AbortSignal },
  ): Promise<Recording | NotHeard> {
    const { transcription } = ports.settings();
    const maxMs = transcription.max_minutes * 60_000;
    const to = path.join(folder, 'recording-16k.wav');
    const child = {
      clock: ports.clock,
      path: ports.programs.path,
      cwd: folder,
      timeoutMs: Math.min(MAX_CONVERSION_MS, transcription.timeout_s * 1_000),
      signal,
    };
    const result = await convertToWav({ ffmpeg, from: recording.file, to, child }, maxMs + 1_000);
    const facts = await measureWav(to).catch(() => undefined);
    if (!result.ok)
      ports.log.warn({ reason: result.reason, detail: result.detail }, 'ffmpeg could not read a recording');
    // Of a file that breaks off, what is there is heard.
    if (!facts || facts.durationMs === 0)
      return {
        ok: false,
        code: 'not_audio',
        message: 'The file is damaged, or there is no sound in it that I can read.',
      };
    if (facts.durationMs > maxMs) return tooLong(transcription.max_minutes);
    if (facts.loudness < MIN_LOUDNESS) return SILENT;
    return { ...recording, wav: to };
  }

  async function askInTurn(
    chosen: readonly Engine[],
    recording: Recording,
    at: { folder: string; signal: AbortSignal },
  ): Promise<Hearing> {
    let last: Exclude<EngineResult, { ok: true }> | undefined;
    for (const engine of chosen) {
      const result = await queues[engine.name].run(() => engine.transcribe({ recording, ...at }), at.signal);
      if (result.ok) {
        const text = cleanTranscript(result.text);
        return text === '' ? SILENT : { ok: true, text, engine: engine.name };
      }
      ports.log.warn({ engine: engine.name, code: result.code, detail: result.detail }, result.message);
      // What failed is told rather than what was never set up.
      if (last === undefined || last.code === 'not_set_up' || result.code === 'failed') last = result;
    }
    return last ? { ok: false, code: last.code, message: last.message } : NOT_SET_UP;
  }

  return {
    transcribe,
    refuse: async (announced) =>
      refuseBy(ports.settings(), announced) ?? ((await engines()).length === 0 ? NOT_SET_UP : undefined),
    engines,
    all,
  };
}

const NOT_SET_UP: NotHeard = {
  ok: false,
  code: 'not_set_up',
  message:
    'Transcription is not set up here yet. On my machine, `herald voice install base` sets it up without any service; or put the key of OpenAI or Groq into `.env`.',
};
const SILENT: NotHeard = { ok: false, code: 'silent', message: 'I could hear no words in it.' };

function tooLong(maxMinutes: number): NotHeard {
  return { ok: false, code: 'too_long', message: `It is longer than the limit of ${maxMinutes} minutes.` };
}

function refuseBy({ transcription }: VoiceSettings, { bytes = 0, durationMs = 0 }: Announced): NotHeard | undefined {
  if (durationMs > transcription.max_minutes * 60_000) return tooLong(transcription.max_minutes);
  if (bytes <= transcription.max_mb * 1_048_576) return undefined;
  return { ok: false, code: 'too_large', message: `It is larger than the limit of ${transcription.max_mb} MB.` };
}
