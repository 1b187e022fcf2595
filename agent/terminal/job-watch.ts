// Watching jobs of which somebody wants to hear: that one is over, or printed a certain text. Woken by the machine where it can tell of
// changes; else it asks now and then, and only while there is something to wait for.
import type { Clock } from '../../shared/clock.ts';
import { abortReason } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { preview } from '../../shared/text.ts';
import type { JobNote, JobNotes } from './job-notes.ts';
import type { Machine } from './machine.ts';

export interface JobEvent {
  /** Stays the same when it is told again after a crash: act on it once. */
  id: string;
  /** Of the machine, as in MachineRequest. */
  key: string;
  job: string;
  kind: 'exited' | 'matched';
  /** Beginning of the command. */
  title: string;
  /** What to tell: the exit status and the last lines, or the line that matched. */
  text: string;
  /** True when `text` may hold words of others. */
  foreign: boolean;
  /** From JobRequest. */
  owner: string;
}

export interface JobEvents {
  /** Resolves when it cannot be lost any more; a rejection is tried again later. */
  onEvent(event: JobEvent): Promise<void>;
}

export interface JobWatch {
  add(id: string): void;
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

export interface JobPart {
  isOver: boolean;
  code: string;
  text: string;
  /** Where to read on, in bytes. */
  nextBytes: number;
  total: number;
}

interface WatchOptions {
  clock: Clock;
  log: Logger;
  notes: JobNotes;
  events: JobEvents;
  key: string;
  firstAskMs?: number | undefined;
  read(id: string, from: number, at: { most: number; which: 'first' | 'last'; signal: AbortSignal }): Promise<JobPart>;
}

const READ_BYTES = 32 * 1024;
/** A line that never ends is looked through in pieces of this. */
const MAX_LINE = 4_096;
const LAST_BYTES = 1_500;
const ASK_FIRST_MS = 1_000;
const ASK_LATEST_MS = 15_000;
/** Where changes are heard of: a supervisor that was killed makes none. */
const HEARING_MS = 60_000;
const LOOK_MS = 60_000;

export function openJobWatch(machine: Machine, options: WatchOptions): JobWatch {
  const controller = new AbortController();
  const running = new Map<string, Promise<void>>();
  return {
    add(id) {
      if (running.has(id) || controller.signal.aborted) return;
      const work = watchJob(machine, options, id, controller.signal).finally(() => running.delete(id));
      running.set(id, work);
    },
    async close() {
      controller.abort(new AppError('cancelled', 'Closing.'));
      await Promise.all(running.values());
    },
  };
}

/** Never rejects. */
async function watchJob(machine: Machine, options: WatchOptions, id: string, signal: AbortSignal): Promise<void> {
  const { clock, log, firstAskMs } = options;
  try {
    await untilChange(machine, { id, clock, until: signal, firstAskMs }, async () => {
      try {
        return await withDeadline({ clock, timeoutMs: LOOK_MS, parent: signal }, (until) => look(options, id, until));
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof AppError && (error.code === 'not_found' || error.code === 'terminal_gone'))
          return tellGone(options, id);
        log.warn({ job: id, err: error }, 'a background job could not be looked at');
        return false;
      }
    });
  } catch (error) {
    if (!signal.aborted) log.warn({ job: id, err: error }, 'a background job is not watched any more');
  }
}

