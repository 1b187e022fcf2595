// Latest messages, for what later ones say about them: whose message is answered or edited, and what it said.
import type { MatrixApi } from '../api.ts';
import { isOutOfReach } from '../errors.ts';
import { readEvent, type MatrixEvent } from './event-schema.ts';
import { readMessage } from './inbound.ts';

export interface KnownMessage {
  sender: string;
  text: string;
  thread: string | undefined;
}

export interface KnownMessages {
  keep(room: string, id: string, message: KnownMessage): void;
  /** Without asking anybody. */
  peek(room: string, id: string): KnownMessage | undefined;
  /** Undefined: there is no such message in this room, or it was redacted. Rejects when the homeserver cannot be asked. */
  find(room: string, id: string, signal: AbortSignal): Promise<KnownMessage | undefined>;
}

type OpenEvent = (room: string, event: MatrixEvent) => Promise<MatrixEvent | undefined>;

const MAX_KEPT = 2_000;
/** Enough for what is quoted. */
const MAX_TEXT_CHARS = 4_000;

/** `open` gives what a sealed event holds, and every other as it is. */
export function makeKnownMessages(api: MatrixApi, open: OpenEvent): KnownMessages {
  const known = new Map<string, KnownMessage>();

  function keep(room: string, id: string, message: KnownMessage): void {
    const key = `${room} ${id}`;
    known.delete(key);
    known.set(key, { ...message, text: message.text.slice(0, MAX_TEXT_CHARS) });
    const [oldest] = known.keys();
    if (known.size > MAX_KEPT && oldest !== undefined) known.delete(oldest);
  }

  async function fetchOne(room: string, id: string, signal: AbortSignal): Promise<KnownMessage | undefined> {
    try {
      const raw = await api.run({ method: 'GET', path: ['client', 'v3', 'rooms', room, 'event', id], signal });
      const event = readEvent(raw);
      return event && (await toKnown(event, (one) => open(room, one)));
    } catch (error) {
      if (isOutOfReach(error)) return undefined;
      throw error;
    }
  }

  return {
    keep,
    peek: (room, id) => known.get(`${room} ${id}`),
    async find(room, id, signal) {
      const kept = known.get(`${room} ${id}`);
      if (kept) return kept;
      const found = await fetchOne(room, id, signal);
      if (found) keep(room, id, found);
      return found;
    },
  };
}

type Opener = (event: MatrixEvent) => Promise<MatrixEvent | undefined>;

async function toKnown(event: MatrixEvent, open: Opener): Promise<KnownMessage | undefined> {
  const opened = await open(event);
  const message = opened && readMessage(opened);
  if (!message) return undefined;
  return { sender: event.sender, text: (await latestText(event, open)) ?? message.text, thread: message.thread };
}

/** Servers add the latest edit to a message that is asked for (#server-side-aggregation-of-mreplace-relationships). */
async function latestText({ sender, unsigned }: MatrixEvent, open: Opener): Promise<string | undefined> {
  const relations = unsigned?.['m.relations'];
  if (typeof relations !== 'object' || relations === null || !('m.replace' in relations)) return undefined;
  const edit = readEvent(relations['m.replace']);
  const opened = edit?.sender === sender ? await open(edit) : undefined;
  return opened && readMessage(opened)?.text;
}
