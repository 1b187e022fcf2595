// One program of the test command, bounded in time: at the deadline it is ended with all that it started.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';

export interface Step {
  name: string;
  command: string;
  args: readonly string[];
  /** Shown while it runs; otherwise only when it fails. */
  live?: boolean;
  /** Uses only what others leave of the processor. */
  yields?: boolean;
}

export interface StepResult {
  name: string;
  ok: boolean;
  /** Of a step that is not live. */
  output: string;
  elapsedMs: number;
  /** Ended at the deadline. */
  late: boolean;
}

export interface StepOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Ends the step when it aborts. */
  signal: AbortSignal;
}

/** Never rejects: a program that cannot be started is a failed step. */
export function runStep(step: Step, options: StepOptions): Promise<StepResult> {
  const startedAt = performance.now();
  let output = '';
  return new Promise((resolve) => {
    const child = spawn(step.command, [...step.args], {
      cwd: options.cwd,
      env: options.env,
      // A group of its own, so that servers which it started end with it.
      detached: true,
      stdio: step.live === true ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    });
    if (step.yields === true) giveWay(child.pid);
    const end = () => killGroup(child.pid);
    const finish = (ok: boolean) => {
      options.signal.removeEventListener('abort', end);
      const late = options.signal.aborted;
      resolve({ name: step.name, ok: ok && !late, output, elapsedMs: performance.now() - startedAt, late });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    child.once('error', (error) => {
      output += error.message;
      finish(false);
    });
    child.once('close', (code) => finish(code === 0));
    if (options.signal.aborted) end();
    else options.signal.addEventListener('abort', end, { once: true });
  });
}

/** Before it starts threads or programs of its own: they inherit it. */
function giveWay(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    os.setPriority(pid, os.constants.priority.PRIORITY_LOW);
    // Linux may share processor time between sessions first, and each step is one.
    writeFileSync(`/proc/${pid}/autogroup`, String(os.constants.priority.PRIORITY_LOW));
  } catch {
    // It has ended already, or this system does not know or allow it; then it runs as everything else.
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}
