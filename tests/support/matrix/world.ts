// A homeserver's data: rooms whose events have a position in one stream, members, media, transactions. Room version 11.
import { randomBytes } from 'node:crypto';
import { Keys } from './keys.ts';

export type Content = Record<string, unknown>;

export interface StoredEvent {
  pos: number;
  type: string;
  event_id: string;
  sender: string;
  origin_server_ts: number;
  content: Content;
  state_key?: string;
  unsigned: Record<string, unknown>;
}

export interface NewEvent {
  type: string;
  sender: string;
  content: Content;
  state_key?: string;
  /** Default: now. */
  at?: number;
}

export interface Room {
  id: string;
  events: StoredEvent[];
  state: Map<string, StoredEvent>;
  typing: Set<string>;
  /** Users whose power is too low to write. */
  muted: Set<string>;
}

export interface Media {
  bytes: Buffer;
  type: string;
  name: string;
}

export class World {
  readonly serverName: string;
  readonly rooms = new Map<string, Room>();
  readonly displayNames = new Map<string, string>();
  readonly accountData = new Map<string, Content>();
  readonly aliases = new Map<string, string>();
  readonly media = new Map<string, Media>();
  readonly keys = new Keys<Room>(this);
  #pos = 0;
  readonly #waiting = new Set<() => void>();

  constructor(serverName: string) {
    this.serverName = serverName;
  }

  /** A place in the stream for something that is no event of a room. */
  advance(): number {
    this.#pos++;
    this.wake();
    return this.#pos;
  }

  get pos(): number {
    return this.#pos;
  }

  createRoom(creator: string, options: { name?: string; encrypted?: boolean } = {}): Room {
    const room: Room = {
      id: `!${randomBytes(9).toString('base64url')}:${this.serverName}`,
      events: [],
      state: new Map(),
      typing: new Set(),
      muted: new Set(),
    };
    this.rooms.set(room.id, room);
    this.append(room, { type: 'm.room.create', sender: creator, content: { room_version: '11' }, state_key: '' });
    this.setMember(room, creator, 'join');
    if (options.name !== undefined) this.setState(room, creator, 'm.room.name', { name: options.name });
    if (options.encrypted) this.encrypt(room, creator);
    return room;
  }

  encrypt(room: Room, by: string): void {
    this.setState(room, by, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' });
  }

  setState(room: Room, sender: string, type: string, content: Content): void {
    this.append(room, { type, sender, content, state_key: '' });
  }

  setMember(room: Room, user: string, membership: string, more: { by?: string; is_direct?: boolean } = {}): void {
    const { by = user, ...rest } = more;
    const displayname = this.displayNames.get(user);
    const content = { membership, ...(displayname !== undefined && { displayname }), ...rest };
    this.append(room, { type: 'm.room.member', sender: by, content, state_key: user });
  }

  membership(room: Room, user: string): string {
    const membership = room.state.get(`m.room.member ${user}`)?.content['membership'];
    return typeof membership === 'string' ? membership : 'leave';
  }

  joined(room: Room): readonly string[] {
    return [...room.state.values()]
      .filter((event) => event.type === 'm.room.member' && event.content['membership'] === 'join')
      .map((event) => event.state_key ?? '');
  }

  append(room: Room, { at, ...event }: NewEvent): StoredEvent {
    const key = event.state_key === undefined ? undefined : `${event.type} ${event.state_key}`;
    const before = key === undefined ? undefined : room.state.get(key);
    const stored: StoredEvent = {
      ...event,
      pos: ++this.#pos,
      event_id: `$${randomBytes(32).toString('base64url')}`,
      origin_server_ts: at ?? Date.now(),
      unsigned: before ? { prev_content: before.content } : {},
    };
    room.events.push(stored);
    if (key !== undefined) room.state.set(key, stored);
    if (event.type === 'm.room.redaction') this.#prune(room, String(event.content['redacts']), stored);
    this.wake();
    return stored;
  }

  #prune(room: Room, target: string, because: StoredEvent): void {
    const found = room.events.find((event) => event.event_id === target);
    if (!found) return;
    found.content = {};
    found.unsigned = { ...found.unsigned, redacted_because: clientEvent(because) };
  }

  storeMedia(media: Media): string {
    const id = randomBytes(12).toString('base64url');
    this.media.set(id, media);
    return `mxc://${this.serverName}/${id}`;
  }

  wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves when something has happened, or after `ms`. */
  async changed(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }

  /** Edits of a message by its own author, oldest first. */
  edits(room: Room, id: string): readonly StoredEvent[] {
    const original = room.events.find((event) => event.event_id === id);
    return room.events.filter((event) => {
      const relation = relationOf(event);
      return relation['rel_type'] === 'm.replace' && relation['event_id'] === id && event.sender === original?.sender;
    });
  }
}

export function relationOf(event: StoredEvent): Content {
  const relation = event.content['m.relates_to'];
  return typeof relation === 'object' && relation !== null ? (relation as Content) : {};
}

/** As clients get it. */
export function clientEvent(stored: StoredEvent, room?: Room): Content {
  const { pos: _pos, ...event } = stored;
  const age = Date.now() - event.origin_server_ts;
  return { ...event, unsigned: { ...event.unsigned, age }, ...(room && { room_id: room.id }) };
}
