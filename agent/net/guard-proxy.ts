// The only way out of the browser: an HTTP proxy on loopback that resolves every name itself, checks it, and connects to what it checked.
// Redirects, sockets, workers and whatever else a page does pass here, which interception of requests in the browser would not see.
import { randomBytes } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isSameSecret } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import { fixedLookup } from './guarded-fetch.ts';
import { portOf, type UrlGuard } from './guard.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 120_000;
const MAX_CONNECTIONS = 256;
/** Headers between two neighbours: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const HOP_HEADERS: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

export interface GuardProxy {
  port: number;
  /** Whoever does not know these is refused: other users of this machine share loopback. */
  username: string;
  password: string;
  /** Why `host` was refused last, undefined when it was not. */
  refusal(host: string): string | undefined;
  /** Ends all connections. Idempotent. */
  close(): Promise<void>;
}

export async function openGuardProxy(guard: UrlGuard): Promise<GuardProxy> {
  const username = 'herald';
  const password = randomBytes(24).toString('hex');
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const refusals = new Map<string, string>();
  const sockets = new Set<Duplex>();

  function isAllowedIn(request: IncomingMessage): boolean {
    return isSameSecret(request.headers['proxy-authorization'] ?? '', expected);
  }

  function refuse(host: string, error: unknown): string {
    const reason = error instanceof AppError ? error.publicMessage : `${host} could not be reached.`;
    if (refusals.size >= 50) refusals.clear();
    refusals.set(host, reason);
    return reason;
  }

  async function openSocket(host: string, port: number): Promise<Socket> {
    const addresses = await guard.resolveHost(host, port);
    refusals.delete(host);
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, lookup: fixedLookup(addresses), timeout: CONNECT_TIMEOUT_MS });
      socket.once('connect', () => {
        socket.removeAllListeners();
        resolve(socket);
      });
      socket.once('timeout', () => socket.destroy(new Error('timeout')));
      socket.once('error', reject);
    });
  }

  /** Plain http: the request comes with its whole address. */
  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let url: URL;
    try {
      url = guard.checkUrl(request.url ?? '');
    } catch (error) {
      return sayNo(response, refuse(hostOf(request.url ?? ''), error));
    }
    try {
      const socket = await openSocket(url.hostname.replace(/^\[|\]$/g, ''), portOf(url));
      const onward = httpRequest({
        createConnection: () => socket,
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers: { ...onwardHeaders(request), host: url.host, connection: 'close' },
        setHost: false,
      });
      onward.setTimeout(IDLE_TIMEOUT_MS, () => onward.destroy());
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, onwardHeaders(answer));
        answer.on('error', () => response.destroy());
        answer.pipe(response);
      });
      onward.on('error', () => (response.headersSent ? response.destroy() : sayNo(response, 'No answer.', 502)));
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    } catch (error) {
      sayNo(response, refuse(url.hostname, error));
    }
  }

  /** https and web sockets: a tunnel to a checked address. */
  async function tunnel(target: string, client: Duplex, head: Buffer): Promise<void> {
    const url = URL.canParse(`http://${target}`) ? new URL(`http://${target}`) : undefined;
    const port = Number(/:(\d+)$/.exec(target)?.[1] ?? 0);
    if (!url || port === 0) return void client.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    try {
      const socket = await openSocket(url.hostname.replace(/^\[|\]$/g, ''), port);
      socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
      socket.on('error', () => client.destroy());
      socket.on('close', () => client.destroy());
      client.on('close', () => socket.destroy());
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) socket.write(head);
      socket.pipe(client);
      client.pipe(socket);
    } catch (error) {
      refuse(url.hostname, error);
      client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    }
  }

  const server = createServer((request, response) => {
    if (isAllowedIn(request)) void forward(request, response);
    else {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="herald"', 'content-length': '0' });
      response.end();
    }
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => client.destroy());
    if (isAllowedIn(request)) return void tunnel(request.url ?? '', client, head);
    client.write(
      'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="herald"\r\n' +
        'content-length: 0\r\nconnection: close\r\n\r\n',
    );
    client.end();
  });
  // Sockets of web pages come as tunnels; a plain upgrade is nobody's.
  server.on('upgrade', (_request, socket: Duplex) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  return {
    port: portOfServer(server.address()),
    username,
    password,
    refusal: (host) => refusals.get(host),
    async close() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function onwardHeaders(message: IncomingMessage): Record<string, string | string[]> {
  const named = (message.headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined && !HOP_HEADERS.includes(name) && !named.includes(name)) headers[name] = value;
  }
  return headers;
}

function sayNo(response: ServerResponse, reason: string, status = 403): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`Herald did not open this: ${reason}\n`);
}

function hostOf(text: string): string {
  return URL.canParse(text) ? new URL(text).hostname : text.slice(0, 100);
}

function portOfServer(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
