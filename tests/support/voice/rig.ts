// Voice engines over a temporary home, with settings that a test can change.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { voiceSection, type VoiceSettings } from '../../../config/voice.ts';
import { makeVoiceEngines, type VoiceEngines } from '../../../gateway/voice/engines.ts';
import { builtEngine } from '../../../gateway/voice/transcription/local.ts';
import { modelFile } from '../../../gateway/voice/transcription/models.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import { writeFixedModel } from './whisper-model.ts';

export interface VoiceRig extends VoiceEngines {
  home: string;
  workDir: string;
  /** Environment names. */
  env: Record<string, string>;
  /** What was written to the log, as text. */
  log: string[];
  set(settings: unknown): void;
  /** Writes a file and returns it as the transcriber takes it. */
  file(name: string, content: Buffer | string): { path: string; bytes: number };
  /** Installs the engine and a model that hears this. */
  install(engine: string, sentence: string): void;
  /** An executable script of Node, for engines that misbehave. */
  script(name: string, source: string): string;
  close(): void;
}

export function makeVoiceRig(options: { settings?: unknown; clock?: Clock } = {}): VoiceRig {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-voice-rig-'));
  const workDir = path.join(home, 'work');
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '' };
  const log: string[] = [];
  const note = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  let settings: VoiceSettings = voiceSection.parse(options.settings ?? {});
  const engines = makeVoiceEngines({
    home,
    workDir,
    clock: options.clock ?? systemClock,
    log: { ...silentLog, warn: note, error: note },
    fetch,
    lookup: (name) => env[name],
    settings: () => settings,
  });
  return {
    ...engines,
    home,
    workDir,
    env,
    log,
    set(next) {
      settings = voiceSection.parse(next);
    },
    file(name, content) {
      const file = path.join(home, name);
      fs.writeFileSync(file, content);
      return { path: file, bytes: fs.statSync(file).size };
    },
    install(engine, sentence) {
      fs.mkdirSync(path.dirname(builtEngine(home)), { recursive: true });
      fs.symlinkSync(engine, builtEngine(home));
      fs.mkdirSync(path.join(home, 'models'), { recursive: true });
      writeFixedModel(modelFile(home, 'fixed.en'), sentence);
    },
    script(name, source) {
      const file = path.join(home, name);
      fs.writeFileSync(file, `#!${process.execPath}\n${source}`, { mode: 0o755 });
      return file;
    },
    close: () => fs.rmSync(home, { recursive: true, force: true }),
  };
}
