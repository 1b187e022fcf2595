// Event streams (SSE, https://html.spec.whatwg.org/multipage/server-sent-events.html) of one local-chat account: who listens to
// which chat, what they missed, and how much may wait for a slow client. Nothing here is durable.
import type { Clock } from '../../shared/clock.ts';
import type { ChatId } from '../../shared/ids.ts';
import type { ChatDraft, ChatTyping } from './protocol.ts';

const HEARTBEAT_MS = 15_000;
/** A client that lets more than this wait is cut; it reconnects and resumes. */
const MAX_BUFFER_BYTES = 8 * 1024 * 1024;
/** Above this, drafts are skipped: the next one holds the whole text anyway. */
const DRAFT_BUFFER_BYTES = 64 * 1024;
const MAX_PER_CHAT = 10;
const MAX_STREAMS = 200;
const RING_EVENTS = 200;
const RING_BYTES = 256 * 1024;
/** Live events that may wait while a stream's opening is looked up. */
const MAX_WAITING = 1000;
const MAX_IDLE_CHATS = 100;
const DRAFT_TTL_MS = 120_000;
const MAX_DRAFTS = 4;

const encoder = new TextEncoder();

interface Subscriber {
  push(chunk: string, droppable: boolean): void;
  end(): void;
}

interface ChatStreams {
  subscribers: Set<Subscriber>;
  /** Entry events that a reconnecting client can ask for again, oldest first. */
  ring: { seq: number; chunk: string }[];
  ringBytes: number;
  /** Highest event number that the ring does not hold any more. */
  forgotten: number;
  drafts: Map<string, ChatDraft>;
  cancelDraftEnd: (() => void) | undefined;
}

/**
 * What a new stream begins with, looked up while live events already queue behind it. `resumed`: the chunks that the client missed
 * are sent before it; otherwise it has to give the latest lines. `id` marks the state of the chat that the client then has.
 */
export type Opening = (at: { resumed: boolean; id: string }) => Promise<readonly string[]>;

export class EventStreams {
  readonly #chats = new Map<ChatId, ChatStreams>();
  readonly #clock: Clock;
  /** Event ids of another run of the process mean nothing to this one. */
  readonly #run: string;
  #seq = 0;
  #open = 0;

  constructor(clock: Clock, run: string) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Whether anybody listens, or listened lately and may resume. Events of other chats need not be made. */
  follows(chat: ChatId): boolean {
    return this.#chats.has(chat);
  }

  /** Sends an `entry` to everyone who listens to the chat, and ends its drafts when `endDrafts`. */
  entry(chat: ChatId, entry: unknown, endDrafts: boolean): void {
    const streams = this.#chats.get(chat);
    if (streams === undefined) return;
    const seq = ++this.#seq;
    const chunk = eventChunk('entry', entry, `${this.#run}-${seq}`);
    streams.ring.push({ seq, chunk });
    streams.ringBytes += chunk.length;
    while (streams.ring.length > RING_EVENTS || (streams.ringBytes > RING_BYTES && streams.ring.length > 1)) {
      const oldest = streams.ring.shift();
      streams.ringBytes -= oldest?.chunk.length ?? 0;
      streams.forgotten = oldest?.seq ?? streams.forgotten;
    }
    const ended = endDrafts ? takeDrafts(streams) : '';
    for (const subscriber of streams.subscribers) subscriber.push(ended + chunk, false);
  }

  draft(chat: ChatId, draft: ChatDraft): void {
    const streams = this.#chats.get(chat);
    if (streams === undefined) return;
    // A new turn's draft takes the place of one whose turn ended without an answer.
    const stale = streams.drafts.has(draft.key) ? '' : takeDrafts(streams);
    streams.drafts.set(draft.key, draft);
    while (streams.drafts.size > MAX_DRAFTS) streams.drafts.delete(streams.drafts.keys().next().value ?? draft.key);
    this.#renewDrafts(streams);
    if (stale !== '') for (const subscriber of streams.subscribers) subscriber.push(stale, false);
    const chunk = eventChunk('draft', draft);
    for (const subscriber of streams.subscribers) subscriber.push(chunk, true);
  }

  typing(chat: ChatId, typing: ChatTyping): void {
    const streams = this.#chats.get(chat);
    if (streams === undefined) return;
    if (streams.drafts.size > 0) this.#renewDrafts(streams);
    for (const subscriber of streams.subscribers) subscriber.push(eventChunk('typing', typing), true);
  }