/** Tells what is new; true when there is nothing left to wait for. */
async function look(options: WatchOptions, id: string, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const note = options.notes.get(id);
    if (note?.watched !== true) return true;
    const fresh = await options.read(id, note.seenBytes, { most: READ_BYTES, which: 'first', signal });
    const isAll = fresh.nextBytes >= fresh.total;
    const { lines, restBytes } = wholeLines(fresh.text, fresh.isOver && isAll);
    const found = note.patterns.flatMap((pattern) => {
      const line = lines.find((text) => text.includes(pattern));
      return line === undefined ? [] : [{ pattern, line }];
    });
    for (const { pattern, line } of found) {
      const text = preview(line, 500);
      await options.events.onEvent(makeEvent(options, note, { kind: 'matched', about: pattern, text }));
    }
    const patterns = note.patterns.filter((pattern) => found.every((hit) => hit.pattern !== pattern));
    const seenBytes = Math.max(note.seenBytes, fresh.nextBytes - restBytes);
    const next: JobNote = { ...note, patterns, seenBytes, watched: note.notify || patterns.length > 0 };
    if (fresh.isOver && isAll) {
      if (note.notify) {
        const last = await options.read(id, 0, { most: LAST_BYTES, which: 'last', signal });
        await options.events.onEvent(makeEvent(options, note, { kind: 'exited', about: '', text: endText(last) }));
      }
      next.watched = false;
    }
    if (seenBytes !== note.seenBytes || found.length > 0 || !next.watched)
      options.notes.put({ ...current(options, note), ...changed(next) });
    if (!next.watched) return true;
    if (isAll || seenBytes === note.seenBytes) return false;
  }
}

/** Polling may have gone on meanwhile. */
function current({ notes }: WatchOptions, note: JobNote): JobNote {
  return notes.get(note.id) ?? note;
}

function changed({ patterns, seenBytes, watched }: JobNote): Pick<JobNote, 'patterns' | 'seenBytes' | 'watched'> {
  return { patterns, seenBytes, watched };
}

/** Lines that are complete; at the end of a job, and where one does not end, the rest too. The rest is looked at again with what follows. */
function wholeLines(text: string, isEnd: boolean): { lines: string[]; restBytes: number } {
  const cut = text.lastIndexOf('\n') + 1;
  const isWhole = isEnd || text.length - cut > MAX_LINE;
  return {
    lines: (isWhole ? text : text.slice(0, cut)).split('\n'),
    restBytes: isWhole ? 0 : Buffer.byteLength(text.slice(cut)),
  };
}

function endText({ code, text }: JobPart): string {
  const how =
    code === 'lost' ? 'It ended together with its machine; its exit status is not known.' : `Exit status ${code}.`;
  const last = text.trimEnd();
  return last === '' ? how : `${how} Last output:\n${last}`;
}

async function tellGone(options: WatchOptions, id: string): Promise<boolean> {
  const note = options.notes.get(id);
  if (note === undefined) return true;
  const text = 'It is not there any more: it was not started, or its machine is gone.';
  if (note.notify) await options.events.onEvent(makeEvent(options, note, { kind: 'exited', about: '', text }));
  options.notes.put({ ...note, watched: false });
  return true;
}

function makeEvent(
  { key }: WatchOptions,
  note: JobNote,
  { kind, about, text }: { kind: JobEvent['kind']; about: string; text: string },
): JobEvent {
  const id = [key, note.id, kind, about].join(':').slice(0, 200);
  return { id, key, job: note.id, kind, title: note.title, text, foreign: note.network, owner: note.owner };
}

/**
 * Asks `isDone` now, and again whenever something may have changed, until it says yes. Rejects with the reason of `until`, and with what
 * `isDone` rejects with.
 */
export async function untilChange(
  machine: Machine,
  { id, clock, until, firstAskMs }: { id: string; clock: Clock; until: AbortSignal; firstAskMs?: number | undefined },
  isDone: () => Promise<boolean>,
): Promise<void> {
  let changes = 0;
  let wake: (() => void) | undefined;
  const stop = machine.watch?.(`${machine.stateDir}/jobs/${id}`, () => {
    changes++;
    wake?.();
  });
  let pauseMs = stop === undefined ? (firstAskMs ?? ASK_FIRST_MS) : HEARING_MS;
  try {
    for (;;) {
      if (until.aborted) throw abortReason(until);
      const before = changes;
      if (await isDone()) return;
      if (changes !== before) continue;
      await new Promise<void>((resolve, reject) => {
        const cancel = clock.after(pauseMs, finish);
        until.addEventListener('abort', finish, { once: true });
        wake = finish;
        function finish() {
          wake = undefined;
          cancel();
          until.removeEventListener('abort', finish);
          if (until.aborted) reject(abortReason(until));
          else resolve();
        }
      });
      if (stop === undefined) pauseMs = Math.min(ASK_LATEST_MS, pauseMs * 1.5);
    }
  } finally {
    stop?.();
  }
}
