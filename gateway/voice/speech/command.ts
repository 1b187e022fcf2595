// Speech by a program of the owner's choice, which writes a file.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import type { VoiceSettings } from '../../../config/voice.ts';
import type { Clock } from '../../../shared/clock.ts';
import { runChild } from '../audio/child.ts';
import type { Programs } from '../audio/programs.ts';
import type { SpeechEngine } from './engine.ts';

export interface CommandSpeechPorts {
  clock: Clock;
  programs: Programs;
  settings(): VoiceSettings;
}

export function makeCommandSpeech({ clock, programs, settings }: CommandSpeechPorts): SpeechEngine {
  const words = () => settings().speech.command ?? [];
  const find = async () => (words()[0] === undefined ? undefined : programs.find([], words()[0]));
  return {
    name: 'command',
    async check() {
      const [name] = words();
      if (name === undefined)
        return { ready: false, about: 'no command is set', fix: 'Set voice.speech.command in config.yaml.' };
      if ((await find()) !== undefined) return { ready: true, about: `command ${name}` };
      return { ready: false, about: `command ${name} cannot be run`, fix: 'Install it, or write its absolute path.' };
    },
    async speak({ text, folder, signal }) {
      const program = await find();
      if (program === undefined) return { ok: false, message: 'The speech command is not there.' };
      const input = path.join(folder, 'spoken.txt');
      const file = path.join(folder, 'spoken.audio');
      await fs.writeFile(input, text, { mode: 0o600 });
      const args = words()
        .slice(1)
        .map((word) => word.replaceAll('{text}', () => input).replaceAll('{out}', () => file));
      const timeoutMs = settings().speech.timeout_s * 1_000;
      // The text also comes on standard input.
      const child = { clock, path: programs.path, cwd: folder, timeoutMs, signal, stdin: text };
      const result = await runChild(program, args, child);
      if (result.ok) return { ok: true, file };
      const what = result.reason === 'timeout' ? 'took too long' : 'failed';
      return { ok: false, message: `The speech command ${what}.`, detail: `${result.reason}: ${result.detail}` };
    },
  };
}
