// Events between two syncs that did not fit in the second: GET /rooms/{id}/messages backwards from where its timeline begins to where the
// first one ended, https://spec.matrix.org/v1.16/client-server-api/#syncing (read 2026-11-21).
import type { MatrixApi } from '../api.ts';
import { isOutOfReach } from '../errors.ts';
import { pageSchema, readEvent, type MatrixEvent } from './event-schema.ts';
import { HISTORY_FILTER } from './filter.ts';
import { readMessage } from './inbound.ts';

const PAGE = 100;
/** Of pages without anything that somebody said. */
const MAX_PAGES = 50;

export interface GapRequest {
  room: string;
  /** Where the timeline begins (`prev_batch`). */
  from: string;
  /** Where the last sync ended. */
  to: string;
  me: string;
  maxMessages: number;
  /** Of the oldest that still counts, ms since the epoch. */
  oldestMs: number;
  signal: AbortSignal;
}

export interface Filled {
  /** Oldest first. */
  events: readonly MatrixEvent[];
  /** False: there are older ones, which were not fetched. */
  isAll: boolean;
}

/** Rejects as MatrixApi.run does. */
export async function fillGap(api: MatrixApi, request: GapRequest): Promise<Filled> {
  const { room, to, me, maxMessages, oldestMs, signal } = request;
  const found: MatrixEvent[] = [];
  let from = request.from;
  for (let page = 0, messages = 0; page < MAX_PAGES && messages <= maxMessages; page++) {
    const path = ['client', 'v3', 'rooms', room, 'messages'];
    const query = { dir: 'b', from, to, limit: String(PAGE), filter: HISTORY_FILTER };
    const answer = await api.run({ method: 'GET', path, query, signal }).catch((error: unknown) => {
      // We are not in the room any more, and may not read its past.
      if (isOutOfReach(error)) return { chunk: [] };
      throw error;
    });
    const { chunk, end } = pageSchema.parse(answer);
    const events = chunk.flatMap((raw) => readEvent(raw) ?? []);
    found.push(...events);
    messages += events.filter((event) => isByPeople(event, me)).length;
    if (chunk.length === 0 || end === undefined || end === from) return { events: found.toReversed(), isAll: true };
    const last = events.at(-1);
    if (last && last.origin_server_ts < oldestMs) break;
    from = end;
  }
  return { events: found.toReversed(), isAll: false };
}

/** What counts as missed when it is left out. */
export function isByPeople(event: MatrixEvent, me: string): boolean {
  if (event.sender === me) return false;
  return event.type === 'm.room.encrypted' || readMessage(event)?.isNotice === false;
}
