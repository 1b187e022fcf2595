// A machine that is reached by running `sh -c` on it: exec, put and get for all backends of that kind.
import { AppError } from '../../../shared/errors.ts';
import type { ExecRequest, ExecResult, Isolation, Machine } from '../machine.ts';
import { getByExec, putByExec } from '../transfer.ts';
import { packScript } from './script.ts';

export interface ShellRun {
  /** For `sh -c`. */
  boot: string;
  /** For its standard input. */
  payload: Uint8Array;
  onStdout(chunk: Uint8Array): void;
  network: boolean;
  signal: AbortSignal;
}

export interface ShellResult {
  /** As the client program reports it. */
  code: number;
  /** The last of it. */
  stderr: string;
}

export interface ScriptHost {
  backend: string;
  isolation: Isolation;
  workspace: string;
  stateDir: string;
  /** Left in the environment of all that runs there. */
  mark: string;
  /** Rejects with AppError when nothing could be run. */
  run(run: ShellRun): Promise<ShellResult>;
  /**
   * Judges a run that ended without the end mark of the script. `again`: nothing has begun, and it may be tried once more. Undefined: the
   * status is that of the script.
   */
  explain(result: ShellResult, signal: AbortSignal): Promise<AppError | 'again' | undefined>;
}

type Operations = Omit<Machine, 'hibernate' | 'destroy' | 'close'>;

export function scriptOperations(host: ScriptHost): Operations {
  const exec = (request: ExecRequest) => execScript(host, request, 1);
  return {
    backend: host.backend,
    isolation: host.isolation,
    workspace: host.workspace,
    stateDir: host.stateDir,
    exec,
    put: (path, bytes, signal) => putByExec(exec, path, bytes, signal),
    get: (path, maxBytes, signal) => getByExec(exec, path, maxBytes, signal),
  };
}

async function execScript(host: ScriptHost, request: ExecRequest, attemptsLeft: number): Promise<ExecResult> {
  const packed = packScript(request.script, request.stdin, host.mark);
  const result = await host.run({
    boot: packed.boot,
    payload: packed.payload,
    onStdout: packed.output((chunk) => request.onOutput?.(chunk)),
    network: request.network ?? false,
    signal: request.signal,
  });
  const code = packed.exitCode(result.stderr);
  if (code !== undefined) return { code };
  const verdict = await host.explain(result, request.signal);
  if (verdict === undefined) return { code: result.code };
  if (verdict !== 'again') throw verdict;
  if (attemptsLeft > 0) return execScript(host, request, attemptsLeft - 1);
  throw new AppError('terminal_unreachable', 'The machine does not wake up. Nothing was run. Try again in a moment.', {
    retryable: true,
    cause: new Error(result.stderr),
  });
}
