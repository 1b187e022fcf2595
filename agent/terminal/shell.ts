// The shell of one machine: commands in the foreground, with working folder and environment that last from call to call. What lasts is kept
// on the machine, so it survives a restart of Herald.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { cancelledError } from '../abort.ts';
import { AppError } from '../../shared/errors.ts';
import type { Machine } from './machine.ts';
import { makeCapture, makeReportScanner, type Capture } from './output.ts';
import { scriptWith } from './quote.ts';
import { MAIN } from './scripts/common.ts';
import { FOREGROUND, STOP_FOREGROUND } from './scripts/foreground.ts';

export interface RunRequest {
  /** For bash, or sh where there is no bash. Any text without NUL, up to `MAX_COMMAND_BYTES`. */
  command: string;
  timeoutMs: number;
  /** For this call only: absolute, or within the workspace. Default: where the last call ended. */
  cwd?: string | undefined;
  /** Only where the machine lets each call choose. Default false. */
  network?: boolean | undefined;
  /** With a pseudo-terminal of 80 columns. Default false. */
  pty?: boolean | undefined;
  signal: AbortSignal;
  onOutput?: ((chunk: Uint8Array) => void) | undefined;
}

export interface RunResult {
  /** Exit status; 128 + n when ended by signal n; 96 when it was not started, which the output explains. */
  code: number;
  /** `timeout`: ended by the time limit. `lost`: the machine ended or was lost meanwhile; whether it finished is unknown. */
  ended: 'exit' | 'timeout' | 'lost';
  output: string;
  /** Left out of the middle of `output`. */
  droppedBytes: number;
  /** Where the next call begins. */
  cwd: string;
  /** True when the folder of the last call was not there any more, so that this one ran in the workspace. */
  moved: boolean;
}

export interface Shell {
  /**
   * Runs one command; all that it leaves in its process group is ended with it. Rejects with AppError: those of `Machine.exec`,
   * `bad_input`, and `cancelled` when `signal` aborts, after the command was ended.
   */
  run(request: RunRequest): Promise<RunResult>;
  /** Where the next call begins, as far as it is known: not before the first call of this process. */
  cwd(): string | undefined;
}

export interface ShellOptions {
  clock: Clock;
  /** Of output kept per call. Default 48 KiB. */
  maxOutputBytes?: number;
}

export const MAX_COMMAND_BYTES = 4 * 1024 * 1024;
const MAX_OUTPUT_BYTES = 48 * 1024;
/** The machine keeps the time limit itself, and needs moments to end a command; later than that it does not answer any more. */
const OVERTIME_MS = 10_000;
/** After the report nothing more can come, but a process that kept our output open would keep the connection. */
const LINGER_MS = 250;
const STOP_MS = 5_000;

export function openShell(machine: Machine, options: ShellOptions): Shell {
  let cwd: string | undefined;
  return {
    cwd: () => cwd,
    async run(request) {
      try {
        const result = await run(machine, options, request);
        if (request.cwd === undefined) cwd = result.ended === 'lost' ? undefined : result.cwd;
        return result;
      } catch (error) {
        cwd = undefined;
        throw error;
      }
    },
  };
}

interface Call {
  machine: Machine;
  clock: Clock;
  request: RunRequest;
  id: string;
}

async function run(machine: Machine, { clock, maxOutputBytes }: ShellOptions, request: RunRequest): Promise<RunResult> {
  const command = checkedCommand(request.command);
  if (request.signal.aborted) throw cancelledError(request.signal);
  const call: Call = { machine, clock, request, id: randomBytes(8).toString('hex') };
  const capture = makeCapture(maxOutputBytes ?? MAX_OUTPUT_BYTES);
  const timeoutMs = request.timeoutMs + OVERTIME_MS;
  return withDeadline({ clock, timeoutMs, parent: request.signal }, async (signal, abort) => {
    const report = await execute(call, { command, capture, signal, abort });
    if (report === undefined && request.signal.aborted) throw cancelledError(request.signal);
    return makeResult(call, capture, report);
  });
}

