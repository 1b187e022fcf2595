// Transcription by a program of the owner's choice: what it prints is the text.
import type { VoiceSettings } from '../../../config/voice.ts';
import type { Clock } from '../../../shared/clock.ts';
import { runChild } from '../audio/child.ts';
import type { Programs } from '../audio/programs.ts';
import type { Engine } from './engine.ts';

export interface CommandPorts {
  clock: Clock;
  programs: Programs;
  settings(): VoiceSettings;
}

export function makeCommandEngine({ clock, programs, settings }: CommandPorts): Engine {
  const words = () => settings().transcription.command ?? [];
  const find = async () => (words()[0] === undefined ? undefined : programs.find([], words()[0]));
  return {
    name: 'command',
    async check() {
      const [name] = words();
      if (name === undefined)
        return { ready: false, about: 'no command is set', fix: 'Set voice.transcription.command in config.yaml.' };
      const program = await find();
      if (program !== undefined) return { ready: true, about: `command ${name}` };
      return { ready: false, about: `command ${name} cannot be run`, fix: 'Install it, or write its absolute path.' };
    },
    async transcribe({ recording, folder, signal }) {
      const program = await find();
      if (program === undefined)
        return { ok: false, code: 'not_set_up', message: 'The transcription command is not there.' };
      const needsWav = words().some((word) => word.includes('{wav}'));
      const { wav } = recording;
      if (needsWav && wav === undefined)
        return {
          ok: false,
          code: 'not_set_up',
          message: 'The transcription command needs ffmpeg, which is not installed.',
        };
      const args = words()
        .slice(1)
        .map((word) => word.replaceAll('{file}', () => recording.file).replaceAll('{wav}', () => wav ?? ''));
      const timeoutMs = settings().transcription.timeout_s * 1_000;
      const result = await runChild(program, args, { clock, path: programs.path, cwd: folder, timeoutMs, signal });
      if (result.ok) return { ok: true, text: result.stdout };
      const what = result.reason === 'timeout' ? 'took too long' : 'failed';
      const detail = `${result.reason}: ${result.detail}`;
      return { ok: false, code: 'failed', message: `The transcription command ${what}.`, detail };
    },
  };
}
