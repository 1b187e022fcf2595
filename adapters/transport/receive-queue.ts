// For platforms that send nothing again: what came in is stored one after the other, in order, and what cannot be stored at once is
// tried until it can be.
import { backoffMs } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import type { AdapterHost } from '../contract.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };
/** More than this waits only while nothing can be stored for long; the rest is told as a gap. */
const MAX_WAITING = 5_000;

/** Stores something. It must be safe to repeat. */
type Task = () => Promise<unknown>;

export interface ReceiveQueue {
  /** Runs the task after those before it, again and again until it resolves. */
  push(task: Task): void;
  /** Everything that came in before this time is stored; ms since the epoch. */
  storedUntil(): number;
  /** Nothing more is stored until the function that this gives is called, at the latest after `ms`; what comes in waits. */
  hold(ms: number): () => void;
  /** Goes before all that waits: what is older than it. */
  pushOlder(entries: readonly Entry[]): void;
  /** Resolves when nothing of it runs any more; call after the signal was aborted. */
  settle(): Promise<void>;
}

interface Entry {
  /** When it came in, or was sent; ms since the epoch. */
  at: number;
  task: Task;
}

export function makeReceiveQueue(deps: {
  host: Pick<AdapterHost, 'log' | 'gap'>;
  clock: Clock;
  signal: AbortSignal;
}): ReceiveQueue {
  const { host, clock, signal } = deps;
  const waiting: Entry[] = [];
  const holds = new Set<symbol>();
  let dropped: { since: number; count: number } | undefined;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    for (let entry = waiting[0]; entry && mayRun(); entry = waiting[0]) {
      const isStored = await store(entry.task);
      if (isStored) waiting.splice(waiting.indexOf(entry), 1);
    }
    if (dropped && !signal.aborted) {
      const { since, count } = dropped;
      dropped = undefined;
      await host.gap({ since, until: clock.now(), missed: count, reason: 'limit' });
    }
  }

  const mayRun = () => !signal.aborted && holds.size === 0;

  async function store(task: Task): Promise<boolean> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await task();
        return true;
      } catch (error) {
        // The core's own error: its text is not ours to print.
        host.log.error(
          { error: error instanceof Error ? error.name : 'unknown', attempt },
          'could not be stored; tried again',
        );
      }
      await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => undefined);
    }
    return false;
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined;
      // Something may have come in between the last look and here.
      if (waiting.length > 0 && mayRun()) start();
    });
  }

  function take(entries: readonly Entry[], isOlder: boolean): void {
    if (signal.aborted) return;
    const room = Math.max(0, MAX_WAITING - waiting.length);
    if (isOlder) waiting.unshift(...entries.slice(Math.max(0, entries.length - room)));
    else waiting.push(...entries.slice(0, room));
    if (entries.length > room) {
      dropped ??= { since: entries[0]?.at ?? clock.now(), count: 0 };
      dropped.count += entries.length - room;
    }
    if (mayRun()) start();
  }

  return {
    push: (task) => take([{ at: clock.now(), task }], false),
    pushOlder: (entries) => take(entries, true),
    storedUntil: () => waiting[0]?.at ?? clock.now(),
    hold(ms) {
      const key = Symbol('hold');
      holds.add(key);
      const release = () => {
        cancel();
        holds.delete(key);
        if (waiting.length > 0 && mayRun()) start();
      };
      const cancel = clock.after(ms, release);
      return release;
    },
    async settle() {
      await running;
    },
  };
}
