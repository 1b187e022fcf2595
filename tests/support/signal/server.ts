// A signal-cli-rest-api server on loopback that keeps the real protocol: REST with its words and quirks, the WebSocket of json-rpc mode,
// which pushes to who listens and forgets, and the polls of the other modes, which take messages from Signal's queue.
import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import { FaultPlan, type Fault } from './faults.ts';
import { makeGroup, makePerson, makePhone } from './people.ts';
import { Recording } from './recording.ts';
import { answer, type RestAnswer, type RestRequest } from './routes.ts';
import type { SignalServer, SignalServerOptions } from './types.ts';
import { makeWorld, type World } from './world.ts';

const WAIT_MS = 10_000;
/** "ws.SetReadLimit(512)" of the real server. */
const MAX_CLIENT_FRAME_BYTES = 512;

interface Parts {
  world: World;
  options: Required<Pick<SignalServerOptions, 'secondMs' | 'hasRawLink'>> & SignalServerOptions;
  faults: FaultPlan;
  recording: Recording;
  requests: { method: string; path: string; body: unknown }[];
  sockets: Map<WebSocket, unknown[]>;
}

/** Listens on 127.0.0.1 at a free port. */
export async function startSignalServer(given: SignalServerOptions = {}): Promise<SignalServer> {
  const options = { ...given, secondMs: given.secondMs ?? 5, hasRawLink: given.hasRawLink ?? true };
  const watchers = new Set<() => void>();
  const changed = () => watchers.forEach((watcher) => watcher());
  const sockets: Parts['sockets'] = new Map();
  const world = makeWorld({
    mode: options.mode ?? 'json-rpc',
    number: options.number ?? '+49302399999',
    isLinked: options.isLinked ?? true,
    deliver: (to, frame) => deliver(to, sockets, frame),
    changed,
  });
  const parts: Parts = {
    world,
    options,
    faults: new FaultPlan(),
    recording: new Recording(options.recordTo),
    requests: [],
    sockets,
  };
  const server = createServer((request, response) => void handle(parts, request, response));
  serveSockets(parts, server);
  const port = await listen(server, 0);
  const hangUp = () => {
    for (const socket of sockets.keys()) socket.terminate();
    sockets.clear();
    server.closeAllConnections();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    number: world.number,
    uuid: world.uuid,
    phone: makePhone(world),
    person: (name) => makePerson(world, name),
    group: (name) => makeGroup(world, name),
    messages: (chat) => world.sent.filter((message) => message.chat === chat),
    isTyping: (chat) => world.typing.has(chat),
    inject(frame) {
      world.injected.add(frame);
      world.deliver(frame);
    },
    requests: parts.requests,
    sockets: () => sockets.size,
    queued: () => world.queue.length,
    lost: () => world.lost,
    link: (number = world.number) => void world.accounts.push(number),
    ...makeWaiting(world, watchers),
    fail: (fault) => parts.faults.add(fault),
    disconnect: hangUp,
    goAway: () => shut(server, hangUp),
    comeBack: async () => void (await listen(server, port)),
    close: () => shut(server, hangUp),
  };
}

function deliver(world: World, sockets: Parts['sockets'], frame: unknown): void {
  if (world.mode !== 'json-rpc') world.queue.push(frame);
  else if (sockets.size === 0) world.lost++;
  for (const [socket, pushed] of sockets) {
    pushed.push(frame);
    socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }
  world.changed();
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function shut(server: Server, hangUp: () => void): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    hangUp();
  });
}

function isLetIn({ options }: Parts, request: IncomingMessage): boolean {
  return options.authorization === undefined || request.headers.authorization === options.authorization;
}

