// The backend that the settings choose. Only its own code is loaded.
import path from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import type { TerminalSettings } from './config.ts';
import type { Sandbox } from './local/probe.ts';
import type { Backend, MachineLimits } from './machine.ts';

export interface BackendHost {
  clock: Clock;
  /** Folder under Herald's own for what backends keep. */
  folder: string;
  /** Home folder of the account that Herald runs as. */
  home: string;
  /** Folders that commands must never see: Herald's own. */
  privatePaths: readonly string[];
  /** Tells this Herald's machines from those of another one on the same engine or account: the same after a restart. [a-z0-9]{1,16}. */
  instance: string;
  /** Value of an environment variable that the settings name. */
  secret(name: string): string | undefined;
  /** The sandbox of this machine, where it is known already. */
  sandbox?: Sandbox | undefined;
}

/** Throws AppError `config_invalid` for settings that cannot work together. What is missing on this machine is told by `check` and `open`. */
export async function openBackend(settings: TerminalSettings, host: BackendHost): Promise<Backend> {
  const { instance } = host;
  switch (settings.backend) {
    case 'local': {
      const { openLocalBackend } = await import('./local/backend.ts');
      const root = path.join(host.folder, 'local');
      return openLocalBackend({
        clock: host.clock,
        root,
        home: host.home,
        hidden: host.privatePaths,
        sandbox: settings.sandbox,
        probed: host.sandbox,
      });
    }
    case 'docker': {
      const { makeDockerBackend } = await import('./docker/backend.ts');
      return makeDockerBackend({ settings: settings.docker, instance, privatePaths: host.privatePaths });
    }
    case 'ssh': {
      const { makeSshBackend } = await import('./ssh/backend.ts');
      return makeSshBackend({ settings: settings.ssh });
    }
    case 'apptainer': {
      const { makeApptainerBackend } = await import('./apptainer/backend.ts');
      return makeApptainerBackend({
        settings: settings.apptainer,
        folder: path.join(host.folder, 'apptainer'),
        instance,
      });
    }
    case 'daytona': {
      const { makeDaytonaBackend } = await import('./daytona/backend.ts');
      const { daytona } = settings;
      return makeDaytonaBackend({ settings: daytona, apiKey: host.secret(daytona.api_key_env), instance });
    }
    case 'modal': {
      const { makeModalBackend } = await import('./modal/backend.ts');
      const { modal } = settings;
      const token = { tokenId: host.secret(modal.token_id_env), tokenSecret: host.secret(modal.token_secret_env) };
      return makeModalBackend({ settings: modal, ...token, instance });
    }
  }
}

/** Limits of each machine, as MachineRequest wants them. */
export function machineLimits({ cpus, memory_mb, disk_mb, processes }: TerminalSettings): MachineLimits {
  return { cpus, memoryMb: memory_mb, diskMb: disk_mb, processes };
}
