// Voice from the configuration, and from a changed one without a restart.
import { rmSync } from 'node:fs';
import type { LoadedConfig } from '../../config/load.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { gatewayWorkDir, makeVoiceEngines, type VoiceEngines } from '../voice/engines.ts';

export interface ConfiguredVoice {
  engines: VoiceEngines;
  /** Takes over a new configuration from the next recording on. */
  reload(next: LoadedConfig): void;
}

export function openConfiguredVoice(input: {
  home: string;
  clock: Clock;
  log: Logger;
  loaded: LoadedConfig;
}): ConfiguredVoice {
  let { loaded } = input;
  const workDir = gatewayWorkDir(input.home);
  // Recordings that an earlier process was working on when it was killed.
  rmSync(workDir, { recursive: true, force: true });
  const engines = makeVoiceEngines({
    ...input,
    workDir,
    fetch,
    lookup: (name) => loaded.lookup(name),
    settings: () => loaded.config.voice,
  });
  return {
    engines,
    reload(next) {
      loaded = next;
    },
  };
}
