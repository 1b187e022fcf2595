// The terminal backend as this Herald's configuration has it: for the gateway, and for whoever looks whether it works.
import path from 'node:path';
import { openBackend } from '../../../agent/terminal/backends.ts';
import type { Sandbox } from '../../../agent/terminal/local/probe.ts';
import type { Backend } from '../../../agent/terminal/machine.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import { sha256Hex } from '../../../shared/digest.ts';
import type { Clock } from '../../../shared/clock.ts';

/** `sandbox`: what this machine has, when it is known. Rejects with AppError `config_invalid` for settings that cannot work together. */
export function openConfiguredBackend(
  { home, config, lookup }: LoadedConfig,
  clock: Clock,
  sandbox?: Sandbox,
): Promise<Backend> {
  return openBackend(config.terminal, {
    clock,
    folder: path.join(home, 'machines'),
    home: lookup('HOME') ?? '/',
    privatePaths: [home],
    instance: sha256Hex(home, 12),
    secret: (name) => lookup(name),
    sandbox,
  });
}
