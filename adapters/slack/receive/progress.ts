// How far each channel has been read, which threads we take part in, and when we last listened. On disk within a second: what is
// fetched twice after a crash is known to the inbox.
import type { Cursor } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';

const CHANNEL = 'at.';
const THREAD = 'thread.';
const ALIVE = 'alive';
const BEGAN = 'began';
const SAVE_AFTER_MS = 1_000;
/** Our clock and Slack's may differ by so much. */
const MAX_SKEW_MS = 5_000;
/** Threads that nobody wrote in for so long are not looked at any more. */
const THREAD_KEEP_MS = 14 * 24 * 3_600_000;
const MAX_THREADS = 2_000;
const MAX_CHANNELS = 5_000;

export interface Progress {
  /** Loads what an earlier run left. */
  load(): Promise<void>;
  /** When we last listened, in ms since the epoch; undefined before the first time. */
  aliveAt(): number | undefined;
  /** When we listened for the first time: what was said before was not meant for us. 0 when that is not known. */
  beganAt(): number;
  noteAlive(): void;
  /** The latest message of a channel that is stored. */
  positionOf(channel: string): string | undefined;
  /** Everything up to `ts` is stored. Never moves back. */
  advance(channel: string, ts: string): void;
  /** What is older than `ts` was left out, and is not to be fetched any more. */
  skipTo(channel: string, ts: string): void;
  /** '' when nothing was left out. */
  skippedTo(channel: string): string;
  /** The channel is not there any more. */
  forget(channel: string): void;
  /** Channels by the time of their last message, latest first. */
  channels(): readonly string[];
  isFollowed(channel: string, thread: string): boolean;
  /** We take part in a thread. */
  follow(channel: string, thread: string): void;
  /** Threads of a channel that we take part in, the latest first. */
  followed(channel: string): readonly string[];
  /** Writes what is not on disk yet. Never rejects. */
  save(): Promise<void>;
}

export interface ProgressDeps {
  cursor: Cursor;
  clock: Clock;
  onFailure(): void;
}

export function openProgress({ cursor, clock, onFailure }: ProgressDeps): Progress {
  const positions = new Map<string, string>();
  const floors = new Map<string, string>();
  /** channel and thread → when something last happened in it. */
  const threads = new Map<string, number>();
  let aliveAt: number | undefined;
  let beganAt = 0;
  let dirty = new Map<string, string | undefined>();
  let cancelTimer: (() => void) | undefined;
  let saving: Promise<void> = Promise.resolve();

  function put(key: string, value: string | undefined): void {
    dirty.set(key, value);
    cancelTimer ??= clock.after(SAVE_AFTER_MS, () => void save());
  }

  async function save(): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    saving = saving.then(write);
    await saving;
  }

  async function write(): Promise<void> {
    if (dirty.size === 0) return;
    const values = dirty;
    dirty = new Map();
    try {
      await cursor.update(Object.fromEntries(values));
    } catch {
      // Tried again with the next change; what is newer stays.
      dirty = new Map([...values, ...dirty]);
      onFailure();
    }
  }

  function prune(): void {
    const oldest = clock.now() - THREAD_KEEP_MS;
    const byAge = [...threads].sort((a, b) => b[1] - a[1]);
    for (const [key] of byAge.filter((entry, i) => i >= MAX_THREADS || entry[1] < oldest)) {
      threads.delete(key);
      put(`${THREAD}${key}`, undefined);
    }
    const byTs = [...positions].sort((a, b) => (a[1] < b[1] ? 1 : -1));
    for (const [channel] of byTs.slice(MAX_CHANNELS)) forget(channel);
  }

  function forget(channel: string): void {
    if (positions.delete(channel)) put(`${CHANNEL}${channel}`, undefined);
    floors.delete(channel);
    for (const key of [...threads.keys()].filter((one) => one.startsWith(`${channel} `))) {
      threads.delete(key);
      put(`${THREAD}${key}`, undefined);
    }
  }

  return {
    async load() {
      for (const [key, value] of await cursor.list(CHANNEL)) {
        const [ts = '', floor] = value.split(' ');
        positions.set(key.slice(CHANNEL.length), ts);
        if (floor !== undefined) floors.set(key.slice(CHANNEL.length), floor);
      }
      for (const [key, value] of await cursor.list(THREAD)) threads.set(key.slice(THREAD.length), Number(value) || 0);
      const alive = Number(await cursor.get(ALIVE));
      aliveAt = Number.isFinite(alive) && alive > 0 ? alive : undefined;
      beganAt = Number(await cursor.get(BEGAN)) || 0;
      prune();
    },
    aliveAt: () => aliveAt,
    beganAt: () => beganAt,
    noteAlive() {
      if (aliveAt === undefined) {
        beganAt = clock.now() - MAX_SKEW_MS;
        put(BEGAN, String(beganAt));
      }
      aliveAt = clock.now();
      put(ALIVE, String(aliveAt));
    },
    positionOf: (channel) => positions.get(channel),
    advance(channel, ts) {
      if (ts <= (positions.get(channel) ?? '')) return;
      positions.set(channel, ts);
      const floor = floors.get(channel);
      put(`${CHANNEL}${channel}`, floor === undefined ? ts : `${ts} ${floor}`);
    },
    skipTo: (channel, ts) => void floors.set(channel, ts),
    skippedTo: (channel) => floors.get(channel) ?? '',
    forget,
    channels: () => [...positions].sort((a, b) => (a[1] < b[1] ? 1 : -1)).map(([channel]) => channel),
    isFollowed: (channel, thread) => threads.has(`${channel} ${thread}`),
    follow(channel, thread) {
      const key = `${channel} ${thread}`;
      const now = clock.now();
      // Once an hour is enough to keep it.
      if (now - (threads.get(key) ?? 0) < 3_600_000) return;
      threads.set(key, now);
      put(`${THREAD}${key}`, String(now));
      if (threads.size > MAX_THREADS) prune();
    },
    followed: (channel) =>
      [...threads]
        .filter(([key]) => key.startsWith(`${channel} `))
        .sort((a, b) => b[1] - a[1])
        .map(([key]) => key.slice(channel.length + 1)),
    save,
  };
}
