// What the commands of `herald voice` share: the configuration and the engines made from it, with work in a folder of their own.
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { manifests } from '../../adapters/manifests.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { makeVoiceEngines, type VoiceEngines } from '../../gateway/voice/engines.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import type { CliContext } from '../context.ts';
import { formatPreview } from '../output.ts';

export interface VoiceSetup {
  loaded: LoadedConfig;
  engines: VoiceEngines;
  /** Of this command alone. */
  workDir: string;
}

/** Details of failures go to standard error with --debug. */
export async function withVoice<Result>(
  context: CliContext,
  use: (setup: VoiceSetup) => Promise<Result>,
  known?: LoadedConfig,
): Promise<Result> {
  const loaded = known ?? (await loadConfig({ home: context.home, manifests }));
  const workDir = await fs.mkdtemp(path.join(os.tmpdir(), 'herald-voice-'));
  try {
    const engines = makeVoiceEngines({
      home: loaded.home,
      workDir,
      clock: context.clock,
      log: context.debug ? noteLog(context) : silentLog,
      fetch: context.fetch,
      lookup: (name) => loaded.lookup(name),
      settings: () => loaded.config.voice,
    });
    return await use({ loaded, engines, workDir });
  } finally {
    await fs.rm(workDir, { recursive: true, force: true });
  }
}

function noteLog(context: CliContext): Logger {
  const note = (fields: object, message: string) => {
    const detail =
      'detail' in fields && typeof fields.detail === 'string' ? `: ${formatPreview(fields.detail, 400)}` : '';
    context.note(`${message}${detail}`);
  };
  return { ...silentLog, warn: note, error: note, child: () => noteLog(context) };
}
