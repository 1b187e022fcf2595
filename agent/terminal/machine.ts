// Where commands run. A backend (local, ssh, docker …) is one file or folder beside this one that makes machines; what all of them have in
// common — working folder and environment that last from call to call, time limits, background jobs, output limits, adoption after a
// restart — is built once, in shell.ts and jobs.ts, on these few operations.
import { AppError } from '../../shared/errors.ts';

/** What a machine keeps apart from the rest of the world. */
export interface Isolation {
  /** True when commands see and change the workspace only: not the home folder, not Herald's data. */
  files: boolean;
  /** `per-call`: each exec chooses. `always`: commands can reach the network whatever is chosen. `never`: they cannot. */
  network: 'never' | 'per-call' | 'always';
}

export interface ExecRequest {
  /** For POSIX `sh`, at most 64 KiB. Built by Herald; the person's or model's own command travels as data: quoted, or over stdin. */
  script: string;
  /** Given to the script's standard input, which is empty and closed without it. */
  stdin?: Uint8Array | undefined;
  /** Only where `isolation.network` is `per-call`. Default false. */
  network?: boolean | undefined;
  /**
   * What the script leaves running goes on after it, also when Herald ends: a background job. Default false: a backend may end what is left
   * when the script ends, and when Herald does.
   */
  lasting?: boolean | undefined;
  /** Standard output and standard error, in the order in which they come. */
  onOutput?(chunk: Uint8Array): void;
  /** Ends waiting, and the local side of the connection. What runs on the machine is ended by a script of its own. */
  signal: AbortSignal;
}

export interface ExecResult {
  /** Exit status; 128 + n when ended by signal n. */
  code: number;
}

export interface MachineLimits {
  cpus?: number | undefined;
  memoryMb?: number | undefined;
  diskMb?: number | undefined;
  processes?: number | undefined;
}

/**
 * One place to run commands in, of one person or group. Operations reject with AppError: `terminal_unreachable` (retryable) when the
 * machine cannot be reached, `terminal_gone` when it is not there any more, `cancelled` when `signal` aborts.
 */
export interface Machine {
  /** Of its backend, such as "local" or "docker". */
  readonly backend: string;
  readonly isolation: Isolation;
  /** Absolute path, on the machine, of the folder that commands begin in and may change. */
  readonly workspace: string;
  /** Absolute path, on the machine, of a folder for Herald's own notes on shells and jobs. Outlives calls, and a restart of Herald. */
  readonly stateDir: string;
  /**
   * True when aborting an exec that is not `lasting` ends everything that it started. Otherwise Herald's shell runs another script that
   * does. Default false.
   */
  readonly endsWithExec?: boolean;
  exec(request: ExecRequest): Promise<ExecResult>;
  /** Puts a file there, folders included, in one step: readers see the old file or the new one. */
  put(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Rejects with AppError `not_found` or `too_large` (more than `maxBytes`). */
  get(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /**
   * Calls `onChange` when something in the folder `path` of the machine may have changed, at most a few times a second; returns the end of
   * it. Absent where that cannot be heard of: Herald then asks now and then, while somebody waits for a job.
   */
  watch?(path: string, onChange: () => void): () => void;
  /** Lets it sleep while nobody uses it; the next operation wakes it. Absent where that saves nothing. */
  hibernate?(): Promise<void>;
  /** Ends it for good, with everything that runs on it. Idempotent. */
  destroy(): Promise<void>;
  /** Lets go of connections; what runs goes on. Idempotent. */
  close(): Promise<void>;
}

export interface MachineRequest {
  /** Names the person or group, and with it the machine: the same key gives the same machine, also after a restart. [a-z0-9-]{1,40}. */
  key: string;
  /** On the machine that Herald runs on: the folder to work in. Backends of other machines have a folder of their own. */
  workspace: string;
  limits: MachineLimits;
  signal: AbortSignal;
}

export interface Backend {
  readonly id: string;
  /** Of the machines that it opens, as far as it is known before one is open. Absent: taken to be none. */
  readonly isolation?: Isolation;
  /** Whether it can be used here, and how commands are kept apart, in words for `herald doctor`. Never rejects. */
  check(signal: AbortSignal): Promise<{ ok: boolean; detail: string }>;
  /** Finds the machine of this key, or makes it. Rejects with AppError. */
  open(request: MachineRequest): Promise<Machine>;
}

/** Throws for a key that would mean something else in a path, a name or a script: each backend asks before it uses one. */
export function expectMachineKey(key: string): void {
  if (!/^[a-z0-9-]{1,40}$/.test(key)) throw new AppError('internal', 'A machine key has letters that it may not have.');
}
