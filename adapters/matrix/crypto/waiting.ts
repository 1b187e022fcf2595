// Sealed events whose key is not here yet, on disk until it comes or a week has passed. Only where they lie is kept in memory.
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Cursor } from '../../contract.ts';
import { readEvent, type MatrixEvent } from '../receive/event-schema.ts';

const PREFIX = 'waiting:';
const MAX_WAITING = 1_000;
const MAX_AGE_MS = 7 * 24 * 3_600_000;

const rowSchema = z.object({ room: z.string(), event: z.unknown(), since: z.number(), isTold: z.boolean() });
type Row = z.output<typeof rowSchema>;

interface Place {
  room: string;
  since: number;
  isTold: boolean;
}

export interface WaitingEvent {
  name: string;
  room: string;
  event: MatrixEvent;
}

export interface Waiting {
  /** On disk when it resolves. Idempotent. */
  add(room: string, event: MatrixEvent): Promise<void>;
  /** In the order in which they came. */
  list(): AsyncGenerator<WaitingEvent>;
  remove(name: string): Promise<void>;
  /** Rooms with events of which nobody was told, with when the oldest of each came. */
  untold(): ReadonlyMap<string, number>;
  markTold(room: string): Promise<void>;
}

/** Rejects when the rows cannot be read. */
export async function openWaiting(deps: { cursor: Cursor; clock: Clock; log: Logger }): Promise<Waiting> {
  const { cursor, clock, log } = deps;
  const places = new Map<string, Place>();
  let next = 0;
  for (const [name, text] of await cursor.list(PREFIX)) {
    const row = readRow(text);
    next = Number(name.slice(PREFIX.length).split(':')[0]) + 1;
    if (row && clock.now() - row.since < MAX_AGE_MS)
      places.set(name, { room: row.room, since: row.since, isTold: row.isTold });
    else await cursor.update({ [name]: undefined });
  }

  async function remove(name: string): Promise<void> {
    await cursor.update({ [name]: undefined });
    places.delete(name);
  }

  return {
    async add(room, event) {
      if ([...places.keys()].some((name) => name.endsWith(`:${event.event_id}`))) return;
      const name = `${PREFIX}${String(next++).padStart(12, '0')}:${event.event_id}`;
      const row: Row = { room, event, since: clock.now(), isTold: false };
      await cursor.set(name, JSON.stringify(row));
      places.set(name, { room, since: row.since, isTold: false });
      const [oldest] = places.keys();
      if (places.size <= MAX_WAITING || oldest === undefined) return;
      log.warn({ room }, 'too many messages wait for their keys; the oldest is given up');
      await remove(oldest);
    },
    async *list() {
      for (const [name, { since }] of places) {
        const row = readRow(await cursor.get(name));
        const event = readEvent(row?.event);
        if (row && event && clock.now() - since < MAX_AGE_MS) yield { name, room: row.room, event };
        else await remove(name);
      }
    },
    remove,
    untold() {
      const found = new Map<string, number>();
      for (const { room, since, isTold } of places.values())
        if (!isTold) found.set(room, Math.min(since, found.get(room) ?? since));
      return found;
    },
    async markTold(room) {
      for (const [name, place] of places) {
        if (place.room !== room || place.isTold) continue;
        const row = readRow(await cursor.get(name));
        if (row) await cursor.set(name, JSON.stringify({ ...row, isTold: true }));
        place.isTold = true;
      }
    },
  };
}

function readRow(text: string | undefined): Row | undefined {
  if (text === undefined) return undefined;
  try {
    return rowSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
