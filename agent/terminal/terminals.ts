// The terminals of a process: one machine per person or group, opened when it is first used and let go when nobody uses it any more.
import type { Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { untilAborted } from '../abort.ts';
import { listWatched, openJobNotes } from './job-notes.ts';
import type { JobEvents } from './job-watch.ts';
import { openJobs, type Jobs } from './jobs.ts';
import type { Backend, Isolation, Machine, MachineLimits } from './machine.ts';
import { openShell, type Shell } from './shell.ts';

export interface TerminalsOptions {
  backend: Backend;
  limits: MachineLimits;
  /** Folder for what is remembered of background jobs; made when needed. */
  notesDir: string;
  events: JobEvents;
  clock: Clock;
  log: Logger;
  /** Without use, before a machine is let go or put to sleep. Default five minutes. */
  idleMs?: number;
}

export interface Terminal {
  machine: Machine;
  shell: Shell;
  jobs: Jobs;
}

export interface TerminalAt {
  /** As in MachineRequest. */
  key: string;
  workspace: string;
  signal: AbortSignal;
}

export interface Terminals {
  /** Of any machine of this backend. What is not known counts as not kept apart. */
  readonly isolation: Isolation;
  /** Of the machine where this workspace is open now; else as above. */
  isolationAt(workspace: string): Isolation;
  /** Where the next command would run, as far as it is known without asking the machine. */
  cwdAt(workspace: string): string | undefined;
  /** False only for a job that is known to have been started without network. */
  reachesNetwork(workspace: string, job: string): boolean;
  /** Runs `work` on the machine of `key`, which is not put to sleep meanwhile. Rejects with AppError, and with what `work` rejects with. */
  use<Value>(at: TerminalAt, work: (terminal: Terminal) => Promise<Value>): Promise<Value>;
  /** After a start: goes on watching jobs of which something is still to be told. Never rejects; what failed is in the log. */
  adopt(): Promise<void>;
  /** Lets go of all machines; background jobs go on. */
  close(): Promise<void>;
}

interface Entry extends Terminal {
  workspace: string;
  users: number;
  cancelIdle: (() => void) | undefined;
}

const IDLE_MS = 300_000;
/** An image may have to be fetched first. */
const OPENING_MS = 600_000;
const LOOK_MS = 30_000;
const UNKNOWN: Isolation = { files: false, network: 'always' };

export function openTerminals(options: TerminalsOptions): Terminals {
  const { backend, clock, log } = options;
  const entries = new Map<string, Promise<Entry>>();
  const open = new Map<string, Entry>();
  /** Machines on their way out: the next use waits, so that it is not put to sleep. */
  const leaving = new Map<string, Promise<void>>();
  let isClosed = false;

  function find(key: string, workspace: string): Promise<Entry> {
    if (isClosed) return Promise.reject(new AppError('cancelled', 'Herald is stopping. Nothing was run.'));
    const known = entries.get(key);
    if (known !== undefined) return known;
    const made = (leaving.get(key) ?? Promise.resolve()).then(() => makeEntry(options, key, workspace));
    entries.set(key, made);
    made.then(
      (entry) => open.set(key, entry),
      () => entries.delete(key),
    );
    return made;
  }

  async function use<Value>(
    { key, workspace, signal }: TerminalAt,
    work: (terminal: Terminal) => Promise<Value>,
  ): Promise<Value> {
    const entry = await untilAborted(find(key, workspace), signal);
    entry.users++;
    entry.cancelIdle?.();
    try {
      return await work(entry);
    } catch (error) {
      if (error instanceof AppError && error.code === 'terminal_gone') await letGo(key, entry, false);
      throw error;
    } finally {
      entry.users--;
      rest(key, entry);
    }
  }

  /** The timer runs only after use, and does not keep the process alive. */
  function rest(key: string, entry: Entry): void {
    entry.cancelIdle?.();
    if (entry.users > 0 || isClosed || open.get(key) !== entry) return;
    entry.cancelIdle = clock.after(options.idleMs ?? IDLE_MS, () => void sleep(key, entry));
  }

  /** A machine with running jobs stays awake. Never rejects. */
  async function sleep(key: string, entry: Entry): Promise<void> {
    entry.users++;
    try {
      const jobs = await withDeadline({ clock, timeoutMs: LOOK_MS }, (signal) => entry.jobs.list(signal));
      if (entry.users > 1 || jobs.some((job) => job.state === 'running')) return;
      await letGo(key, entry, true);
    } catch (error) {
      log.warn({ backend: backend.id, err: error }, 'a machine could not be put to sleep');
    } finally {
      entry.users--;
      rest(key, entry);
    }
  }

  function letGo(key: string, entry: Entry, isIdle: boolean): Promise<void> {
    if (open.get(key) !== entry) return Promise.resolve();
    open.delete(key);
    entries.delete(key);
    entry.cancelIdle?.();
    const left = leave(entry, isIdle).finally(() => leaving.delete(key));
    leaving.set(key, left);
    return left;
  }

  /** Never rejects. */
  async function leave({ jobs, machine }: Entry, isIdle: boolean): Promise<void> {
    try {
      await jobs.close();
      if (isIdle) await machine.hibernate?.();
    } catch (error) {
      log.warn({ backend: backend.id, err: error }, 'a machine could not be put to sleep');
    }
    await machine.close().catch((error: unknown) => log.warn({ err: error }, 'a machine could not be let go'));
  }

  function entryAt(workspace: string): Entry | undefined {
    return [...open.values()].find((entry) => entry.workspace === workspace);
  }

  return {
    isolation: backend.isolation ?? UNKNOWN,
    isolationAt: (workspace) => entryAt(workspace)?.machine.isolation ?? backend.isolation ?? UNKNOWN,
    cwdAt: (workspace) => entryAt(workspace)?.shell.cwd(),
    reachesNetwork: (workspace, job) => entryAt(workspace)?.jobs.reachesNetwork(job) ?? true,
    use,
    async adopt() {
      for (const { key, workspace } of listWatched(options.notesDir)) {
        try {
          const entry = await find(key, workspace);
          entry.jobs.adopt();
          rest(key, entry);
        } catch (error) {
          log.warn({ backend: backend.id, err: error }, 'background jobs from before could not be watched');
        }
      }
    },
    async close() {
      isClosed = true;
      const known = await Promise.allSettled(entries.values());
      for (const found of known) if (found.status === 'rejected') log.debug({ err: found.reason }, 'machine not open');
      await Promise.all([...leaving.values(), ...[...open].map(([key, entry]) => letGo(key, entry, false))]);
    },
  };
}

async function makeEntry(options: TerminalsOptions, key: string, workspace: string): Promise<Entry> {
  const { backend, clock, limits, log, events } = options;
  const machine = await withDeadline({ clock, timeoutMs: OPENING_MS }, (signal) =>
    backend.open({ key, workspace, limits, signal }),
  );
  const notes = openJobNotes(options.notesDir, key, workspace);
  return {
    machine,
    shell: openShell(machine, { clock }),
    jobs: openJobs(machine, { clock, log, notes, events, key }),
    workspace,
    users: 0,
    cancelIdle: undefined,
  };
}
