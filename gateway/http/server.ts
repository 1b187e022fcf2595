// The gateway's HTTP server: one application behind a loopback TCP port and a unix socket. It knows paths and limits, never what
// a platform does; platforms bring fetch-style handlers.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import type { HttpHandler } from '../../adapters/contract.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { appErrorAnswer, errorAnswer, jsonAnswer } from './answers.ts';
import { announcesTooMuch, drainBody, limitBody, tooLargeMessage } from './body-limit.ts';
import { addSecurityHeaders, checkHost, checkOrigin, hasBearer } from './guard.ts';
import { listenSocket, listenTcp, makeCloser } from './listen.ts';

const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_CONNECTIONS = 512;
const OWN_PATHS: ReadonlySet<string> = new Set(['health', 'status', 'control']);

export interface HttpServerOptions {
  /** 0 = any free port. */
  port: number;
  /** Address to listen on. Default 127.0.0.1; anything else is reachable from outside. */
  host?: string | undefined;
  /** Path of the unix socket; without it there is no control handler and no terminal chat. */
  socketPath?: string | undefined;
  /** Names without port that may stand in the `Host` header, besides loopback ones. */
  allowedHosts?: readonly string[] | undefined;
  /** Largest request body. Default 32 MiB. */
  maxBodyBytes?: number | undefined;
  version: string;
  clock: Clock;
  log: Logger;
  /** While false, what is not served yet is "not yet" (503), never "nothing there". Default: always true. */
  isReady?: (() => boolean) | undefined;
  /** Body of GET /status. */
  statusReport(): Promise<unknown>;
  /** Bearer token that opens GET /status over TCP; without it, only the socket does. */
  statusToken?: string | undefined;
  /** Serves /control/… on the unix socket only; paths arrive without that prefix. */
  control?: HttpHandler | undefined;
}

export interface MountOptions {
  root?: boolean | undefined;
  at?: string | undefined;
}

export interface HttpServer {
  /** Such as http://127.0.0.1:4780, without a closing slash. */
  url: string;
  port: number;
  /**
   * Serves `handler` under /<platform>/<account>/… and, with `root`, every path that nothing else serves, with `at`, every path
   * under that first segment. A second mount at the same place replaces the first. The result takes it away again.
   */
  mount(platform: string, account: string, handler: HttpHandler, options?: MountOptions): () => void;
  /** Ends event streams at once, lets other requests finish for 1.5 s, then cuts them. Idempotent. */
  close(): Promise<void>;
}

interface Bindings {
  outgoing: ServerResponse;
  local: boolean;
  remote: string;
}
type Ctx = Context<{ Bindings: Bindings }>;

/** Rejects with AppError: `port_in_use`, `config_invalid`, `db_locked`, `home_unwritable`. */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const mounts = new Map<string, HttpHandler>();
  const roots: HttpHandler[] = [];
  const segments = new Map<string, HttpHandler>();
  const streams = new Set<ServerResponse>();
  const app = makeApp(options, { mounts, roots, segments, streams });
  const tcp = makeServer(app, false);
  const local = makeServer(app, true);
  const closeServers = [tcp, local].map(makeCloser);
  const host = options.host ?? '127.0.0.1';
  const port = await listenTcp(tcp, host, options.port);
  let removeSocket = async (): Promise<void> => {};
  if (options.socketPath !== undefined) {
    try {
      removeSocket = await listenSocket(local, options.socketPath);
    } catch (error) {
      await Promise.all(closeServers.map((close) => close()));
      throw error;
    }
  }
  let closing: Promise<void> | undefined;
  const close = async () => {
    await removeSocket();
    for (const stream of streams) stream.end();
    await Promise.all(closeServers.map((close) => close()));
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    mount(platform, account, handler, { root = false, at } = {}) {
      if (OWN_PATHS.has(platform))
        throw new AppError('internal', `A platform cannot be called ${platform}: the path is taken.`);
      const key = `${platform}/${account}`;
      mounts.set(key, handler);
      if (root) roots.push(handler);
      if (at !== undefined) segments.set(at, handler);
      return () => {
        if (mounts.get(key) === handler) mounts.delete(key);
        if (at !== undefined && segments.get(at) === handler) segments.delete(at);
        const index = roots.indexOf(handler);
        if (index !== -1) roots.splice(index, 1);
      };
    },
    close: () => (closing ??= close()),
  };
}

interface Routes {
  mounts: ReadonlyMap<string, HttpHandler>;
  /** The last one mounted serves. */
  roots: readonly HttpHandler[];
  /** By the first segment of the path. */
  segments: ReadonlyMap<string, HttpHandler>;
  streams: Set<ServerResponse>;
}

