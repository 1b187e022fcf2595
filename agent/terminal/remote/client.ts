// Runs the command line program of a backend (ssh, docker, apptainer): argument array, bare environment, bounded memory.
import { constants } from 'node:os';
import { AppError } from '../../../shared/errors.ts';
import { cancelledError } from '../../abort.ts';
import { BARE_ENV, spawnChild } from '../../tools/child.ts';

/** What is kept of an output that nobody streams, and of standard error: the end of it. */
const MAX_KEPT_BYTES = 256 * 1024;

export interface ClientProgram {
  /** Name on the PATH, or absolute path. */
  program: string;
  /** What it needs beside PATH and LANG. Never Herald's own environment. */
  env: Readonly<Record<string, string>>;
}

export interface ClientRun {
  args: readonly string[];
  stdin?: Uint8Array | undefined;
  /** Standard output as it comes. Without it, its end is kept in the result. */
  onStdout?: ((chunk: Uint8Array) => void) | undefined;
  signal: AbortSignal;
}

export interface ClientResult {
  /** Exit status; 128 + n when ended by signal n. */
  code: number;
  /** Empty when it was streamed. */
  stdout: string;
  stderr: string;
}

/**
 * Resolves when the program has ended, whatever its status. Rejects with AppError `cancelled` as soon as `signal` aborts (the program is
 * then being ended), and `tool_unavailable` when it cannot be started.
 */
export function runClient({ program, env }: ClientProgram, run: ClientRun): Promise<ClientResult> {
  if (run.signal.aborted) return Promise.reject(cancelledError(run.signal));
  return new Promise((resolve, reject) => {
    const child = spawnChild(program, run.args, { env: { ...BARE_ENV, ...env }, stdio: 'pipe' }, run.signal);
    const stdout = keepEnd();
    const stderr = keepEnd();
    let cancelled = false;
    const onAbort = () => {
      cancelled = true;
      reject(cancelledError(run.signal));
    };
    run.signal.addEventListener('abort', onAbort, { once: true });
    child.stdout?.on('data', (chunk: Buffer) => {
      if (cancelled) return;
      if (run.onStdout) run.onStdout(chunk);
      else stdout.add(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => stderr.add(chunk));
    // A program that ends without reading its input is judged by its status.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(run.stdin ?? new Uint8Array());
    child.once('error', (cause) => {
      run.signal.removeEventListener('abort', onAbort);
      reject(startError(program, cause));
    });
    child.once('close', (code, signal) => {
      run.signal.removeEventListener('abort', onAbort);
      const status = code ?? (signal === null ? 1 : 128 + constants.signals[signal]);
      resolve({ code: status, stdout: stdout.text(), stderr: stderr.text() });
    });
  });
}

function startError(program: string, cause: Error): AppError {
  const isMissing = 'code' in cause && cause.code === 'ENOENT';
  return new AppError(
    'tool_unavailable',
    isMissing
      ? `The program ${program} is not installed, or not on the PATH. Nothing was run. Install it, or choose another terminal backend.`
      : `The program ${program} could not be started. Nothing was run. Check that it may be executed.`,
    { cause },
  );
}

/** The last bytes of a stream. */
function keepEnd() {
  let chunks: Buffer[] = [];
  let size = 0;
  return {
    add(chunk: Buffer) {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= 2 * MAX_KEPT_BYTES) return;
      chunks = [Buffer.concat(chunks).subarray(-MAX_KEPT_BYTES)];
      size = MAX_KEPT_BYTES;
    },
    text: () => Buffer.concat(chunks).subarray(-MAX_KEPT_BYTES).toString('utf8'),
  };
}
