// A Matrix homeserver on loopback: the Client-Server API of https://spec.matrix.org/v1.16/client-server-api/ as far as a bot uses it, with
// long polls, limited timelines, transactions of devices, relations, redactions, invites and media. Faults apply to one request each.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { makePerson, type Person } from './people.ts';
import { answer, Refusal, type Login } from './routes.ts';
import { World, type Room } from './world.ts';

export interface Fault {
  method?: string;
  /** Of the path behind /_matrix/. */
  route: RegExp;
  /** Only of requests whose query has this. */
  query?: RegExp;
  status?: number;
  body?: unknown;
  /** Takes the request, then drops the connection: before or after doing what it asks. */
  drop?: 'before' | 'after';
  /** Does it, and answers only then. */
  hold?: Promise<void>;
  /** How many requests. Default 1. */
  times?: number;
}

export interface Homeserver {
  url: string;
  botId: string;
  token: string;
  password: string;
  world: World;
  /** Of all requests, `GET client/v3/sync` style, oldest first. */
  requests: string[];
  person(name: string): Person;
  room(name: string, members: readonly { id: string }[]): Room;
  /** The token of another device of the bot. */
  logIn(device: string): string;
  fail(fault: Fault): void;
  /** The token is not known any more, until called with false. */
  revoke(on: boolean): void;
  disconnect(): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function startHomeserver(): Promise<Homeserver> {
  const world = new World('hs.test');
  const botId = '@herald:hs.test';
  const token = `syt_${randomBytes(24).toString('base64url')}`;
  const password = 'e2e-password-of-the-bot';
  world.displayNames.set(botId, 'Herald');
  const state = { isRevoked: false, isGone: false };
  const logins = new Map<string, Login>();
  const addLogin = (key: string, device: string) =>
    logins.set(key, { user: botId, device, transactions: new Map(), isGone: () => state.isGone });
  addLogin(token, 'HERALD');
  const faults: Fault[] = [];
  const requests: string[] = [];

  const server = http.createServer((request, response) => void handle(request, response));

  async function handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    const path = url.pathname.split('/').slice(2).map(decodeURIComponent);
    const method = request.method ?? '';
    requests.push(`${method} ${path.join('/')}`);
    const body = await readAll(request);
    const fault = takeFault(faults, { method, path: path.join('/'), query: String([...url.searchParams]) });
    if (fault?.drop === 'before') return void request.socket.destroy();
    const tell = (status: number, value: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof value === 'string' ? value : JSON.stringify(value));
    };
    if (fault?.status !== undefined) return tell(fault.status, fault.body ?? {});
    if (path.join('/') === 'client/v3/login') return logIn(JSON.parse(body.toString('utf8')), tell);
    const login = logins.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (!login || state.isRevoked)
      return tell(401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Unrecognised access token', soft_logout: false });
    try {
      const type = request.headers['content-type'] ?? '';
      const result = await answer(world, { method, path, query: url.searchParams, body, type, login });
      if (fault?.drop === 'after') return void request.socket.destroy();
      await fault?.hold;
      if (!Buffer.isBuffer(result['file'])) return tell(200, result);
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.end(result['file']);
    } catch (error) {
      if (error instanceof Refusal) return tell(error.status, { errcode: error.errcode, error: error.message });
      tell(500, { errcode: 'M_UNKNOWN', error: String(error) });
    }
  }

  function logIn(wanted: unknown, tell: (status: number, value: unknown) => void): void {
    const { identifier, password: given } = wanted as { identifier?: { user?: string }; password?: string };
    const isUser = identifier?.user === 'herald' || identifier?.user === botId;
    if (!isUser || given !== password)
      return tell(403, { errcode: 'M_FORBIDDEN', error: 'Invalid username or password' });
    const fresh = `syt_${randomBytes(24).toString('base64url')}`;
    addLogin(fresh, 'FRESH');
    tell(200, { user_id: botId, access_token: fresh, device_id: 'FRESH' });
  }

  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  await listen(0);
  const { port } = server.address() as AddressInfo;

  async function goAway(): Promise<void> {
    state.isGone = true;
    const closed = new Promise((resolve) => server.close(resolve));
    world.wake();
    server.closeAllConnections();
    await closed;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    botId,
    token,
    password,
    world,
    requests,
    person: (name) => makePerson(world, botId, name),
    room(name, members) {
      const [first] = members;
      const room = world.createRoom(first?.id ?? botId, { name });
      for (const { id } of members.slice(1)) world.setMember(room, id, 'join');
      world.setMember(room, botId, 'invite', { by: first?.id ?? botId });
      world.setMember(room, botId, 'join');
      return room;
    },
    logIn(device) {
      const fresh = `syt_${randomBytes(24).toString('base64url')}`;
      addLogin(fresh, device);
      return fresh;
    },
    fail: (fault) => faults.push({ ...fault }),
    revoke(on) {
      state.isRevoked = on;
      if (on) server.closeAllConnections();
    },
    disconnect: () => server.closeAllConnections(),
    goAway,
    async comeBack() {
      state.isGone = false;
      await listen(port);
    },
    close: async () => (server.listening ? goAway() : undefined),
  };
}

function takeFault(faults: Fault[], asked: { method: string; path: string; query: string }): Fault | undefined {
  const fault = faults.find(
    (one) =>
      (one.method ?? asked.method) === asked.method &&
      one.route.test(asked.path) &&
      (one.query?.test(asked.query) ?? true),
  );
  if (!fault) return undefined;
  fault.times = (fault.times ?? 1) - 1;
  if (fault.times <= 0) faults.splice(faults.indexOf(fault), 1);
  return fault;
}

async function readAll(request: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
