// GET /sync and GET /messages: tokens are positions in the stream; `s12` and `t12` both stand behind event 12.
import { clientEvent, type Content, type Room, type StoredEvent, type World } from './world.ts';

export function positionOf(token: string): number | undefined {
  const match = /^[st](\d+)$/.exec(token);
  return match ? Number(match[1]) : undefined;
}

interface EventFilter {
  types?: readonly string[];
  not_types?: readonly string[];
  limit?: number;
}

interface Filter {
  room?: { timeline?: EventFilter; state?: EventFilter };
}

function passes(filter: EventFilter | undefined, { type }: StoredEvent): boolean {
  if (filter?.not_types?.includes('*') || filter?.not_types?.includes(type)) return false;
  return filter?.types === undefined || filter.types.includes(type);
}

/** What there is for the user behind `since`; `isEmpty`: nothing, so that a poll waits. */
export function answerSync(
  world: World,
  user: string,
  { since, filter, device }: { since: number | undefined; filter: Filter; device: string },
): { body: Content; isEmpty: boolean } {
  const join: Content = {};
  const invite: Content = {};
  for (const room of world.rooms.values()) {
    const membership = world.membership(room, user);
    if (membership === 'join') {
      const answer = answerRoom(room, user, { since, filter });
      if (answer) join[room.id] = answer;
    } else if (membership === 'invite') {
      const member = room.state.get(`m.room.member ${user}`);
      if (member && member.pos > (since ?? 0)) invite[room.id] = { invite_state: { events: strip(room) } };
    }
  }
  const news = world.keys.newsFor({ user, device }, since);
  const isEmpty = Object.keys(join).length + Object.keys(invite).length === 0 && news.isEmpty;
  return { body: { next_batch: `s${world.pos}`, rooms: { join, invite, leave: {} }, ...news.body }, isEmpty };
}

/** Stripped state, as invites carry it. */
function strip(room: Room): readonly Content[] {
  return [...room.state.values()].map(({ type, state_key, sender, content }) => ({ type, state_key, sender, content }));
}

function answerRoom(
  room: Room,
  user: string,
  { since, filter }: { since: number | undefined; filter: Filter },
): Content | undefined {
  const joinedAt = room.events.findLast(
    (event) => event.type === 'm.room.member' && event.state_key === user && !wasJoined(event),
  );
  const isNew = since === undefined || (joinedAt?.pos ?? 0) > since;
  const from = isNew ? 0 : since;
  const news = room.events.filter((event) => event.pos > from && passes(filter.room?.timeline, event));
  const limit = filter.room?.timeline?.limit ?? 10;
  const timeline = news.slice(-limit);
  const start = timeline[0]?.pos ?? Number.POSITIVE_INFINITY;
  const state = [...room.state.values()].filter(
    (event) => event.pos > from && event.pos < start && passes(filter.room?.state, event),
  );
  if (timeline.length + state.length === 0) return undefined;
  return {
    state: { events: state.map((event) => clientEvent(event)) },
    timeline: {
      events: timeline.map((event) => clientEvent(event)),
      limited: news.length > timeline.length,
      prev_batch: `t${(timeline[0]?.pos ?? from + 1) - 1}`,
    },
    ephemeral: { events: [] },
    account_data: { events: [] },
    summary: {},
    unread_notifications: {},
  };
}

function wasJoined(event: StoredEvent): boolean {
  const before = event.unsigned['prev_content'];
  return typeof before === 'object' && before !== null && 'membership' in before && before.membership === 'join';
}

export interface PageRequest {
  from: number;
  to: number;
  limit: number;
  filter: EventFilter;
}

/** One page backwards. */
export function answerMessages(room: Room, { from, to, limit, filter }: PageRequest): Content {
  const all = room.events.filter((event) => event.pos <= from && event.pos > to && passes(filter, event)).toReversed();
  const chunk = all.slice(0, limit);
  const last = chunk.at(-1);
  return {
    chunk: chunk.map((event) => clientEvent(event, room)),
    start: `t${from}`,
    ...(last && all.length > chunk.length && { end: `t${last.pos - 1}` }),
  };
}
