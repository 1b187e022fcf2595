// One process of this machine, as an exec: what it prints, how it ended, and how it is ended with everything in its group.
import { spawn, type ChildProcess } from 'node:child_process';
import os from 'node:os';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { cancelledError } from '../../abort.ts';
import type { ExecRequest, ExecResult } from '../machine.ts';

export interface SpawnPlan {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** What an abort sends to the process group first; SIGKILL follows. */
  stopWith: 'SIGTERM' | 'SIGKILL';
}

/** A stopped turn has a second. */
const GRACE_MS = 700;
/** A process that left the group may hold the pipe: what is in it by then is all. */
const DRAIN_MS = 200;
const MAX_COMPLAINT = 2_000;

/** Resolves when the process has ended. Standard error is that of the starter, not of the script: it tells why nothing was started. */
export async function spawnExec(
  plan: SpawnPlan,
  request: Pick<ExecRequest, 'stdin' | 'onOutput' | 'signal'>,
  clock: Clock,
): Promise<ExecResult> {
  const { signal } = request;
  if (signal.aborted) throw cancelledError(signal);
  const child = spawn(plan.program, [...plan.args], {
    env: plan.env,
    cwd: plan.cwd,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stdout.on('data', (chunk: Uint8Array) => request.onOutput?.(chunk));
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => (complaint = `${complaint}${text}`.slice(0, MAX_COMPLAINT)));
  // It may end without having read all, or anything.
  child.stdin.on('error', () => {});
  child.stdin.end(request.stdin);
  const onAbort = () => {
    signalGroup(child, plan.stopWith);
    clock.after(GRACE_MS, () => signalGroup(child, 'SIGKILL'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const code = await ended(child, clock);
    if (signal.aborted) throw cancelledError(signal);
    if (code !== 0 && complaint !== '') throw unstarted(complaint);
    return { code };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Exit status, when output has been read to its end or nobody of ours can write any more. */
function ended(child: ChildProcess, clock: Clock): Promise<number> {
  return new Promise((resolve, reject) => {
    let cancelDrain: (() => void) | undefined;
    child.once('error', (error) => reject(unstarted(error.message, error)));
    child.once('exit', () => {
      cancelDrain = clock.after(DRAIN_MS, () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      });
    });
    child.once('close', (code, signal) => {
      cancelDrain?.();
      resolve(code ?? 128 + (signal === null ? 0 : os.constants.signals[signal]));
    });
  });
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // Ended meanwhile.
  }
}

function unstarted(detail: string, cause?: unknown): AppError {
  return new AppError('terminal_unreachable', 'The command could not be started on this machine. It was not run.', {
    retryable: true,
    cause: cause ?? new Error(detail),
  });
}
