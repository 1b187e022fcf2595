// Runs one script in its own process and serves its calls, within limits on time, calls and output. Knows nothing of tools.
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import os from 'node:os';
import { Duplex } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { cancelledError } from '../abort.ts';
import { makeCapture, type Capture } from '../terminal/output.ts';
import { openChannel, type ScriptAnswer, type ScriptCall } from './channel.ts';
import type { ScriptPlan } from './plan.ts';
import { startStopwatch, type Stopwatch } from './stopwatch.ts';

export interface ScriptRun {
  plan: ScriptPlan;
  code: string;
  /** Of the tools that it can call, for its own list of them. */
  names: readonly string[];
  timeoutMs: number;
  maxCalls: number;
  clock: Clock;
  /** Of the call that runs it. */
  signal: AbortSignal;
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /**
   * Serves one call. `signal` aborts when the script is over; `hold` keeps time that is spent waiting for a person off its limit. Rejects when
   * the script must not go on: `runScript` rejects with the same.
   */
  call(
    call: ScriptCall,
    work: { signal: AbortSignal; hold: Stopwatch['hold'] },
  ): Promise<ScriptAnswer | { stop: string }>;
}

export interface ScriptEnd {
  /** 128 + n when ended by signal n. */
  code: number;
  /** Why Herald ended it, in words for the model. */
  stopped: string | undefined;
  stdout: string;
  stderr: string;
  calls: number;
  /** Names of calls that had not come back when the script was over. */
  cutOff: readonly string[];
}

const STDOUT_BYTES = 50_000;
const STDERR_BYTES = 10_000;
/** Reading without end costs our time, though only the ends are kept. */
const MAX_PRINTED_BYTES = 20_000_000;
/** Calls beyond the limit are answered with an error, so that a script can print what it has; this many more end it. */
const EXTRA_CALLS = 100;
/** Somebody may still hold the pipes. */
const DRAIN_MS = 200;

/** Resolves when the process has ended and every call of it has settled. Rejects with AppError when it could not run, or was cancelled. */
export async function runScript(run: ScriptRun): Promise<ScriptEnd> {
  const { plan, signal } = run;
  if (signal.aborted) throw cancelledError(signal);
  const child = run.spawn(plan.program, plan.args, {
    env: plan.env,
    cwd: plan.cwd,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', plan.filter === undefined ? 'ignore' : 'pipe'],
  });
  const life = new AbortController();
  const state: State = { stopped: undefined, fatal: undefined, calls: 0, open: new Map() };
  const stop = (reason: string) => {
    state.stopped ??= reason;
    child.kill('SIGKILL');
  };
  const printed = { bytes: 0 };
  const stdout = capture(child.stdout, STDOUT_BYTES, { printed, stop });
  const stderr = capture(child.stderr, STDERR_BYTES, { printed, stop });
  const watch = startStopwatch(run.clock, run.timeoutMs, () =>
    stop(`it took longer than ${Math.round(run.timeoutMs / 1000)} s`),
  );
  const end = ended(child, run.clock);
  try {
    giveFilter(child, plan.filter);
    serve(run, child, { state, stop, watch, life: life.signal });
    const code = await end;
    watch.stop();
    const cutOff = [...state.open.values()].map(({ name }) => name);
    life.abort(new AppError('cancelled', 'The script is over.'));
    await Promise.all([...state.open.values()].map(({ settled }) => settled));
    if (state.fatal !== undefined) throw state.fatal.error;
    if (signal.aborted) throw cancelledError(signal);
    const { stopped, calls } = state;
    return { code, stopped, calls, cutOff, stdout: stdout.text().text, stderr: stderr.text().text };
  } finally {
    watch.stop();
    life.abort(new AppError('cancelled', 'The script is over.'));
  }
}

interface State {
  stopped: string | undefined;
  fatal: { error: unknown } | undefined;
  calls: number;
  open: Map<number, { name: string; settled: Promise<void> }>;
}

function serve(
  run: ScriptRun,
  child: ChildProcess,
  at: { state: State; stop: (reason: string) => void; watch: Stopwatch; life: AbortSignal },
): void {
  const stream = child.stdio[3];
  if (!(stream instanceof Duplex)) return;
  const { state, stop, watch, life } = at;
  const tooMany = `A script may make ${run.maxCalls} calls. This one was not made.`;

  async function settle(call: ScriptCall): Promise<void> {
    try {
      const answer = await run.call(call, { signal: life, hold: (waiting) => watch.hold(waiting) });
      if ('stop' in answer) stop(answer.stop);
      else channel.answer(call.id, answer);
    } catch (error) {
      // What a script leaves behind is ended with it; that is no failure.
      if (life.aborted) return;
      state.fatal ??= { error };
      stop('it could not go on');
    } finally {
      state.open.delete(call.id);
    }
  }

  const channel = openChannel(stream, {
    fault: stop,
    call(call) {
      if (state.stopped !== undefined) return;
      if (call.id > run.maxCalls + EXTRA_CALLS) return stop(`it made more than ${run.maxCalls} calls`);
      if (call.id > run.maxCalls) return channel.answer(call.id, { ok: false, text: tooMany });
      state.calls = call.id;
      const settled = settle(call);
      state.open.set(call.id, { name: call.name, settled });
    },
  });
  channel.begin({ code: run.code, names: run.names });
}

function capture(
  stream: NodeJS.ReadableStream | null,
  maxBytes: number,
  { printed, stop }: { printed: { bytes: number }; stop: (reason: string) => void },
): Capture {
  const kept = makeCapture(maxBytes);
  stream?.on('data', (chunk: Buffer) => {
    kept.add(chunk);
    printed.bytes += chunk.length;
    if (printed.bytes > MAX_PRINTED_BYTES) stop('it printed more than 20 MB');
  });
  return kept;
}

function giveFilter(child: ChildProcess, filter: Uint8Array | undefined): void {
  const stream = child.stdio[4];
  if (filter === undefined || !(stream instanceof Duplex)) return;
  // It may not have started at all.
  stream.on('error', () => {});
  stream.end(filter);
}

function ended(child: ChildProcess, clock: Clock): Promise<number> {
  return new Promise((resolve, reject) => {
    let cancelDrain: (() => void) | undefined;
    child.once('error', (error) =>
      reject(
        new AppError('tool_unavailable', 'The script could not be started on this machine. It was not run.', {
          cause: error,
        }),
      ),
    );
    child.once('exit', () => {
      cancelDrain = clock.after(DRAIN_MS, () => {
        for (const stream of child.stdio) stream?.destroy();
      });
    });
    child.once('close', (code, name) => {
      cancelDrain?.();
      resolve(code ?? 128 + (name === null ? 0 : os.constants.signals[name]));
    });
  });
}
