// The WebSocket side: nothing comes before the authentication challenge, then hello and numbered events.
import type { Server } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { newId, type WorldEvent } from './world.ts';

interface Connection {
  socket: WebSocket;
  userId: string | undefined;
  seq: number;
}

export class SocketHub {
  readonly #connections = new Set<Connection>();
  readonly #server = new WebSocketServer({ noServer: true });
  /** When true, pings and all else stay unanswered, and nothing is sent. */
  isMute = false;

  /** `userOf` gives the user of a token. */
  constructor(userOf: (token: string) => string | undefined) {
    this.#server.on('connection', (socket) => {
      const connection: Connection = { socket, userId: undefined, seq: 0 };
      this.#connections.add(connection);
      socket.on('close', () => this.#connections.delete(connection));
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer) => this.#take(connection, data.toString('utf8'), userOf));
    });
  }

  attach(http: Server): void {
    http.on('upgrade', (request, socket, head) => {
      if (request.url !== '/api/v4/websocket') {
        socket.destroy();
        return;
      }
      this.#server.handleUpgrade(request, socket, head, (client) => this.#server.emit('connection', client, request));
    });
  }

  /** Connections that are logged in. */
  count(): number {
    return [...this.#connections].filter(({ userId }) => userId !== undefined).length;
  }

  tell({ event, data, channel, except }: WorldEvent): void {
    for (const connection of this.#connections) {
      const { userId } = connection;
      if (userId === undefined || userId === except || !channel.members.has(userId)) continue;
      const broadcast = { omit_users: null, user_id: '', channel_id: channel.id, team_id: '', connection_id: '' };
      this.#send(connection, { event, data, broadcast });
    }
  }

  /** Leaves out one number, as when an event was lost. */
  skip(): void {
    for (const connection of this.#connections) connection.seq++;
  }

  sendRaw(text: string): void {
    for (const { socket } of this.#connections) socket.send(text);
  }

  /** An event without regard to channels. */
  sendEvent(event: string, data: unknown): void {
    for (const connection of this.#connections) this.#send(connection, { event, data, broadcast: {} });
  }

  dropAll(): void {
    for (const { socket } of this.#connections) socket.terminate();
  }

  #take(connection: Connection, text: string, userOf: (token: string) => string | undefined): void {
    if (this.isMute) return;
    const message = JSON.parse(text) as { seq: number; action: string; data?: { token?: string } };
    const reply = (more: object) => connection.socket.send(JSON.stringify({ ...more, seq_reply: message.seq }));
    if (message.action === 'authentication_challenge') {
      connection.userId = userOf(message.data?.token ?? '');
      if (connection.userId === undefined) {
        reply({ status: 'FAIL', error: { id: 'api.web_socket_router.bad_token', message: 'bad token' } });
        connection.socket.close();
        return;
      }
      const data = { server_version: '10.5.0.1', connection_id: newId() };
      this.#send(connection, { event: 'hello', data, broadcast: { user_id: connection.userId } });
      reply({ status: 'OK' });
    } else if (message.action === 'ping') reply({ status: 'OK', data: { text: 'pong', version: '10.5.0' } });
  }

  #send(connection: Connection, event: object): void {
    if (!this.isMute) connection.socket.send(JSON.stringify({ ...event, seq: connection.seq++ }));
  }
}
