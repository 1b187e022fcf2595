// Both directions put together, for the gateway and for the command line.
import path from 'node:path';
import type { VoiceSettings } from '../../config/voice.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { makePrograms, type Programs } from './audio/programs.ts';
import { makeSpeaker, type Speaker } from './speech/speaker.ts';
import { makeTranscriber, type Transcriber } from './transcription/transcriber.ts';

/** Engines for both directions. `settings` changes with a reload of the configuration. */
export interface VoiceEngines {
  transcriber: Transcriber;
  speaker: Speaker;
  /** Other programs on this machine. */
  programs: Programs;
  settings(): VoiceSettings;
}

export interface VoiceEnginesInput {
  home: string;
  /** Folder for files of work under way. */
  workDir: string;
  clock: Clock;
  log: Logger;
  fetch: typeof fetch;
  /** A name of the environment or of .env. */
  lookup(name: string): string | undefined;
  settings(): VoiceSettings;
}

export function makeVoiceEngines(input: VoiceEnginesInput): VoiceEngines {
  const ports = { ...input, programs: makePrograms(input.lookup('PATH')) };
  return {
    transcriber: makeTranscriber(ports),
    speaker: makeSpeaker(ports),
    settings: input.settings,
    programs: ports.programs,
  };
}

/** Of the gateway: what an earlier process left in it is of no use. */
export function gatewayWorkDir(home: string): string {
  return path.join(home, 'voice', 'work');
}