interface Work {
  command: Uint8Array;
  capture: Capture;
  signal: AbortSignal;
  abort(): void;
}

interface Report {
  code: number;
  ended: string;
  moved: boolean;
  cwd: string;
}

/** What the script reported, or undefined when it did not get that far. */
async function execute(call: Call, work: Work): Promise<Report | undefined> {
  const { machine, clock, request } = call;
  let cancelLinger: (() => void) | undefined;
  const mark = `\0herald-${randomBytes(12).toString('hex')} `;
  const scanner = makeReportScanner(
    mark,
    (chunk) => {
      work.capture.add(chunk);
      request.onOutput?.(chunk);
    },
    () => (cancelLinger ??= clock.after(LINGER_MS, () => work.abort())),
  );
  try {
    await machine.exec({
      script: foregroundScript(call, mark),
      stdin: work.command,
      network: request.network ?? false,
      onOutput: (chunk) => scanner.add(chunk),
      signal: work.signal,
    });
  } catch (error) {
    const report = parseReport(scanner.end());
    if (report !== undefined) return report;
    if (work.signal.aborted) await stopThere(call);
    // A deadline of ours: the machine did not keep the limit, so nobody knows.
    if (work.signal.aborted && !request.signal.aborted) return undefined;
    throw error;
  } finally {
    cancelLinger?.();
  }
  return parseReport(scanner.end());
}

function foregroundScript({ machine, request, id }: Call, mark: string): string {
  return scriptWith(FOREGROUND, [
    machine.stateDir,
    id,
    machine.workspace,
    request.cwd ?? '',
    (request.timeoutMs / 1000).toFixed(3),
    request.pty === true ? 'yes' : 'no',
    // No shell can carry NUL in a word; the script prints it.
    mark.slice(1),
    MAIN,
  ]);
}

/** Where ending our side of a connection leaves the command running, another call ends it. */
async function stopThere({ machine, clock, id }: Call): Promise<void> {
  if (machine.endsWithExec === true) return;
  const script = scriptWith(STOP_FOREGROUND, [machine.stateDir, id]);
  try {
    await withDeadline({ clock, timeoutMs: STOP_MS }, (signal) => machine.exec({ script, signal }));
  } catch {
    // The machine cannot be reached; its own time limit ends the command.
  }
}

function parseReport(text: string | undefined): Report | undefined {
  const found = /^(\d+) (\w+) (yes|no) (\/.*)?$/s.exec(text ?? '');
  const [, code, ended, moved, cwd] = found ?? [];
  if (code === undefined || ended === undefined) return undefined;
  return { code: Number(code), ended, moved: moved === 'yes', cwd: cwd ?? '' };
}

function makeResult({ machine, request }: Call, capture: Capture, report: Report | undefined): RunResult {
  const { text, droppedBytes } = capture.text();
  if (report === undefined)
    return { code: 97, ended: 'lost', output: text, droppedBytes, cwd: machine.workspace, moved: false };
  if (report.ended === 'stopped' && request.signal.aborted) throw cancelledError(request.signal);
  return {
    code: report.code,
    ended: report.ended === 'timeout' ? 'timeout' : report.ended === 'exit' ? 'exit' : 'lost',
    output: text,
    droppedBytes,
    cwd: report.cwd === '' ? machine.workspace : report.cwd,
    moved: report.moved,
  };
}

/** The bytes of a command that a shell can read. Throws AppError `bad_input` or `too_large`. */
export function checkedCommand(command: string): Uint8Array {
  if (command.includes('\0')) throw new AppError('bad_input', 'A command cannot hold a NUL character. It was not run.');
  const bytes = Buffer.from(`${command.toWellFormed()}\n`);
  if (bytes.length > MAX_COMMAND_BYTES)
    throw new AppError(
      'too_large',
      `The command is longer than ${MAX_COMMAND_BYTES} bytes. It was not run; put its data into a file first.`,
    );
  return bytes;
}
