// The proxy that stands for slack.com: Web API, uploads, downloads, Socket Mode; with faults, and a record of what was asked.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Faults, type FaultRule } from './faults.ts';
import { readArguments, type Json } from './json.ts';
import { answerMethod, isKnown, type World } from './methods.ts';
import { checkArguments } from './rules.ts';
import type { SocketHub } from './socket-hub.ts';

export interface RecordedCall {
  method: string;
  args: Json;
  token: string;
}

export interface SlackServer {
  /** Such as http://127.0.0.1:4711, without a closing slash. */
  origin: string;
  calls: RecordedCall[];
  /** Requests that Slack would call wrong. */
  violations: string[];
  faults: Faults;
  /** Nothing listens any more. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export interface ServerOptions {
  /** Known only once the server listens. */
  world: () => World;
  hub: SocketHub;
}

export async function startServer({ world, hub }: ServerOptions): Promise<SlackServer> {
  const calls: RecordedCall[] = [];
  const violations: string[] = [];
  const faults = new Faults();
  let server = makeServer();
  let port = await listen(server, 0);

  function makeServer() {
    const made = createServer((request, response) => {
      serve(request, response).catch(() => request.socket.destroy());
    });
    hub.attach(made);
    return made;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '/', 'http://fake');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const method = /^\/api\/([\w.]+)$/.exec(url.pathname)?.[1];
    const args =
      method === undefined ? {} : readArguments(body.toString('utf8'), request.headers['content-type'] ?? '');
    const rule = faults.take(method ?? (url.pathname.startsWith('/upload/') ? 'upload' : 'download'), args);
    if (rule?.drop === 'before') return void request.socket.destroy();
    if (method !== undefined) {
      calls.push({ method, args, token });
      const problem = checkArguments(method, args);
      if (problem !== undefined) violations.push(problem);
    }
    if (rule && rule.drop === undefined) return answerFault(response, rule);
    const answered = await (method === undefined ? passOn(request, url, body) : answer(method, args, token));
    if (rule?.drop === 'after') return void request.socket.destroy();
    response.writeHead(answered.status, answered.headers).end(answered.body);
  }

  async function answer(method: string, args: Json, token: string) {
    const current = world();
    const result = await answerMethod(current, method, args, token);
    if (result['error'] === 'invalid_text_of_the_fake') violations.push(`${method} has markup in its text`);
    // The workspace behind names its own address in what it says of files.
    const text = JSON.stringify(result).replaceAll(
      /http:\/\/(?:localhost|127\.0\.0\.1):\d+(?=\/(?:upload|files-pri))/g,
      origin(),
    );
    const scopes = token === current.emulator.botToken ? { 'x-oauth-scopes': current.scopes.join(',') } : {};
    return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8', ...scopes }, body: text };
  }

  async function passOn(request: IncomingMessage, url: URL, body: Buffer) {
    const { authorization, 'content-type': type } = request.headers;
    // Who may not read a file is led to the page for logging in.
    if (url.pathname.startsWith('/files-pri/') && !isKnown(world(), authorization?.slice(7) ?? ''))
      return {
        status: 302,
        headers: { location: `${origin()}/signin`, 'content-type': 'text/html' },
        body: Buffer.of(),
      };
    const passed = await fetch(`${world().emulator.url}${url.pathname}${url.search}`, {
      method: request.method ?? 'GET',
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(type !== undefined && { 'content-type': type }),
      },
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    });
    const headers = { 'content-type': passed.headers.get('content-type') ?? 'text/plain' };
    return { status: passed.status, headers, body: Buffer.from(await passed.arrayBuffer()) };
  }

  const origin = () => `http://127.0.0.1:${port}`;

  async function stop(): Promise<void> {
    hub.drop('cut');
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  return {
    get origin() {
      return origin();
    },
    calls,
    violations,
    faults,
    goAway: stop,
    async comeBack() {
      server = makeServer();
      port = await listen(server, port);
    },
    async close() {
      if (server.listening) await stop();
    },
  };
}

function answerFault(response: ServerResponse, rule: FaultRule): void {
  if (rule.raw !== undefined) {
    response.writeHead(200, { 'content-type': 'text/html' }).end(rule.raw);
    return;
  }
  const headers = rule.retryAfter === undefined ? {} : { 'retry-after': String(rule.retryAfter) };
  const error = rule.error ?? (rule.retryAfter === undefined ? undefined : 'ratelimited');
  const status = rule.status ?? (rule.retryAfter === undefined ? 200 : 429);
  const isJson = error !== undefined;
  response
    .writeHead(status, { ...headers, 'content-type': isJson ? 'application/json' : 'text/plain' })
    .end(isJson ? JSON.stringify({ ok: false, error, ...rule.more }) : 'Something went wrong.');
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}
