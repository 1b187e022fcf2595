// The gateway: WebSocket sessions with HELLO, IDENTIFY, READY, heartbeats, RESUME with replay, and closes in Discord's codes. Shapes of
// the frames: discord-api-types. https://docs.discord.com/developers/events/gateway (read 2026-11-21).
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayCloseCodes, GatewayIntentBits, GatewayOpcodes } from 'discord.js';
import { WebSocket, WebSocketServer, type RawData } from 'ws';
import { guildObject, userObject, type Json } from './objects.ts';
import type { World } from './world.ts';

interface Session {
  id: string;
  intents: number;
  /** Events from the first on. */
  log: { t: string; s: number; d: unknown }[];
  socket: WebSocket | undefined;
}

export interface GatewayOptions {
  world: World;
  token: string;
  heartbeatMs: number;
  /** Address that READY names for a resume. */
  resumeUrl(): string;
}

/** What goes wrong when a test says so. */
export interface GatewayFaults {
  /** Closes each connection with this code when it identifies or resumes, until undefined. */
  refuseWith: number | undefined;
  /** Closes each connection with this code right after READY or RESUMED, until undefined. */
  closeAfterReady: number | undefined;
  /** Heartbeats are taken and not answered. */
  isMute: boolean;
  /** No HELLO. */
  isSilent: boolean;
}