  /** Sends an event without id to all listeners of all chats. */
  broadcast(event: string, data: unknown): void {
    const chunk = eventChunk(event, data);
    for (const streams of this.#chats.values())
      for (const subscriber of streams.subscribers) subscriber.push(chunk, false);
  }

  /**
   * A stream of the chat's events, or 'full' when the chat or the account has too many. What was missed since `lastEventId` and
   * the result of `opening` come before anything live.
   */
  subscribe(chat: ChatId, lastEventId: string | undefined, opening: Opening): ReadableStream<Uint8Array> | 'full' {
    const streams = this.#streams(chat);
    if (streams.subscribers.size >= MAX_PER_CHAT || this.#open >= MAX_STREAMS) return 'full';
    const missed = this.#missed(streams, lastEventId);
    const at = { resumed: missed !== undefined, id: `${this.#run}-${this.#seq}` };
    let leave = (): void => {};
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          leave = this.#join(streams, controller, async () => [...(missed ?? []), ...(await opening(at))]);
        },
        cancel: () => leave(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_BUFFER_BYTES }),
    );
  }

  /** Ends all streams and forgets everything. */
  close(): void {
    for (const streams of this.#chats.values()) {
      for (const subscriber of streams.subscribers) subscriber.end();
      streams.cancelDraftEnd?.();
    }
    this.#chats.clear();
  }

  #join(
    streams: ChatStreams,
    controller: ReadableStreamDefaultController<Uint8Array>,
    opening: () => Promise<readonly string[]>,
  ) {
    let waiting: string[] | undefined = [];
    let ended = false;
    let cancelBeat = (): void => {};
    const leave = () => {
      if (ended) return;
      ended = true;
      cancelBeat();
      streams.subscribers.delete(subscriber);
      this.#open--;
    };
    const end = () => {
      if (ended) return;
      leave();
      controller.close();
    };
    const write = (chunk: string, droppable: boolean) => {
      if (ended) return;
      const free = controller.desiredSize ?? 0;
      if (droppable && MAX_BUFFER_BYTES - free > DRAFT_BUFFER_BYTES) return;
      const bytes = encoder.encode(chunk);
      if (bytes.byteLength > free) return end();
      controller.enqueue(bytes);
    };
    const beat = () => {
      write(': still here\n\n', true);
      if (!ended) cancelBeat = this.#clock.after(HEARTBEAT_MS, beat);
    };
    const subscriber: Subscriber = {
      push(chunk, droppable) {
        if (waiting === undefined) return write(chunk, droppable);
        if (!droppable) waiting.push(chunk);
        if (waiting.length > MAX_WAITING) end();
      },
      end,
    };
    streams.subscribers.add(subscriber);
    this.#open++;
    cancelBeat = this.#clock.after(HEARTBEAT_MS, beat);
    // The comment makes proxies and clients see the stream as open at once.
    write(': welcome\nretry: 1000\n\n', false);
    opening().then((first) => {
      for (const chunk of [...first, ...(waiting ?? [])]) write(chunk, false);
      waiting = undefined;
      for (const draft of streams.drafts.values()) write(eventChunk('draft', draft), true);
    }, end);
    return leave;
  }

  #missed(streams: ChatStreams, lastEventId: string | undefined): string[] | undefined {
    const [run, seq] = (lastEventId ?? '').split('-');
    const last = Number(seq);
    if (run !== this.#run || !Number.isSafeInteger(last) || last > this.#seq) return undefined;
    if (last < streams.forgotten) return undefined;
    return streams.ring.filter((event) => event.seq > last).map((event) => event.chunk);
  }

  #renewDrafts(streams: ChatStreams): void {
    streams.cancelDraftEnd?.();
    streams.cancelDraftEnd = this.#clock.after(DRAFT_TTL_MS, () => {
      const chunk = takeDrafts(streams);
      for (const subscriber of streams.subscribers) subscriber.push(chunk, false);
    });
  }

  /** The chat's streams, made if need be, as the most recently used; idle chats beyond the limit are forgotten, oldest first. */
  #streams(chat: ChatId): ChatStreams {
    const known = this.#chats.get(chat);
    const streams: ChatStreams = known ?? {
      subscribers: new Set(),
      ring: [],
      ringBytes: 0,
      forgotten: this.#seq,
      drafts: new Map(),
      cancelDraftEnd: undefined,
    };
    this.#chats.delete(chat);
    this.#chats.set(chat, streams);
    if (known === undefined) this.#forgetIdle();
    return streams;
  }

  #forgetIdle(): void {
    let idle = [...this.#chats.values()].filter((streams) => streams.subscribers.size === 0).length;
    for (const [chat, streams] of this.#chats) {
      if (idle <= MAX_IDLE_CHATS) return;
      if (streams.subscribers.size > 0) continue;
      streams.cancelDraftEnd?.();
      this.#chats.delete(chat);
      idle--;
    }
  }
}

/** One server-sent event. JSON has no raw newlines, so one data line is enough. */
export function eventChunk(event: string, data: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function takeDrafts(streams: ChatStreams): string {
  const ended = [...streams.drafts.keys()].map((key) => eventChunk('draft-end', { key })).join('');
  streams.drafts.clear();
  streams.cancelDraftEnd?.();
  streams.cancelDraftEnd = undefined;
  return ended;
}
