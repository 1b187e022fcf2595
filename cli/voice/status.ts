// `herald voice status` and `herald voice models`.
import { describeVoice, type EngineReport, type VoiceReport } from '../../gateway/voice/report.ts';
import { chooseModel, KNOWN_MODELS, listModels } from '../../gateway/voice/transcription/models.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { formatBytes, formatTable, printable, tint } from '../output.ts';
import { withVoice } from './setup.ts';

export async function runVoiceStatus(context: CliContext): Promise<number> {
  const report = await withVoice(context, ({ engines }) => describeVoice(engines));
  context.print(report, (value) => formatReport(value, context));
  return EXIT.ok;
}

function formatReport(report: VoiceReport, context: CliContext): string {
  const engines = (title: string, all: readonly EngineReport[]) => [
    title,
    ...all.map((engine) => formatEngine(engine, context)),
  ];
  return [
    ...engines(`From voice to text${report.enabled ? '' : ' (switched off)'}`, report.transcription),
    ...engines('From text to voice', report.speech),
    `ffmpeg: ${report.ffmpeg ?? 'not found; install it (apt install ffmpeg), or set voice.ffmpeg'}`,
    `In groups it is called: ${report.names.length === 0 ? 'by no name' : report.names.map(printable).join(', ')}`,
  ].join('\n');
}

function formatEngine(engine: EngineReport, context: CliContext): string {
  const state = engine.used ? (engine.ready ? 'in use' : 'broken') : engine.ready ? 'ready' : '-';
  const tone = engine.used ? (engine.ready ? 'good' : 'bad') : 'faint';
  const line = `  ${tint(tone, state.padEnd(6), context.stdout)} ${engine.name.padEnd(7)} ${printable(engine.about)}`;
  return engine.ready || engine.fix === undefined ? line : `${line}\n${' '.repeat(17)}${printable(engine.fix)}`;
}

export async function runVoiceModels(context: CliContext): Promise<number> {
  const { installed, chosen } = await withVoice(context, async ({ loaded, engines }) => ({
    installed: await listModels(loaded.home),
    chosen: await chooseModel(loaded.home, engines.settings().transcription.local.model),
  }));
  const known = KNOWN_MODELS.filter((model) => !installed.some((one) => one.name === model.name));
  const rows = [
    ...installed.map(({ name, bytes }) => ({ name, bytes, installed: true, used: chosen?.name === name })),
    ...known.map(({ name, bytes }) => ({ name, bytes, installed: false, used: false })),
  ];
  context.print(rows, (all) =>
    formatTable(
      all.map((row) => [
        row.used ? '*' : ' ',
        row.name,
        formatBytes(row.bytes),
        row.installed ? 'installed' : (KNOWN_MODELS.find((model) => model.name === row.name)?.about ?? ''),
      ]),
    ),
  );
  return EXIT.ok;
}
