// Runs a program to its end: arguments as a list, never a shell; bounded in time and output; with none of our secrets in its environment.
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { abortReason, type Clock } from '../../../shared/clock.ts';

export interface ChildInput {
  clock: Clock;
  /** PATH of the child, and folder in which it runs. */
  path: string;
  cwd: string;
  timeoutMs: number;
  /** Aborting it kills the child and all that it began. */
  signal: AbortSignal;
  /** Written to its standard input, which is then closed. Default: nothing. */
  stdin?: string | undefined;
  /** Each piece of its output as it comes. */
  onOutput?: ((text: string) => void) | undefined;
}

/**
 * missing: it could not be started · failed: it ended with another code than 0 · crashed: by a signal, which is `detail` · timeout: it
 * was killed. `detail` is the end of its standard error: for the log, never for a chat, since it may hold paths.
 */
export type ChildResult =
  | { ok: true; stdout: string; stderr: string }
  | { ok: false; reason: 'missing' | 'failed' | 'crashed' | 'timeout'; detail: string };

/** What is kept of each of its two outputs: the first of standard output, the last of standard error. */
const MAX_STDOUT_CHARS = 1_000_000;
const MAX_STDERR_CHARS = 4_000;
/** Below the gateway, which must stay quick while audio is worked on. */
const NICE = Math.min(10, constants.priority.PRIORITY_LOW);

/** Rejects only with the reason of `signal`, once the child is dead. */
export async function runChild(command: string, args: readonly string[], input: ChildInput): Promise<ChildResult> {
  input.signal.throwIfAborted();
  try {
    return await watchChild(startChild(command, args, input), input);
  } catch (error) {
    if (input.signal.aborted) throw abortReason(input.signal);
    // A program for another processor is refused at once.
    return { ok: false, reason: 'missing', detail: error instanceof Error ? error.message : String(error) };
  }
}

function startChild(command: string, args: readonly string[], { path, cwd }: ChildInput) {
  return spawn(command, [...args], {
    cwd,
    env: { PATH: path, LANG: 'C.UTF-8', HOME: cwd },
    stdio: ['pipe', 'pipe', 'pipe'],
    shell: false,
    // A group of its own, so that what it begins dies with it.
    detached: true,
  });
}

async function watchChild(child: ReturnType<typeof startChild>, input: ChildInput): Promise<ChildResult> {
  const { signal } = input;
  const ended = Promise.withResolvers<ChildResult>();
  let stdout = '';
  let stderr = '';
  let isOverdue = false;
  const kill = () => killGroup(child.pid);
  const cancelTimeout = input.clock.after(input.timeoutMs, () => {
    isOverdue = true;
    kill();
  });
  signal.addEventListener('abort', kill, { once: true });
  if (child.pid !== undefined) lowerPriority(child.pid);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout.length < MAX_STDOUT_CHARS) stdout += text;
    input.onOutput?.(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR_CHARS);
    input.onOutput?.(text);
  });
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input.stdin ?? '');
  child.once('error', (error) => ended.resolve({ ok: false, reason: 'missing', detail: error.message }));
  child.once('close', (code, killedBy) => {
    const detail = stderr.trim();
    if (isOverdue) ended.resolve({ ok: false, reason: 'timeout', detail });
    else if (killedBy !== null) ended.resolve({ ok: false, reason: 'crashed', detail: killedBy });
    else if (code === 0) ended.resolve({ ok: true, stdout: stdout.slice(0, MAX_STDOUT_CHARS), stderr });
    else ended.resolve({ ok: false, reason: 'failed', detail: `code ${code}: ${detail}` });
  });
  try {
    const result = await ended.promise;
    if (signal.aborted) throw abortReason(signal);
    return result;
  } finally {
    cancelTimeout();
    signal.removeEventListener('abort', kill);
    killGroup(child.pid); // what it left behind
  }
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // nobody of the group is left
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch {
    // it ended already
  }
}
