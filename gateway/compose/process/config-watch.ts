// The configuration while the gateway runs: a changed file is taken over, a wrong one leaves the last good one in force.
import type { LoadedConfig } from '../../../config/load.ts';
import { watchConfig, type ConfigWatch } from '../../../config/watch.ts';
import type { AppError } from '../../../shared/errors.ts';
import type { Base } from './base.ts';

const CONFIG_LOOK_MS = 5_000;

/** Takes over what can change while the gateway runs, and says what cannot. `reload` rejects with why the files are not used. */
export function watchConfigFiles(base: Base, reloadAgent: (next: LoadedConfig) => Promise<void>): ConfigWatch {
  const { log, redactor } = base;
  /** What the last reading met, for whoever asked for it; at most one. */
  const met: AppError[] = [];
  const watch = watchConfig({
    current: base.loaded,
    load: base.load,
    clock: base.clock,
    intervalMs: CONFIG_LOOK_MS,
    onChange: async (next, previous) => {
      for (const secret of next.secrets) redactor.add(secret);
      await reloadAgent(next);
      base.voice.reload(next);
      const lasting = ({ config }: LoadedConfig) =>
        JSON.stringify([config.platforms, config.gateway, config.sessions, config.mcp_server]);
      if (lasting(next) === lasting(previous)) log.info({}, 'configuration read');
      else log.warn({}, 'configuration read; platforms, gateway, sessions and mcp_server change with `herald restart`');
    },
    onError(error) {
      met.splice(0, met.length, error);
      log.error({ err: error }, 'the changed configuration is not used; the last good one stays');
    },
  });
  return {
    ...watch,
    async reload() {
      met.length = 0;
      await watch.reload();
      const [error] = met;
      if (error) throw error;
    },
  };
}
