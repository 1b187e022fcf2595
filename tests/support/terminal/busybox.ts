// A machine like a small container image: busybox and nothing else, no bash, no GNU tools.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnExec } from '../../../agent/terminal/local/spawn.ts';
import type { ExecRequest, Machine } from '../../../agent/terminal/machine.ts';
import { scriptWith } from '../../../agent/terminal/quote.ts';
import { END_JOBS } from '../../../agent/terminal/scripts/job.ts';
import { getByExec, putByExec } from '../../../agent/terminal/transfer.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { TerminalUnderTest } from '../../contracts/terminal-rig.ts';

const PROGRAM = 'busybox';

/** Why there is none here, or undefined. */
export function busyboxProblem(): string | undefined {
  try {
    execFileSync(PROGRAM, ['setsid', 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'busybox is not installed';
  }
}

export function openBusybox(): TerminalUnderTest {
  const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'herald-busybox-')));
  const programs = path.join(base, 'bin');
  fs.mkdirSync(programs);
  execFileSync(PROGRAM, ['--install', '-s', programs]);
  const workspace = path.join(base, 'work');
  const stateDir = path.join(base, 'state');
  const exec = (request: ExecRequest) =>
    spawnExec(
      {
        program: path.join(programs, 'sh'),
        args: ['-c', `exec 2>&1\n${request.script}`],
        env: { PATH: programs, HOME: base, TERM: 'dumb' },
        cwd: base,
        stopWith: 'SIGTERM',
      },
      request,
      systemClock,
    );
  const machine: Machine = {
    backend: 'busybox',
    isolation: { files: false, network: 'always' },
    workspace,
    stateDir,
    // Not endsWithExec: what an abort leaves running is ended by another call, as on a machine far away.
    exec,
    put: (file, bytes, signal) => putByExec(exec, file, bytes, signal),
    get: (file, maxBytes, signal) => getByExec(exec, file, maxBytes, signal),
    async destroy() {
      await exec({ script: scriptWith(END_JOBS, [stateDir]), signal: new AbortController().signal });
    },
    close: () => Promise.resolve(),
  };
  return {
    backend: {
      id: 'busybox',
      check: () => Promise.resolve({ ok: true, detail: '' }),
      open: () => Promise.resolve(machine),
    },
    workspace,
    close: () => fs.promises.rm(base, { recursive: true, force: true }),
  };
}
