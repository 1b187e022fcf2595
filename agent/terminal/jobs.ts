// Background jobs of one machine. What a job is lies on the machine, so everything works after a restart of Herald too; what was promised to
// people about it lies with Herald (job-notes.ts).
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { isTimeout, withDeadline } from '../../shared/deadline.ts';
import { AppError, isAbort } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { preview } from '../../shared/text.ts';
import type { JobNote, JobNotes } from './job-notes.ts';
import { openJobWatch, untilChange, type JobEvents, type JobPart } from './job-watch.ts';
import type { Machine } from './machine.ts';
import { makeCapture } from './output.ts';
import { scriptWith } from './quote.ts';
import { MAIN } from './scripts/common.ts';
import * as job from './scripts/job.ts';
import { checkedCommand } from './shell.ts';

export interface JobRequest {
  command: string;
  /** Default: where the last foreground call ended. */
  cwd?: string | undefined;
  network?: boolean | undefined;
  pty?: boolean | undefined;
  /** Tell when it is over. */
  notify?: boolean | undefined;
  /** Tell of the first line that holds one of these texts, once for each. */
  patterns?: readonly string[] | undefined;
  /** Given back with each event. At most 2,000 characters. */
  owner: string;
  signal: AbortSignal;
}

export interface JobState {
  id: string;
  title: string;
  /** `lost`: it ended together with its machine, or was killed with its supervisor. */
  state: 'running' | 'exited' | 'lost';
  /** Exit status, once exited; 128 + n when ended by signal n. */
  code: number | undefined;
  /** Milliseconds since 1970; undefined for a job that Herald does not remember. */
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Bytes printed so far. */
  printedBytes: number;
  /** Whether its output may hold words of others. */
  foreign: boolean;
}

export interface JobOutput extends JobState {
  output: string;
  /** Left out of `output`, or not kept. */
  droppedBytes: number;
}

/** All reject with AppError: those of `Machine.exec`, and `not_found` for a job that is not there. */
export interface Jobs {
  /** Its id. Rejects with `not_allowed` when too many run, `bad_input` for a folder that is not there. */
  start(request: JobRequest): Promise<string>;
  list(signal: AbortSignal): Promise<readonly JobState[]>;
  /** What it printed since the last poll. */
  poll(id: string, signal: AbortSignal): Promise<JobOutput>;
  /** `limit` lines from line `offset` (from 1), or the last ones without it; and how many lines there are. */
  log(
    id: string,
    at: { offset?: number | undefined; limit: number },
    signal: AbortSignal,
  ): Promise<JobOutput & { lines: number }>;
  /** Until it is over, or `timeoutMs` have passed; then like poll. */
  wait(id: string, timeoutMs: number, signal: AbortSignal): Promise<JobOutput>;
  /** TERM for its group, KILL after three seconds. Idempotent. */
  kill(id: string, signal: AbortSignal): Promise<JobState>;
  /** Puts text on its standard input. Rejects with `not_allowed` when it is over, or does not read. */
  write(id: string, data: string, signal: AbortSignal): Promise<void>;
  /** False only for a job that is known to have been started without. */
  reachesNetwork(id: string): boolean;
  /** Goes on watching what was promised before a restart. */
  adopt(): void;
  /** Stops watching; jobs go on. */
  close(): Promise<void>;
}

export interface JobsOptions {
  clock: Clock;
  log: Logger;
  notes: JobNotes;
  events: JobEvents;
  /** As in MachineRequest. */
  key: string;
  /** At once, finished ones not counted. Default 16. */
  maxRunning?: number;
  /** Of a machine that tells of no changes: the pause before it is asked again, and longer from then on. Default one second. */
  firstAskMs?: number;
}

const MAX_RUNNING = 16;
const MAX_OUTPUT_BYTES = 32 * 1024;
const MAX_WRITE_BYTES = 64 * 1024;
const ID = /^[0-9a-f]{6}$/;
const STARTING_MS = 60_000;
const ENDING_MS = 5_000;