function serveSockets(parts: Parts, server: Server): void {
  const { world, options, sockets, recording } = parts;
  const acceptor = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_CLIENT_FRAME_BYTES,
    autoPong: options.answersPings ?? true,
  });
  server.on('upgrade', (request: IncomingMessage, stream, head) => {
    const [path = ''] = (request.url ?? '').split('?');
    const fault = parts.faults.take('UPGRADE', path);
    const status = isLetIn(parts, request) ? fault?.status : 401;
    const isWelcome = world.mode === 'json-rpc' && path === `/v1/receive/${encodeURIComponent(world.number)}`;
    if (status !== undefined || fault?.drop || !isWelcome) {
      stream.end(fault?.drop ? '' : `HTTP/1.1 ${status ?? 400} Refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    acceptor.handleUpgrade(request, stream, head, (socket) => {
      const pushed: unknown[] = [];
      sockets.set(socket, pushed);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        const body = pushed.filter((frame) => !world.injected.has(frame)).slice(0, 20);
        recording.write({ method: 'GET', path, query: '', contentType: '', body: {} }, { status: 101, body });
        world.changed();
      });
      world.changed();
    });
  });
}

async function handle(parts: Parts, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const [path = '/', query = ''] = (incoming.url ?? '/').split(/\?(.*)/s);
  const raw = await readBody(incoming);
  if (raw === undefined) return;
  const request: RestRequest = {
    method: incoming.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    body: parseJson(raw),
  };
  parts.requests.push({ method: request.method, path, body: request.body });
  parts.world.changed();
  const recorded = {
    method: request.method,
    path,
    query,
    contentType: incoming.headers['content-type'] ?? '',
    body: request.body ?? {},
  };
  if (!isLetIn(parts, incoming)) return respond(outgoing, { status: 401, body: { error: 'Unauthorized' } });
  const fault = parts.faults.take(request.method, path);
  if (fault?.drop === 'before') {
    parts.recording.write(recorded, undefined);
    return void incoming.socket.destroy();
  }
  const result = fault?.status === undefined ? await act(parts, request) : faultAnswer(fault);
  await fault?.hold;
  const isReal =
    !fault && !(Array.isArray(result.body) && result.body.some((frame) => parts.world.injected.has(frame)));
  parts.recording.write(recorded, isReal ? { status: result.status, body: result.body } : undefined);
  if (fault?.drop === 'after') return void incoming.socket.destroy();
  respond(outgoing, result);
}

function faultAnswer({ status = 500, body, headers }: Fault): RestAnswer {
  return { status, body: body ?? { error: 'something went wrong' }, ...(headers && { headers }) };
}

async function act(parts: Parts, request: RestRequest): Promise<RestAnswer> {
  if (request.method === 'GET' && request.path.startsWith('/v1/receive/')) return poll(parts, request);
  return answer(parts.world, request, parts.options) ?? { status: 404, body: '404 page not found' };
}

/** Takes what Signal has, or waits for it as long as the request says. */
async function poll({ world, options }: Parts, { query }: RestRequest): Promise<RestAnswer> {
  if (world.mode === 'json-rpc')
    return { status: 400, body: { error: 'websocket: the client is not using the websocket protocol' } };
  const until = Date.now() + Number(query.get('timeout') ?? '1') * options.secondMs;
  while (world.queue.length === 0 && Date.now() < until) await wait(1);
  const most = Number(query.get('max_messages') ?? '0') || Infinity;
  const body = world.queue.splice(0, most);
  world.changed();
  return { status: 200, body };
}

function respond(outgoing: ServerResponse, { status, body, headers, bytes }: RestAnswer): void {
  if (outgoing.destroyed) return;
  const content = bytes ?? (body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
  outgoing.writeHead(status, { ...(!bytes && { 'content-type': 'application/json' }), ...headers });
  outgoing.end(content);
}

/** Undefined: the client broke off. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    const body: AsyncIterable<Buffer> = incoming;
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function makeWaiting(world: World, watchers: Set<() => void>): Pick<SignalServer, 'until' | 'waitForText'> {
  const until: SignalServer['until'] = (what, check, timeoutMs = WAIT_MS) =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const look = () => {
        const result = check();
        if (result === undefined || result === false) return;
        end();
        resolve(result);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`waited ${timeoutMs} ms in vain for ${what}`));
      }, timeoutMs);
      watchers.add(look);
      look();
    });
  return {
    until,
    waitForText: (chat, part, timeoutMs) =>
      until(
        `a message with "${part}"`,
        () => world.sent.find((message) => message.chat === chat && message.text.includes(part)),
        timeoutMs,
      ),
  };
}
