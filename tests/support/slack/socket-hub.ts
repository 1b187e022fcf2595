// Socket Mode: connections by single-use tickets, hello, envelopes with acknowledgements, disconnects of every kind.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { APP_ID } from './emulator.ts';
import { asJson, asText, parseJson, type Json } from './json.ts';

export type EnvelopeType = 'events_api' | 'slash_commands' | 'interactive';

export interface SocketHub {
  /** Address for apps.connections.open to give. */
  ticket(origin: string): string;
  attach(server: Server): void;
  /** How many connections stand. */
  count(): number;
  /** How many connections there ever were. */
  opened(): number;
  /** Sends over the newest connection. False when there is none: then it is lost. */
  send(type: EnvelopeType, payload: unknown, retry?: number): boolean;
  /** Sends a frame as it is. */
  sendRaw(frame: string): void;
  /** Ids of envelopes that were acknowledged, and those that were sent. */
  acked: ReadonlySet<string>;
  sent: readonly { id: string; type: EnvelopeType; payload: unknown }[];
  /** cut: without a word · warn: announced, closed by us a moment later. */
  drop(how: 'cut' | 'warn'): void;
  /** Answers pings no more, until called with false. */
  playDead(on: boolean): void;
  /** New connections get no hello, until called with false. */
  withholdHello(on: boolean): void;
}

export function makeSocketHub(): SocketHub {
  const tickets = new Set<string>();
  const open: WebSocket[] = [];
  const acked = new Set<string>();
  const sent: { id: string; type: EnvelopeType; payload: unknown }[] = [];
  let opened = 0;
  let isDead = false;
  let isMute = false;
  const server = new WebSocketServer({ noServer: true, autoPong: false });

  server.on('connection', (socket: WebSocket) => {
    opened++;
    open.push(socket);
    socket.on('error', () => socket.terminate());
    socket.on('close', () => void open.splice(open.indexOf(socket), open.includes(socket) ? 1 : 0));
    socket.on('ping', (data: Buffer) => {
      if (!isDead) socket.pong(data);
    });
    socket.on('message', (data) => {
      const id = asText(asJson(parseJson(Buffer.isBuffer(data) ? data.toString('utf8') : ''))['envelope_id']);
      if (id !== '') acked.add(id);
    });
    if (isMute) return;
    const hello: Json = {
      type: 'hello',
      num_connections: open.length,
      connection_info: { app_id: APP_ID },
      debug_info: { host: 'applink-1', approximate_connection_time: 18_060 },
    };
    socket.send(JSON.stringify(hello));
  });

  return {
    ticket(origin) {
      const ticket = randomUUID();
      tickets.add(ticket);
      return `${origin.replace(/^http/, 'ws')}/link/?ticket=${ticket}&app_id=${APP_ID}`;
    },
    attach(http) {
      http.on('upgrade', (request: IncomingMessage, socket, head) => {
        const ticket = new URL(request.url ?? '/', 'http://fake').searchParams.get('ticket') ?? '';
        if (!tickets.delete(ticket)) {
          socket.destroy();
          return;
        }
        server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request));
      });
    },
    count: () => open.length,
    opened: () => opened,
    send(type, payload, retry = 0) {
      const socket = open.at(-1);
      if (!socket) return false;
      const id = randomUUID();
      sent.push({ id, type, payload });
      const again = type === 'events_api' ? { retry_attempt: retry, retry_reason: retry > 0 ? 'timeout' : '' } : {};
      const accepts_response_payload = type !== 'events_api';
      socket.send(JSON.stringify({ envelope_id: id, type, accepts_response_payload, payload, ...again }));
      return true;
    },
    sendRaw(frame) {
      open.at(-1)?.send(frame);
    },
    acked,
    sent,
    drop(how) {
      for (const socket of open.slice()) {
        if (how === 'cut') socket.terminate();
        else {
          const frame = { type: 'disconnect', reason: 'warning', debug_info: { host: 'applink-1' } };
          socket.send(JSON.stringify(frame));
          setTimeout(() => socket.close(1000), 100).unref();
        }
      }
      if (how === 'cut') open.length = 0;
    },
    playDead(on) {
      isDead = on;
    },
    withholdHello(on) {
      isMute = on;
    },
  };
}
