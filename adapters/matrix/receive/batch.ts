// One room of a sync: what of it is new for us, within the limits of what is fetched after an absence.
import { chatId } from '../../../shared/ids.ts';
import type { MatrixApi } from '../api.ts';
import type { AdapterHost } from '../../contract.ts';
import { fillGap, isByPeople } from './backfill.ts';
import { readEvent, readMember, type JoinedRoom, type MatrixEvent } from './event-schema.ts';
import { STATE_TYPES } from './filter.ts';
import type { Receiver } from './receiver.ts';
import type { Rooms } from './rooms.ts';

/** Longer than this without a sync is an absence; a running connection asks every 30 s. */
const ABSENCE_MS = 90_000;

export interface Position {
  /** Token of the last sync whose events are all stored. */
  since: string;
  /** When that was, ms since the epoch. */
  at: number;
  me: string;
  now: number;
}

export interface BatchDeps {
  api: MatrixApi;
  host: AdapterHost;
  rooms: Rooms;
  receiver: Receiver;
  signal: AbortSignal;
}

/** Rejects when something could not be stored or fetched. */
export async function takeRoom(deps: BatchDeps, room: string, joined: JoinedRoom, position: Position): Promise<void> {
  const { host, rooms, receiver } = deps;
  const timeline = (joined.timeline?.events ?? []).flatMap((raw) => readEvent(raw) ?? []);
  const isLimited = joined.timeline?.limited === true;
  const state = (joined.state?.events ?? []).flatMap((raw) => readEvent(raw) ?? []);
  // Lazily loaded members leave out some changes of a limited timeline.
  if (isLimited || [...state, ...timeline].some((event) => STATE_TYPES.includes(event.type))) rooms.forget(room);
  const entry = findEntry(timeline, position.me);
  const { events, isAll } =
    entry === undefined
      ? await complete(deps, room, { joined, timeline, position })
      : { events: timeline.slice(entry), isAll: true };
  const kept = await keepWithin(deps, room, { events, isAll, position });
  for (const event of kept) {
    if (deps.signal.aborted) throw new Error('stopped');
    await receiver.take(room, event, position.me);
  }
  if (kept.length > 0) host.log.debug({ room, events: kept.length }, 'events of a room are stored');
}

/** Index of the event with which we came into the room; what was said to us from the invite on counts. */
function findEntry(timeline: readonly MatrixEvent[], me: string): number | undefined {
  const ours = timeline.map((event) =>
    event.type === 'm.room.member' && event.state_key === me ? membershipOf(event) : '',
  );
  const join = ours.indexOf('join');
  if (join < 0) return undefined;
  const invite = ours.lastIndexOf('invite', join);
  return invite < 0 ? join : invite;
}

/** 'join' only when we were not in it before: a new name of ours is such an event too. */
function membershipOf({ content, unsigned }: MatrixEvent): string {
  const membership = readMember(content)?.membership ?? '';
  return membership === 'join' && readMember(unsigned?.['prev_content'])?.membership === 'join' ? '' : membership;
}

interface Timeline {
  joined: JoinedRoom;
  timeline: readonly MatrixEvent[];
  position: Position;
}

async function complete(deps: BatchDeps, room: string, { joined, timeline, position }: Timeline) {
  const from = joined.timeline?.prev_batch;
  if (joined.timeline?.limited !== true || from === undefined) return { events: timeline, isAll: true };
  const { maxMessages, maxAgeMs } = deps.host.backfill;
  const older = await fillGap(deps.api, {
    room,
    from,
    to: position.since,
    me: position.me,
    maxMessages,
    oldestMs: position.now - maxAgeMs,
    signal: deps.signal,
  });
  const known = new Set(timeline.map((event) => event.event_id));
  const events = [...older.events.filter((event) => !known.has(event.event_id)), ...timeline];
  const entry = findEntry(events, position.me);
  return entry === undefined ? { events, isAll: older.isAll } : { events: events.slice(entry), isAll: true };
}

interface Missed {
  events: readonly MatrixEvent[];
  isAll: boolean;
  position: Position;
}

/** Of an absence only what is young enough, and of a flood the latest; people are told of the rest. */
async function keepWithin(deps: BatchDeps, room: string, missed: Missed): Promise<readonly MatrixEvent[]> {
  const { events, isAll, position } = missed;
  const { maxMessages, maxAgeMs } = deps.host.backfill;
  const isAbsence = position.now - position.at > ABSENCE_MS;
  const oldest = isAbsence ? position.now - maxAgeMs : Number.NEGATIVE_INFINITY;
  const said = events.filter((event) => isByPeople(event, position.me));
  const fresh = said.filter((event) => event.origin_server_ts >= oldest);
  const kept = new Set(fresh.slice(Math.max(0, fresh.length - maxMessages)));
  const leftOut = new Set(said.filter((event) => !kept.has(event)));
  if (leftOut.size > 0 || !isAll) {
    const until = [...kept][0]?.origin_server_ts ?? said.at(-1)?.origin_server_ts ?? position.now;
    const { kind } = await deps.rooms.find(room, deps.signal);
    await deps.host.gap({
      since: position.at,
      until: Math.max(position.at, Math.min(until, position.now)),
      chat: { id: chatId(room), kind },
      ...(isAll && { missed: leftOut.size }),
      reason: 'limit',
    });
  }
  return events.filter((event) => !leftOut.has(event));
}