export function openJobs(machine: Machine, options: JobsOptions): Jobs {
  const { notes, clock } = options;
  const watch = openJobWatch(machine, { ...options, read: (id, from, at) => readPart(machine, id, from, at) });

  async function poll(id: string, signal: AbortSignal): Promise<JobOutput> {
    const note = notes.get(id);
    const from = note?.polledBytes ?? 0;
    const args = [checkedId(id), 'check', String(from), String(MAX_OUTPUT_BYTES), 'last'];
    const told = await ask(machine, { body: job.READ_JOB, args, signal });
    const state = makeState(machine, told.head, note);
    if (note !== undefined && state.printedBytes !== from) notes.put({ ...note, polledBytes: state.printedBytes });
    return { ...state, output: told.text, droppedBytes: Math.max(0, state.printedBytes - from - told.bytes) };
  }

  return {
    async start(request) {
      const id = await startJob(machine, options, request);
      if (notes.get(id)?.watched === true) watch.add(id);
      return id;
    },
    async list(signal) {
      const { raw } = await run(machine, { body: job.LIST_JOBS, args: [], signal });
      return raw.split('\n').flatMap((line) => {
        const head = parseHead(line);
        return head === undefined ? [] : [makeState(machine, head, notes.get(head.id))];
      });
    },
    poll,
    async log(id, { offset, limit }, signal) {
      const args = [checkedId(id), String(offset ?? 0), String(limit)];
      const told = await ask(machine, { body: job.LOG_JOB, args, signal });
      const cut = told.text.indexOf('\n');
      const state = makeState(machine, told.head, notes.get(id));
      const lines = Number(told.text.slice(0, cut));
      return { ...state, output: told.text.slice(cut + 1), droppedBytes: told.head.gone, lines };
    },
    async wait(id, timeoutMs, signal) {
      checkedId(id);
      await withDeadline({ clock, timeoutMs, parent: signal }, (until) =>
        untilChange(machine, { id, clock, until, firstAskMs: options.firstAskMs }, async () => {
          const { head } = await ask(machine, {
            body: job.READ_JOB,
            args: [id, 'check', '0', '0', 'last'],
            signal: until,
          });
          return head.code !== '-';
        }),
      ).catch((error: unknown) => {
        if (signal.aborted || !isDeadline(error)) throw error;
      });
      return poll(id, signal);
    },
    async kill(id, signal) {
      const told = await ask(machine, { body: job.KILL_JOB, args: [checkedId(id), 'TERM'], signal });
      return makeState(machine, told.head, notes.get(id));
    },
    async write(id, data, signal) {
      const bytes = Buffer.from(data);
      if (bytes.length > MAX_WRITE_BYTES)
        throw new AppError(
          'too_large',
          `At most ${MAX_WRITE_BYTES} bytes can be written at once. Nothing was written.`,
        );
      await run(machine, { body: job.WRITE_JOB, args: [checkedId(id)], stdin: bytes, signal });
    },
    reachesNetwork: (id) => notes.get(id)?.network ?? machine.isolation.network !== 'never',
    adopt() {
      for (const note of notes.all()) if (note.watched) watch.add(note.id);
    },
    close: () => watch.close(),
  };
}

/** The time of a wait was up, in whatever words. */
function isDeadline(error: unknown): boolean {
  return isAbort(error) || isTimeout(error);
}

async function startJob(
  machine: Machine,
  { clock, notes, maxRunning }: JobsOptions,
  request: JobRequest,
): Promise<string> {
  const command = checkedCommand(request.command);
  const id = randomBytes(3).toString('hex');
  const note: JobNote = {
    id,
    title: preview(request.command, 100),
    startedAt: clock.now(),
    network: canReachNetwork(machine, request.network === true),
    owner: request.owner.slice(0, 2_000),
    notify: request.notify === true,
    patterns: [...(request.patterns ?? [])],
    seenBytes: 0,
    polledBytes: 0,
    watched: request.notify === true || (request.patterns ?? []).length > 0,
  };
  // First the promise, then the deed: a job that runs and was forgotten would never be told of.
  notes.put(note);
  try {
    await withDeadline({ clock, timeoutMs: STARTING_MS, parent: request.signal }, (signal) =>
      run(machine, {
        body: job.START_JOB,
        args: [
          id,
          machine.workspace,
          request.cwd ?? '',
          request.pty === true ? 'yes' : 'no',
          String(maxRunning ?? MAX_RUNNING),
          MAIN,
          job.SUPERVISOR,
        ],
        stdin: command,
        network: request.network === true,
        lasting: true,
        signal,
      }),
    );
  } catch (error) {
    // Whoever asked is told that it failed, so it must not run, nor be told of.
    notes.put({ ...note, watched: false });
    if (!(error instanceof AppError && ['not_allowed', 'bad_input'].includes(error.code)))
      await endUnwanted(machine, clock, id);
    throw error;
  }
  return id;
}

/** For a start that was cut off: nobody knows whether it runs. Never rejects. */
async function endUnwanted(machine: Machine, clock: Clock, id: string): Promise<void> {
  await withDeadline({ clock, timeoutMs: ENDING_MS }, (signal) =>
    run(machine, { body: job.UNDO_START, args: [id, 'KILL'], signal }),
  ).catch(() => {});
}

