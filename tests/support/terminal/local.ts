// The local backend in a folder of its own, as a subject of the contract of terminals.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openLocalBackend, SYSTEM_PATH } from '../../../agent/terminal/local/backend.ts';
import { probeSandbox, type Sandbox } from '../../../agent/terminal/local/probe.ts';
import type { MachineLimits } from '../../../agent/terminal/machine.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { TerminalUnderTest } from '../../contracts/terminal-rig.ts';

export interface LocalUnderTest extends TerminalUnderTest {
  /** Of the account that Herald would run as; holds a file `secret.txt`. */
  home: string;
  /** As $HERALD_HOME; holds a file `secret.txt`. */
  data: string;
}

let sandbox: Promise<Sandbox> | undefined;

/** The sandbox of this machine, asked for once per process of tests. For `LocalOptions.probed`. */
export function foundSandbox(): Promise<Sandbox> {
  return (sandbox ??= probeSandbox({ platform: process.platform, path: SYSTEM_PATH }));
}

/** Why there is no sandbox here, or undefined. */
export async function sandboxProblem(): Promise<string | undefined> {
  const found = await foundSandbox();
  return found.kind === 'none' ? found.detail : undefined;
}

export async function openLocal(sandbox: 'off' | 'require', limits: MachineLimits = {}): Promise<LocalUnderTest> {
  const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'herald-terminal-')));
  const [home, data] = [path.join(base, 'home'), path.join(base, 'data')];
  for (const folder of [home, data]) {
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, 'secret.txt'), 'a secret of the host');
  }
  return {
    backend: await openLocalBackend({
      clock: systemClock,
      root: path.join(data, 'terminal'),
      home,
      hidden: [data],
      sandbox,
    }),
    workspace: path.join(data, 'workspaces', 'one'),
    home,
    data,
    limits,
    close: () => fs.promises.rm(base, { recursive: true, force: true }),
  };
}
