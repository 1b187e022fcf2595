// How far each channel is stored, on disk. A position moves only behind messages that the core has; it is written a little later, since
// a repeated message does no harm and a write per message would.
import type { Cursor } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { isOlder, isSnowflake } from '../snowflake.ts';

const PREFIX = 'at:';
/** Time up to which we certainly listened to all channels, in ms since the epoch. */
const LISTENED = 'listened';
/** When this account was first used: what was said before is nothing to answer. */
const SINCE = 'since';
const WRITE_AFTER_MS = 1_000;

export interface Position {
  /** Last message that was seen to. */
  last: string;
  /** Undefined for a DM. */
  guild: string | undefined;
  isThread: boolean;
}

export interface Positions {
  get(channel: string): Position | undefined;
  list(): ReadonlyMap<string, Position>;
  advance(channel: string, position: Position): void;
  sinceMs: number;
  listenedMs: number;
  setListened(ms: number): void;
  /** Writes what is not written yet. Never rejects. */
  flush(): Promise<void>;
}

export interface PositionsDeps {
  cursor: Cursor;
  clock: Clock;
  log: Logger;
}

export async function openPositions({ cursor, clock, log }: PositionsDeps): Promise<Positions> {
  const known = new Map<string, Position>();
  for (const [name, value] of await cursor.list(PREFIX)) {
    const position = parsePosition(value);
    if (position) known.set(name.slice(PREFIX.length), position);
  }
  const now = clock.now();
  const sinceMs = readTime(await cursor.get(SINCE)) ?? now;
  const listenedMs = readTime(await cursor.get(LISTENED)) ?? now;
  let unwritten: Record<string, string> = { [SINCE]: String(sinceMs), [LISTENED]: String(listenedMs) };
  let cancelTimer: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();

  function note(key: string, value: string): void {
    unwritten[key] = value;
    cancelTimer ??= clock.after(WRITE_AFTER_MS, () => void positions.flush());
  }

  async function write(): Promise<void> {
    const values = unwritten;
    if (Object.keys(values).length === 0) return;
    unwritten = {};
    try {
      await cursor.update(values);
    } catch {
      // What came later counts.
      unwritten = { ...values, ...unwritten };
      log.warn({}, 'positions in the channels could not be saved');
    }
  }

  const positions: Positions = {
    sinceMs,
    listenedMs,
    get: (channel) => known.get(channel),
    list: () => known,
    advance(channel, position) {
      const before = known.get(channel);
      if (before && !isOlder(before.last, position.last)) return;
      known.set(channel, position);
      note(PREFIX + channel, formatPosition(position));
    },
    setListened(ms) {
      if (ms <= positions.listenedMs) return;
      positions.listenedMs = ms;
      note(LISTENED, String(ms));
    },
    flush() {
      cancelTimer?.();
      cancelTimer = undefined;
      writing = writing.then(write);
      return writing;
    },
  };
  await positions.flush();
  return positions;
}

function formatPosition({ last, guild, isThread }: Position): string {
  return [last, guild ?? 'dm', ...(isThread ? ['thread'] : [])].join(' ');
}

function parsePosition(value: string): Position | undefined {
  const [last = '', guild, thread] = value.split(' ');
  if (!isSnowflake(last) || guild === undefined) return undefined;
  return { last, guild: guild === 'dm' ? undefined : guild, isThread: thread === 'thread' };
}

function readTime(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
