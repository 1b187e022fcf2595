// One connection to the gateway: HELLO, IDENTIFY or RESUME, heartbeats, events, to its end.
// https://docs.discord.com/developers/events/gateway (read 2026-11-21). It is spoken here and not through discord.js's Client because that
// takes every payload apart in its socket's callback, where a form that it does not know ends the whole process, and makes a lost
// connection again at once, for ever, without saying why it was lost.
import { GatewayDispatchEvents, GatewayIntentBits, GatewayOpcodes } from 'discord.js';
import { WebSocket, type RawData } from 'ws';
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { parseJson } from '../../transport/bodies.ts';

/** MessageContent is privileged: it must be switched on in the developer portal. */
export const INTENTS =
  GatewayIntentBits.Guilds |
  GatewayIntentBits.GuildMessages |
  GatewayIntentBits.DirectMessages |
  GatewayIntentBits.MessageContent;

const HANDSHAKE_TIMEOUT_MS = 15_000;
const HELLO_TIMEOUT_MS = 20_000;
/** From IDENTIFY or RESUME to READY or RESUMED. */
const READY_TIMEOUT_MS = 30_000;
/** A large server with all its members is a few megabytes. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** How long we wait for the other side's end of a connection that we close. */
const CLOSE_TIMEOUT_MS = 1_000;
/** Any code but 1000 and 1001 keeps the session for a resume. */
const RESUMABLE_CLOSE = 4_900;

export interface Session {
  id: string;
  /** Of the last event that we got. */
  sequence: number;
  resumeUrl: string;
}

/** How a connection ended. */
export interface ConnectionEnd {
  /** As the other side gave it; undefined when it gave none. */
  code: number | undefined;
  /** What can be resumed. */
  session: Session | undefined;
  /** For the log; no secret. */
  reason: string;
  /** Time of READY or RESUMED; undefined: it did not come to that. */
  readyAtMs: number | undefined;
}

export interface ConnectionHandlers {
  /** A new session; `data` is the READY event's. Answers the address for a resume; undefined: it cannot be read. */
  ready(data: unknown): string | undefined;
  resumed(): void;
  dispatch(type: string, data: unknown): void;
  /** A heartbeat was answered. */
  beat(): void;
}

export interface ConnectionOptions {
  /** Address without query. */
  url: string;
  token: string;
  session: Session | undefined;
  clock: Clock;
  random: () => number;
  /** Ends the connection and, with it, the session. */
  signal: AbortSignal;
}

const frameSchema = z.looseObject({
  op: z.number().int(),
  d: z.unknown().optional(),
  s: z.number().int().nullish(),
  t: z.string().nullish(),
});
type Frame = z.output<typeof frameSchema>;

const helloSchema = z.looseObject({ heartbeat_interval: z.number().min(10).max(600_000) });
const sessionIdSchema = z.looseObject({ session_id: z.string().min(1) });

/** Resolves when the connection has ended. Never rejects. */
export function runConnection(options: ConnectionOptions, handlers: ConnectionHandlers): Promise<ConnectionEnd> {
  return new Promise((resolve) => new Connection(options, handlers, resolve).open());
}