export class Gateway {
  readonly faults: GatewayFaults = {
    refuseWith: undefined,
    closeAfterReady: undefined,
    isMute: false,
    isSilent: false,
  };
  /** What clients sent, in order, without heartbeats. */
  readonly received: { op: number; d: unknown; atMs: number }[] = [];
  /** Connections that were opened, ever. */
  connections = 0;
  heartbeats = 0;
  readonly #options: GatewayOptions;
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #sessions = new Map<string, Session>();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => this.#accept(client, request));
  }

  isOnline(): boolean {
    return [...this.#sessions.values()].some((session) => session.socket?.readyState === WebSocket.OPEN);
  }

  emit(type: string, data: unknown): void {
    for (const session of this.#sessions.values()) {
      if (needsIntent(type, data) !== 0 && (session.intents & needsIntent(type, data)) === 0) continue;
      this.#push(session, type, data);
    }
  }

  /** Ends all connections; without a code the line just breaks. Sessions stay for a resume. */
  disconnect(code?: number): void {
    for (const client of this.#server.clients) {
      if (code === undefined) client.terminate();
      else client.close(code);
    }
  }

  /** Sends a frame of any form to all clients. */
  sendRaw(frame: unknown): void {
    for (const client of this.#server.clients) client.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** What cannot be resumed any more. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  close(): void {
    this.disconnect();
    this.#server.close();
  }

  #accept(client: WebSocket, request: IncomingMessage): void {
    this.connections++;
    const query = new URL(request.url ?? '/', 'http://x').searchParams;
    if (query.get('v') !== '10' || query.get('encoding') !== 'json')
      return client.close(GatewayCloseCodes.InvalidAPIVersion);
    const state: { session: Session | undefined } = { session: undefined };
    client.on('error', () => client.terminate());
    client.on('message', (data) => this.#read(client, state, data));
    client.on('close', (code) => {
      if (state.session?.socket === client) state.session.socket = undefined;
      // "your session will be invalidated"
      if (state.session && (code === 1_000 || code === 1_001)) this.#sessions.delete(state.session.id);
      this.#options.world.options.changed();
    });
    if (!this.faults.isSilent)
      send(client, GatewayOpcodes.Hello, { heartbeat_interval: this.#options.heartbeatMs, _trace: ['test'] });
    this.#options.world.options.changed();
    return undefined;
  }

  #read(client: WebSocket, state: { session: Session | undefined }, data: RawData): void {
    const frame = parseFrame(data);
    if (!frame) return client.close(GatewayCloseCodes.DecodeError);
    const { op, d } = frame;
    if (op === GatewayOpcodes.Heartbeat) {
      this.heartbeats++;
      if (!this.faults.isMute) send(client, GatewayOpcodes.HeartbeatAck, undefined);
      return this.#options.world.options.changed();
    }
    this.received.push({ op, d, atMs: Date.now() });
    const data_ = isJson(d) ? d : {};
    if (op === GatewayOpcodes.Identify) return this.#identify(client, state, data_);
    if (op === GatewayOpcodes.Resume) return this.#resume(client, state, data_);
    return client.close(state.session ? GatewayCloseCodes.UnknownOpcode : GatewayCloseCodes.NotAuthenticated);
  }

  #identify(client: WebSocket, state: { session: Session | undefined }, data: Json): void {
    if (state.session) return client.close(GatewayCloseCodes.AlreadyAuthenticated);
    if (data['token'] !== this.#options.token) return client.close(GatewayCloseCodes.AuthenticationFailed);
    if (typeof data['intents'] !== 'number' || !isJson(data['properties']))
      return client.close(GatewayCloseCodes.InvalidIntents);
    if (this.faults.refuseWith !== undefined) return client.close(this.faults.refuseWith);
    const { world, resumeUrl } = this.#options;
    const session: Session = { id: randomBytes(16).toString('hex'), intents: data['intents'], log: [], socket: client };
    this.#sessions.set(session.id, session);
    state.session = session;
    this.#push(session, 'READY', {
      v: 10,
      user: { ...userObject(world.bot), verified: true, mfa_enabled: false, email: null },
      guilds: [...world.guilds.keys()].map((id) => ({ id, unavailable: true })),
      session_id: session.id,
      resume_gateway_url: resumeUrl(),
      application: { id: world.application, flags: 1 << 19 },
      private_channels: [],
      session_type: 'normal',
      relationships: [],
      presences: [],
      guild_join_requests: [],
      geo_ordered_rtc_regions: [],
      auth: {},
      _trace: ['test'],
    });
    for (const guild of world.guilds.values())
      this.#push(session, 'GUILD_CREATE', guildObject(guild, [...world.channels.values()], world.bot));
    return this.#settle(client);
  }

  #resume(client: WebSocket, state: { session: Session | undefined }, data: Json): void {
    if (data['token'] !== this.#options.token) return client.close(GatewayCloseCodes.AuthenticationFailed);
    if (this.faults.refuseWith !== undefined) return client.close(this.faults.refuseWith);
    const session = this.#sessions.get(String(data['session_id']));
    const sequence = Number(data['seq']);
    if (!session) return send(client, GatewayOpcodes.InvalidSession, false);
    if (!(sequence <= session.log.length)) return client.close(GatewayCloseCodes.InvalidSeq);
    session.socket = client;
    state.session = session;
    for (const { t, s, d } of session.log.slice(sequence)) sendEvent(client, t, s, d);
    this.#push(session, 'RESUMED', { _trace: ['test'] });
    return this.#settle(client);
  }

  #settle(client: WebSocket): void {
    if (this.faults.closeAfterReady !== undefined) client.close(this.faults.closeAfterReady);
    this.#options.world.options.changed();
  }

  #push(session: Session, type: string, data: unknown): void {
    const s = session.log.length + 1;
    // What is told later must not change it.
    const d: unknown = structuredClone(data);
    session.log.push({ t: type, s, d });
    if (session.socket?.readyState === WebSocket.OPEN) sendEvent(session.socket, type, s, d);
  }
}

/** Intent without which the event is not told; 0: none. */
function needsIntent(type: string, data: unknown): number {
  if (!type.startsWith('MESSAGE_')) return type === 'INTERACTION_CREATE' ? 0 : GatewayIntentBits.Guilds;
  return isJson(data) && 'guild_id' in data ? GatewayIntentBits.GuildMessages : GatewayIntentBits.DirectMessages;
}

function send(client: WebSocket, op: number, d: unknown): void {
  client.send(JSON.stringify({ op, d, s: null, t: null }));
}

function sendEvent(client: WebSocket, t: string, s: number, d: unknown): void {
  client.send(JSON.stringify({ op: GatewayOpcodes.Dispatch, t, s, d }));
}

function parseFrame(data: RawData): { op: number; d: unknown } | undefined {
  try {
    const frame: unknown = JSON.parse(Buffer.isBuffer(data) ? data.toString('utf8') : '');
    return isJson(frame) && typeof frame['op'] === 'number' ? { op: frame['op'], d: frame['d'] } : undefined;
  } catch {
    return undefined;
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
