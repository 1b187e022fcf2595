// Speech made on this machine: espeak-ng, or piper with a model of its own. Both read the text from a file or standard input.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import type { VoiceSettings } from '../../../config/voice.ts';
import type { Clock } from '../../../shared/clock.ts';
import { runChild } from '../audio/child.ts';
import type { Programs } from '../audio/programs.ts';
import type { SpeechEngine, SpeechWork } from './engine.ts';

export interface LocalSpeechPorts {
  clock: Clock;
  programs: Programs;
  settings(): VoiceSettings;
}

interface Tool {
  kind: 'espeak' | 'piper';
  program: string;
}

export function makeLocalSpeech({ clock, programs, settings }: LocalSpeechPorts): SpeechEngine {
  async function find(): Promise<Tool | undefined> {
    const { program, model } = settings().speech.local;
    const kind = model === undefined ? 'espeak' : 'piper';
    const found = await programs.find(kind === 'piper' ? ['piper'] : ['espeak-ng', 'espeak'], program);
    return found === undefined ? undefined : { kind, program: found };
  }

  return {
    name: 'local',
    async check() {
      const tool = await find();
      const { model } = settings().speech.local;
      if (tool?.kind === 'espeak') return { ready: true, about: `espeak-ng, voice ${voiceOf(settings())}` };
      if (tool && model !== undefined) {
        if (await isFile(model)) return { ready: true, about: `piper with ${path.basename(model)}` };
        return { ready: false, about: `piper: there is no file ${model}`, fix: 'Correct voice.speech.local.model.' };
      }
      const fix = model === undefined ? 'Install espeak-ng (apt install espeak-ng).' : 'Install piper.';
      return { ready: false, about: `${model === undefined ? 'espeak-ng' : 'piper'} is not installed`, fix };
    },
    async speak(work) {
      const tool = await find();
      if (!tool) return { ok: false, message: 'There is no speech engine on this machine.' };
      const file = path.join(work.folder, 'spoken.wav');
      const { args, stdin } = await callOf(tool, work, file, settings());
      const result = await runChild(tool.program, args, {
        clock,
        path: programs.path,
        cwd: work.folder,
        timeoutMs: settings().speech.timeout_s * 1_000,
        signal: work.signal,
        stdin,
      });
      if (result.ok) return { ok: true, file };
      const what = result.reason === 'timeout' ? 'took too long' : 'failed';
      const detail = `${result.reason}: ${result.detail}`;
      return { ok: false, message: `The speech engine of this machine ${what}.`, detail };
    },
  };
}

async function callOf(
  { kind }: Tool,
  { text, folder }: SpeechWork,
  file: string,
  settings: VoiceSettings,
): Promise<{ args: readonly string[]; stdin?: string }> {
  if (kind === 'piper') {
    // It speaks one line after the other.
    const args = ['--model', settings.speech.local.model ?? '', '--output_file', file];
    return { args, stdin: `${text.replace(/\s+/g, ' ')}\n` };
  }
  const input = path.join(folder, 'spoken.txt');
  await fs.writeFile(input, text, { mode: 0o600 });
  return { args: ['-v', voiceOf(settings), '-b', '1', '-w', file, '-f', input] };
}

function voiceOf({ speech, transcription }: VoiceSettings): string {
  return speech.local.voice ?? (transcription.language === 'auto' ? 'en' : transcription.language);
}

async function isFile(file: string): Promise<boolean> {
  return (await fs.stat(file).catch(() => undefined))?.isFile() ?? false;
}
