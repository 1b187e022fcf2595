// Processes of a machine that a test plays: started as ordinary processes of this one, found again and ended as if they were alone in there.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { constants } from 'node:os';

/** Variable that tells of which machine a process is. */
const MACHINE_VARIABLE = 'PLAYED_MACHINE';

export interface PlayedCommand {
  machine: string;
  command: readonly string[];
  cwd: string;
  env?: Readonly<Record<string, string>>;
}

/** Options of a process in the machine: a group of its own, a bare environment. */
export function playedOptions({ machine, cwd, env }: Omit<PlayedCommand, 'command'>) {
  const bare = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: cwd };
  return { cwd, detached: true, env: { ...bare, ...env, [MACHINE_VARIABLE]: machine } };
}

/** Runs with the standard streams of this process; resolves with the status. What it starts goes on when this process ends. */
export function playCommand(played: PlayedCommand): Promise<number> {
  const [program = '', ...args] = played.command;
  const child = spawn(program, args, { ...playedOptions(played), stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

/**
 * Ends all processes of a machine, none of which sees another one die, as when the power goes. Some drop their environment: those work in
 * `folder`, or descend from one that is known.
 */
export function endPlayedProcesses(machine: string, folder: string): void {
  for (let round = 0; round < 5; round++) {
    const found = findProcesses(machine, folder);
    if (found.length === 0) return;
    for (const name of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of found) trySignal(pid, name);
  }
}

function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}

function findProcesses(machine: string, folder: string): number[] {
  const processes = fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => readProcess(Number(name)));
  const isOurs = new Set(
    processes
      .filter(({ env, cwd }) => env.includes(`${MACHINE_VARIABLE}=${machine}`) || isWithin(cwd, folder))
      .map(({ pid }) => pid),
  );
  for (let grown = true; grown;) {
    const before = isOurs.size;
    for (const { pid, parent } of processes) if (isOurs.has(parent)) isOurs.add(pid);
    grown = isOurs.size > before;
  }
  return [...isOurs];
}

function readProcess(pid: number): { pid: number; parent: number; env: string[]; cwd: string }[] {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return [];
    return [
      {
        pid,
        parent: Number(parent),
        env: fs.readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0'),
        cwd: fs.readlinkSync(`/proc/${pid}/cwd`),
      },
    ];
  } catch {
    return [];
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
