// `herald voice test`: transcribes a recording of yours, or a sample of known words, and says it again.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { SAMPLE_TEXT, sampleFile } from '../../gateway/voice/sample.ts';
import type { Hearing } from '../../gateway/voice/transcription/transcriber.ts';
import type { Spoken } from '../../gateway/voice/speech/speaker.ts';
import type { VoiceEngines } from '../../gateway/voice/engines.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { untilInterrupted } from '../interrupt.ts';
import { formatBytes, printable, tint } from '../output.ts';
import { withVoice } from './setup.ts';

interface Outcome {
  heard: Hearing;
  heardMs: number;
  /** Undefined when no speech engine is set up. */
  spoken: Spoken | undefined;
}

/** Exit code 1 when the recording could not be transcribed; a missing speech engine alone is no failure. */
export async function runVoiceTest(context: CliContext, given: Given): Promise<number> {
  const file = given.arg(0) === undefined ? sampleFile() : path.resolve(given.need(0));
  const info = await fs.stat(file).catch(() => undefined);
  if (!info?.isFile()) throw new AppError('not_found', `There is no file ${file}.`);
  const interrupted = untilInterrupted();
  try {
    const { signal } = interrupted;
    const outcome = await withVoice(context, async ({ engines, workDir }) => {
      const startedAt = context.clock.now();
      const heard = await engines.transcriber.transcribe({ path: file, bytes: info.size }, signal);
      const heardMs = context.clock.now() - startedAt;
      return { heard, heardMs, spoken: await speakAgain(engines, heard, { workDir, signal }) };
    });
    context.print(outcome, (value) => formatOutcome(value, given.arg(0) === undefined, context));
    return outcome.heard.ok && outcome.spoken?.ok !== false ? EXIT.ok : EXIT.failed;
  } finally {
    interrupted.release();
  }
}

async function speakAgain(
  { speaker }: VoiceEngines,
  heard: Hearing,
  { workDir, signal }: { workDir: string; signal: AbortSignal },
): Promise<Spoken | undefined> {
  if ((await speaker.engines()).length === 0) return undefined;
  const text = heard.ok ? heard.text.slice(0, 300) : SAMPLE_TEXT;
  return speaker.speak(text, { file: path.join(workDir, 'test.ogg'), format: 'voice' }, signal);
}

function formatOutcome({ heard, heardMs, spoken }: Outcome, isSample: boolean, { stdout }: CliContext): string {
  const lines = heard.ok
    ? [
        `${tint('good', 'heard', stdout)}: ${printable(heard.text)}`,
        ...(isSample ? [`said:  ${SAMPLE_TEXT}`] : []),
        `by ${heard.engine} in ${(heardMs / 1_000).toFixed(1)} s`,
      ]
    : [`${tint('bad', 'not heard', stdout)}: ${printable(heard.message)}`];
  if (spoken === undefined) return [...lines, 'No speech engine is set up: answers are text only.'].join('\n');
  const voice = spoken.ok
    ? `${tint('good', 'spoken', stdout)}: ${formatBytes(spoken.bytes)} of Opus`
    : `${tint('bad', 'not spoken', stdout)}: ${printable(spoken.message)}`;
  return [...lines, voice].join('\n');
}