class Connection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #resolve: (end: ConnectionEnd) => void;
  #socket: WebSocket | undefined;
  #session: Session | undefined;
  #readyAtMs: number | undefined;
  #isAnswered = true;
  #isOver = false;
  #problem = '';
  /** Waits for HELLO, then READY. */
  #cancelDeadline = () => {};
  #cancelBeat = () => {};

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers, resolve: (end: ConnectionEnd) => void) {
    this.#options = options;
    this.#handlers = handlers;
    this.#resolve = resolve;
    this.#session = options.session;
  }

  open(): void {
    const { url, signal } = this.#options;
    if (signal.aborted) return this.#end(undefined, 'stopped');
    signal.addEventListener('abort', this.#stop, { once: true });
    try {
      this.#socket = new WebSocket(`${url}/?v=10&encoding=json`, {
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        maxPayload: MAX_FRAME_BYTES,
        perMessageDeflate: false,
      });
    } catch {
      return this.#end(undefined, 'the address of the gateway cannot be used');
    }
    this.#socket.on('message', (data) => this.#read(data));
    this.#socket.on('error', (error) => (this.#problem = error.message));
    this.#socket.on('close', (code) => this.#end(code, this.#problem || `closed with code ${code}`));
    this.#expect('HELLO', HELLO_TIMEOUT_MS);
    return undefined;
  }

  #read(data: RawData): void {
    if (this.#isOver) return;
    const frame = parseFrame(data);
    if (frame) this.#take(frame);
  }

  #take(frame: Frame): void {
    switch (frame.op) {
      case GatewayOpcodes.Hello:
        return this.#greet(frame.d);
      case GatewayOpcodes.Heartbeat:
        return this.#beat();
      case GatewayOpcodes.HeartbeatAck:
        this.#isAnswered = true;
        if (this.#readyAtMs !== undefined) this.#handlers.beat();
        return undefined;
      case GatewayOpcodes.Reconnect:
        return this.#drop('Discord asked for a new connection');
      case GatewayOpcodes.InvalidSession:
        // True: "the session may be resumable".
        if (frame.d !== true) this.#session = undefined;
        return this.#drop('the session is not valid any more');
      case GatewayOpcodes.Dispatch:
        return this.#dispatch(frame);
      default:
        return undefined;
    }
  }

  #greet(data: unknown): void {
    const hello = helloSchema.safeParse(data);
    if (!hello.success) return this.#drop('a greeting that cannot be read');
    const { heartbeat_interval: everyMs } = hello.data;
    const { clock, random, token } = this.#options;
    const beatAfter = (ms: number) => {
      this.#cancelBeat = clock.after(ms, () => {
        // "If a client does not receive a heartbeat ACK between its attempts …": the connection is dead and nobody says so.
        if (!this.#isAnswered) return this.#drop('a heartbeat was not answered');
        this.#beat();
        this.#isAnswered = false;
        beatAfter(everyMs);
        return undefined;
      });
    };
    beatAfter(everyMs * random());
    const session = this.#session;
    if (session) this.#send(GatewayOpcodes.Resume, { token, session_id: session.id, seq: session.sequence });
    else {
      const properties = { os: process.platform, browser: 'herald', device: 'herald' };
      this.#send(GatewayOpcodes.Identify, { token, intents: INTENTS, properties });
    }
    return this.#expect('READY', READY_TIMEOUT_MS);
  }

  #dispatch({ t: type, s: sequence, d: data }: Frame): void {
    if (type === GatewayDispatchEvents.Ready) {
      const resumeUrl = this.#handlers.ready(data);
      const id = sessionIdSchema.safeParse(data);
      if (resumeUrl === undefined || !id.success) return this.#drop('a session that cannot be read');
      this.#session = { id: id.data.session_id, sequence: sequence ?? 0, resumeUrl };
      return this.#arrive();
    }
    if (this.#session && typeof sequence === 'number' && sequence > this.#session.sequence)
      this.#session = { ...this.#session, sequence };
    if (type === GatewayDispatchEvents.Resumed) {
      this.#arrive();
      return this.#handlers.resumed();
    }
    if (type) this.#handlers.dispatch(type, data);
    return undefined;
  }

  #arrive(): void {
    this.#cancelDeadline();
    this.#readyAtMs = this.#options.clock.now();
  }

  #beat(): void {
    this.#send(GatewayOpcodes.Heartbeat, this.#session?.sequence ?? null);
  }

  #send(op: GatewayOpcodes, d: unknown): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ op, d }));
  }

  #expect(what: string, withinMs: number): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#options.clock.after(withinMs, () => this.#drop(`${what} did not come in time`));
  }

  /** Ends the connection from our side; what is left of the session can be resumed. */
  #drop(reason: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.close(RESUMABLE_CLOSE);
    this.#end(undefined, reason);
  }

  readonly #stop = (): void => {
    this.#session = undefined;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.close(1_000);
    this.#end(undefined, 'stopped');
  };

  #end(code: number | undefined, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelDeadline();
    this.#cancelBeat();
    this.#options.signal.removeEventListener('abort', this.#stop);
    const end = { code, session: this.#session, reason, readyAtMs: this.#readyAtMs };
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return this.#resolve(end);
    // What comes now is nothing any more, but the socket must be gone before the next one is opened.
    const timer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#resolve(end);
    });
    if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
    return undefined;
  }
}

function parseFrame(data: RawData): Frame | undefined {
  return Buffer.isBuffer(data) ? frameSchema.safeParse(parseJson(data.toString('utf8'))).data : undefined;
}
