// What is set up for voice, and what is missing, in words: for /voice, `herald voice status` and `herald doctor`.
import type { VoiceEngines } from './engines.ts';

export interface EngineReport {
  name: 'local' | 'api' | 'command';
  ready: boolean;
  /** It would be tried now. */
  used: boolean;
  about: string;
  fix?: string | undefined;
}

export interface VoiceReport {
  /** False: voice messages stay files. */
  enabled: boolean;
  transcription: readonly EngineReport[];
  speech: readonly EngineReport[];
  /** Path of the program; undefined when there is none. */
  ffmpeg: string | undefined;
  names: readonly string[];
}

export async function describeVoice({ transcriber, speaker, programs, settings }: VoiceEngines): Promise<VoiceReport> {
  const { transcription, ffmpeg, names } = settings();
  return {
    enabled: transcription.enabled,
    transcription: await describeEngines(transcriber),
    speech: await describeEngines(speaker),
    ffmpeg: await programs.find(['ffmpeg'], ffmpeg),
    names,
  };
}

interface Checkable {
  name: EngineReport['name'];
  check(): Promise<{ ready: boolean; about: string; fix?: string | undefined }>;
}

async function describeEngines(side: {
  all: readonly Checkable[];
  engines(): Promise<readonly Checkable[]>;
}): Promise<readonly EngineReport[]> {
  const used = await side.engines();
  const order = [...used, ...side.all.filter((engine) => !used.includes(engine))];
  const reports: EngineReport[] = [];
  for (const engine of order)
    reports.push({ name: engine.name, used: used.includes(engine), ...(await engine.check()) });
  return reports;
}

/** The engines that are used, in a line; what is missing when none is ready. */
export function summarizeEngines(reports: readonly EngineReport[]): string {
  const ready = reports.filter((report) => report.used && report.ready);
  if (ready.length > 0) return ready.map((report) => report.about).join(', then ');
  const wanted = reports.find((report) => report.used);
  return wanted === undefined ? 'not set up' : `${wanted.about}${wanted.fix === undefined ? '' : ` (${wanted.fix})`}`;
}
