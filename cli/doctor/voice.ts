// Voice messages: what is set up, and, when asked, whether a sample of known words is really understood and can be said again.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { describeVoice, summarizeEngines, type EngineReport } from '../../gateway/voice/report.ts';
import { isSampleText, SAMPLE_TEXT, sampleFile } from '../../gateway/voice/sample.ts';
import type { VoiceEngines } from '../../gateway/voice/engines.ts';
import { formatBytes, formatPreview, printable } from '../output.ts';
import { withVoice } from '../voice/setup.ts';
import { fail, ok, warn, type Check, type Finding } from './finding.ts';

/** Without a model, ffmpeg or a key nothing is broken: voice is an offer. What the configuration asks for must be there. */
export const checkVoice: Check = async ({ context, loaded }) => {
  if (!loaded) return [];
  const report = await withVoice(context, ({ engines }) => describeVoice(engines), loaded);
  if (!report.enabled) return [ok('voice', 'transcription is switched off')];
  const findings: Finding[] = [];
  const isSetUp = report.transcription.some((engine) => engine.used);
  if (!isSetUp) return [ok('voice', 'transcription is not set up; `herald voice install` does that')];
  findings.push(...reportSide('transcribed by', report.transcription));
  if (report.ffmpeg === undefined && report.transcription.some((engine) => engine.used && engine.name === 'local'))
    findings.push(fail('voice', 'ffmpeg is missing, so no recording can be read', 'Install it: apt install ffmpeg'));
  return [...findings, ...reportSide('spoken by', report.speech)];
};

function reportSide(what: string, engines: readonly EngineReport[]): readonly Finding[] {
  if (!engines.some((engine) => engine.used)) return [];
  const broken = engines.filter((engine) => engine.used && !engine.ready);
  if (broken.length === 0) return [ok('voice', `${what} ${printable(summarizeEngines(engines))}`)];
  return broken.map((engine) => warn('voice', `${what} ${engine.name}: ${printable(engine.about)}`, engine.fix));
}

/** With --voice: the real engines at work. */
export const proveVoice: Check = async ({ context, loaded }) => {
  if (!loaded) return [];
  return withVoice(
    context,
    async ({ engines, workDir }) => [...(await proveHearing(engines)), ...(await proveSpeech(engines, workDir))],
    loaded,
  );
};

async function proveHearing({ transcriber }: VoiceEngines): Promise<readonly Finding[]> {
  const file = sampleFile();
  const { size } = await fs.stat(file);
  const heard = await transcriber.transcribe({ path: file, bytes: size }, new AbortController().signal);
  if (!heard.ok && heard.code === 'not_set_up')
    return [warn('voice', `the sample was not transcribed: ${printable(heard.message)}`, 'herald voice install')];
  if (!heard.ok)
    return [fail('voice', `the sample was not transcribed: ${printable(heard.message)}`, 'herald voice test --debug')];
  if (isSampleText(heard.text)) return [ok('voice', `the sample was understood by ${heard.engine}`)];
  const message = `the sample says “${SAMPLE_TEXT}”, and ${heard.engine} heard “${formatPreview(heard.text, 80)}”`;
  return [warn('voice', message, 'A larger model hears better: herald voice models')];
}

async function proveSpeech({ speaker }: VoiceEngines, workDir: string): Promise<readonly Finding[]> {
  if ((await speaker.engines()).length === 0) return [ok('voice', 'no speech engine is set up; answers are text only')];
  const target = { file: path.join(workDir, 'doctor.ogg'), format: 'voice' } as const;
  const spoken = await speaker.speak(SAMPLE_TEXT, target, new AbortController().signal);
  if (spoken.ok) return [ok('voice', `speech was made, ${formatBytes(spoken.bytes)}`)];
  return [fail('voice', `no speech was made: ${printable(spoken.message)}`, 'herald voice status')];
}