interface Script {
  body: string;
  args: readonly string[];
  stdin?: Uint8Array;
  network?: boolean;
  lasting?: boolean;
  signal: AbortSignal;
}

interface Answer {
  raw: string;
  /** Of the output proper, as it came. */
  bytes: number;
}

async function run(machine: Machine, { body, args, ...request }: Script): Promise<Answer> {
  const capture = makeCapture(MAX_OUTPUT_BYTES * 2);
  const { code } = await machine.exec({
    script: scriptWith(body, [machine.stateDir, ...args]),
    ...request,
    onOutput: (chunk) => capture.add(chunk),
  });
  const { text } = capture.text();
  if (code !== 0) throw problem(code, text);
  return { raw: text, bytes: capture.total() };
}

interface Head {
  id: string;
  total: number;
  gone: number;
  /** Exit status, `lost`, or `-` while it runs. */
  code: string;
  endedAtMs: number;
}

/** Runs a script that tells one job's state in its first line. */
async function ask(machine: Machine, script: Script): Promise<{ head: Head; text: string; bytes: number }> {
  const { raw, bytes } = await run(machine, script);
  const cut = raw.indexOf('\n');
  const head = parseHead(raw.slice(0, cut));
  if (head === undefined)
    throw new AppError('terminal_unreachable', 'The machine gave no answer.', { retryable: true });
  return { head, text: raw.slice(cut + 1), bytes: bytes - Buffer.byteLength(raw.slice(0, cut + 1)) };
}

/** For the watch: state, and the next or last bytes from `from` on. */
async function readPart(
  machine: Machine,
  id: string,
  from: number,
  { most, which, signal }: { most: number; which: 'first' | 'last'; signal: AbortSignal },
): Promise<JobPart> {
  const args = [id, 'check', String(from), String(Math.min(most, MAX_OUTPUT_BYTES)), which];
  const { head, text, bytes } = await ask(machine, { body: job.READ_JOB, args, signal });
  // Bytes between that were not kept are passed over.
  const nextBytes = Math.min(head.total, Math.max(from, head.gone) + bytes);
  return { isOver: head.code !== '-', code: head.code, text, nextBytes, total: head.total };
}

function parseHead(line: string): Head | undefined {
  const [id, total, gone, code, seconds, ...rest] = line.split(' ');
  if (id === undefined || !ID.test(id) || rest.length > 0) return undefined;
  if (total === undefined || gone === undefined || code === undefined || seconds === undefined) return undefined;
  if (![total, gone, seconds].every((digits) => /^\d+$/.test(digits)) || !/^(\d+|lost|-)$/.test(code)) return undefined;
  return { id, total: Number(total), gone: Number(gone), code, endedAtMs: Number(seconds) * 1000 };
}

function makeState(machine: Machine, head: Head, note: JobNote | undefined): JobState {
  const isRunning = head.code === '-';
  return {
    id: head.id,
    title: note?.title ?? 'a job from before',
    state: isRunning ? 'running' : head.code === 'lost' ? 'lost' : 'exited',
    code: isRunning || head.code === 'lost' ? undefined : Number(head.code),
    startedAt: note?.startedAt,
    endedAt: isRunning ? undefined : head.endedAtMs,
    printedBytes: head.total,
    foreign: note?.network ?? machine.isolation.network !== 'never',
  };
}

/** Whether a command on this machine can bring in words of others. */
export function canReachNetwork({ isolation }: Pick<Machine, 'isolation'>, asked: boolean): boolean {
  return isolation.network === 'always' || (isolation.network === 'per-call' && asked);
}

function checkedId(id: string): string {
  if (!ID.test(id))
    throw new AppError('not_found', `There is no job "${preview(id, 20)}". List them to see their ids.`);
  return id;
}

function problem(code: number, output: string): AppError {
  switch (code) {
    case job.TOO_MANY:
      return new AppError('not_allowed', 'Too many jobs run already. It was not started; end one first.');
    case job.NO_FOLDER:
      return new AppError('bad_input', `${preview(output, 300)} It was not started.`);
    case job.NO_JOB:
      return new AppError('not_found', 'There is no such job (any more). List them to see their ids.');
    case job.NOT_RUNNING:
      return new AppError('not_allowed', 'The job is over: it reads nothing. Nothing was written.');
    case job.NOT_READING:
      return new AppError('not_allowed', 'The job does not read its input. Not all was written.');
    default:
      return new AppError('terminal_unreachable', `The machine could not do it: ${preview(output, 300)}`, {
        retryable: true,
      });
  }
}