function makeApp(options: HttpServerOptions, routes: Routes): Hono<{ Bindings: Bindings }> {
  const startedAt = options.clock.now();
  const app = new Hono<{ Bindings: Bindings }>();
  app.use(async (c, next) => {
    const refusal = c.env.local ? undefined : refuse(c.req.raw, options.allowedHosts ?? []);
    if (refusal !== undefined) {
      options.log.warn({ remote: c.env.remote, status: refusal.status }, 'request refused');
      c.res = refusal;
    } else await next();
    addSecurityHeaders(c.res.headers);
  });
  const isReady = options.isReady ?? (() => true);
  app.get('/health', () => {
    const uptime = Math.round((options.clock.now() - startedAt) / 1000);
    const ok = isReady();
    return jsonAnswer(ok ? 200 : 503, { ok, version: options.version, uptime });
  });
  app.get('/status', async (c) => {
    if (c.env.local || hasBearer(c.req.raw.headers, options.statusToken))
      return jsonAnswer(200, await options.statusReport());
    return errorAnswer(
      401,
      'unauthorized',
      'The status is shown to the owner only: herald status, or send the bearer token.',
    );
  });
  app.all('/control/*', (c) => {
    const control = c.env.local ? options.control : undefined;
    return control === undefined ? notFound() : handOver(c, control, pathAfter(c, '/control'), options);
  });
  app.all('*', async (c) => {
    const answer = isReady() ? await dispatch(c, options, routes) : starting();
    if (answer.headers.get('content-type')?.startsWith('text/event-stream') === true) {
      const { outgoing } = c.env;
      routes.streams.add(outgoing);
      outgoing.once('close', () => routes.streams.delete(outgoing));
    }
    return answer;
  });
  app.onError((error) => {
    const known = asAppError(error);
    if (known.code === 'internal') options.log.error({ error: describeError(error) }, 'request failed');
    return appErrorAnswer(known);
  });
  return app;
}

function refuse(request: Request, allowedHosts: readonly string[]): Response | undefined {
  const host = checkHost(request.headers.get('host') ?? undefined, allowedHosts);
  if (!host.allowed) return errorAnswer(421, host.code, host.message);
  const origin = checkOrigin(request.method, request.headers);
  return origin.allowed ? undefined : errorAnswer(403, origin.code, origin.message);
}

/** A client that kept a message for us must not take it back because the platform's routes are not mounted yet. */
function starting(): Response {
  const answer = errorAnswer(503, 'starting', 'Herald is starting. Try again in a moment.');
  answer.headers.set('retry-after', '1');
  return answer;
}

async function dispatch(c: Ctx, options: HttpServerOptions, routes: Routes): Promise<Response> {
  const { pathname, search } = new URL(c.req.raw.url);
  const match = /^\/([^/]+)\/([^/]+)(\/.*)?$/.exec(pathname);
  const mounted = match === null ? undefined : routes.mounts.get(`${decode(match[1])}/${decode(match[2])}`);
  if (mounted !== undefined && match !== null) {
    if (match[3] !== undefined) return handOver(c, mounted, match[3], options);
    // Relative links of a page resolve only below the slash.
    return new Response(null, { status: 308, headers: { location: `${pathname}/${search}` } });
  }
  const segment = routes.segments.get(decode(pathname.split('/')[1]));
  if (segment !== undefined) return handOver(c, segment, pathname, options);
  const root = routes.roots.at(-1);
  return root === undefined ? notFound() : handOver(c, root, pathname, options);
}

/** Gives the request to a handler that sees `path` alone, with the body limited. */
async function handOver(c: Ctx, handler: HttpHandler, path: string, options: HttpServerOptions): Promise<Response> {
  const raw = c.req.raw;
  const maxBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const tooLarge = () => errorAnswer(413, 'too_large', tooLargeMessage(maxBytes));
  if (announcesTooMuch(raw.headers, maxBytes)) return tooLarge();
  const limited = limitBody(raw.method === 'GET' || raw.method === 'HEAD' ? null : raw.body, maxBytes);
  const url = new URL(raw.url);
  url.pathname = path;
  // Behind a proxy that ends TLS the browser speaks https, which cookies must know. Only for names that the owner configured.
  const isConfigured = options.allowedHosts?.some((own) => own.toLowerCase() === url.hostname) === true;
  if (isConfigured && raw.headers.get('x-forwarded-proto') === 'https') url.protocol = 'https:';
  const request = new Request(url, {
    method: raw.method,
    headers: [...raw.headers],
    body: limited.body,
    signal: raw.signal,
    duplex: 'half',
  });
  const { local, remote } = c.env;
  try {
    const answer = await handler(request, { local, remote });
    await drainBody(request);
    // Handlers may hand out shared answers with immutable headers.
    return limited.exceeded() ? tooLarge() : new Response(answer.body, answer);
  } catch (error) {
    await drainBody(request);
    if (limited.exceeded()) return tooLarge();
    throw error;
  }
}

function makeServer(app: Hono<{ Bindings: Bindings }>, local: boolean): Server {
  const listener = getRequestListener(
    (request, env) => {
      if (!('req' in env.outgoing)) return errorAnswer(505, 'bad_input', 'Only HTTP/1.1 is served.');
      const { outgoing } = env;
      return app.fetch(request, { outgoing, local, remote: outgoing.socket?.remoteAddress ?? '' });
    },
    {
      // The global Request and Response stay Node's own: other parts of the process use them.
      overrideGlobalObjects: false,
      hostname: 'localhost',
      errorHandler: () => errorAnswer(400, 'bad_input', 'The request cannot be understood.'),
    },
  );
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function pathAfter(c: Ctx, prefix: string): string {
  return new URL(c.req.raw.url).pathname.slice(prefix.length);
}

function notFound(): Response {
  return errorAnswer(404, 'not_found', 'There is nothing at this address.');
}

function decode(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? '');
  } catch {
    return '';
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : 'not an Error';
}
