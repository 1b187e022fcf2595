// Home Assistant on a loopback port: its WebSocket and as much of its REST API as is used, with faults.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { Session, type Command, type Fault } from './session.ts';
import { World, type User } from './world.ts';

export interface HomeServer {
  url: string;
  world: World;
  /** The user of `token`, an administrator. */
  herald: User;
  token: string;
  /** Commands that were taken, oldest first. */
  commands: readonly Command[];
  wrongLogins(): number;
  /** What the connections listen to. */
  subscriptions(): readonly string[];
  connections(): number;
  /** Lets the next matching command go wrong. Gives a function that takes the fault back. */
  fail(match: (command: Command) => boolean, fault: Fault): () => void;
  /** Sends text as it is to all connections. */
  sendRaw(text: string): void;
  disconnect(): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export interface HomeServerOptions {
  admin?: boolean;
  /** Refuses upgrades, as a proxy that knows no WebSockets. */
  withoutWebSocket?: boolean;
}

export async function startHomeServer(options: HomeServerOptions = {}): Promise<HomeServer> {
  const world = new World();
  const herald = world.addUser('Herald', { admin: options.admin ?? true });
  const token = world.addToken(herald);
  const commands: Command[] = [];
  const faults: { match: (command: Command) => boolean; fault: Fault }[] = [];
  const sessions = new Set<Session>();
  let wrongLogins = 0;
  let http: Server;
  let sockets: WebSocketServer;

  async function listen(port: number): Promise<number> {
    http = createServer((request, response) => answer(world, request, response));
    sockets = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      if (options.withoutWebSocket || request.url !== '/api/websocket') return void socket.destroy();
      sockets.handleUpgrade(request, socket, head, (client) => {
        const session = new Session(client, {
          world,
          onCommand: (command) => commands.push(command),
          onWrongLogin: () => wrongLogins++,
          takeFault(command) {
            const at = faults.findIndex(({ match }) => match(command));
            return at < 0 ? undefined : faults.splice(at, 1)[0]?.fault;
          },
        });
        sessions.add(session);
        client.on('close', () => sessions.delete(session));
        client.on('error', () => undefined);
      });
    });
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    const address = http.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  const disconnect = () => {
    for (const session of sessions) session.terminate();
  };
  async function goAway(): Promise<void> {
    if (!http.listening) return;
    disconnect();
    http.closeAllConnections();
    http.close();
    await once(http, 'close');
    sockets.close();
  }

  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}`,
    world,
    herald,
    token,
    commands,
    wrongLogins: () => wrongLogins,
    subscriptions: () => [...sessions].flatMap((session) => session.subscriptions()),
    connections: () => sessions.size,
    fail(match, fault) {
      const entry = { match, fault };
      faults.push(entry);
      return () => {
        const at = faults.indexOf(entry);
        if (at >= 0) faults.splice(at, 1);
      };
    },
    sendRaw(text) {
      for (const session of sessions) session.sendRaw(text);
    },
    disconnect,
    goAway,
    async comeBack() {
      await listen(port);
    },
    close: goAway,
  };
}

function answer(world: World, request: IncomingMessage, response: ServerResponse): void {
  const send = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if (!request.url?.startsWith('/api/')) return send(404, { message: 'Not found' });
  if (!world.tokens.has(token)) {
    response.writeHead(401, { 'content-type': 'text/plain' }).end('401: Unauthorized');
    return;
  }
  switch (request.url) {
    case '/api/':
      return send(200, { message: 'API running.' });
    case '/api/config':
      return send(200, { location_name: world.locationName, version: '2026.11.1', state: world.runState });
    case '/api/services':
      return send(
        200,
        Object.entries(world.describeServices()).map(([domain, services]) => ({ domain, services })),
      );
    default:
      return send(404, { message: 'Not found' });
  }
}
