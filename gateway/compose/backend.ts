// The terminal backend that the configuration names. Only that one's code is loaded.
import path from 'node:path';
import type { Backend } from '../../agent/terminal/machine.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { Clock } from '../../shared/clock.ts';

export async function openBackend({ home, lookup }: LoadedConfig, clock: Clock): Promise<Backend> {
  const { openLocalBackend } = await import('../../agent/terminal/local/backend.ts');
  return openLocalBackend({
    clock,
    root: path.join(home, 'machines', 'local'),
    home: lookup('HOME') ?? '/',
    hidden: [home],
  });
}
