// The HTTP server over real sockets: what is mounted where, who is refused, what a body may weigh, and how it ends.
import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHttpServer, type HttpServer, type HttpServerOptions } from '../../../gateway/http/server.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const clock = makeFakeClock();
let folder: string;
let socketPath: string;
const open: HttpServer[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'herald-http-'));
  socketPath = path.join(folder, 'g.sock');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
  await rm(folder, { recursive: true, force: true });
});

async function serve(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await openHttpServer({
    port: 0,
    socketPath,
    version: '1.2.3',
    clock,
    log: silentLog,
    statusReport: async () => ({ turns: 2 }),
    ...options,
  });
  open.push(server);
  return server;
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** A request with exactly these headers; fetch would not let us choose Host and Origin. */
function send(
  where: { port: number } | { socketPath: string },
  target: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = init;
    const sent = request({ ...where, host: '127.0.0.1', path: target, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('paths', () => {
  it('answers health with version and uptime in seconds', async () => {
    const server = await serve();
    await clock.advance(61_000);
    const answer = await send(server, '/health');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ ok: true, version: '1.2.3', uptime: 61 });
  });

  it('gives handlers the path without their prefix, with query, body and where it came from', async () => {
    const server = await serve();
    server.mount('web', 'my account', async (got, meta) =>
      Response.json({
        url: new URL(got.url).pathname + new URL(got.url).search,
        method: got.method,
        body: await got.text(),
        ...meta,
      }),
    );
    const tcp = await send(server, '/web/my%20account/a/b?c=d', { method: 'POST', body: 'hello' });
    expect(JSON.parse(tcp.text)).toEqual({
      url: '/a/b?c=d',
      method: 'POST',
      body: 'hello',
      local: false,
      remote: '127.0.0.1',
    });
    const local = await send({ socketPath }, '/web/my%20account/');
    expect(JSON.parse(local.text)).toMatchObject({ url: '/', method: 'GET', local: true });
  });

  it('gives the root handler what nobody else serves, and an account without slash a redirect to it', async () => {
    const server = await serve();
    server.mount('web', 'default', async (got) => new Response(`web ${new URL(got.url).pathname}`), { root: true });
    server.mount('other', 'default', async () => new Response('other'));
    expect((await send(server, '/style.css')).text).toBe('web /style.css');
    expect((await send(server, '/nobody/default/x')).text).toBe('web /nobody/default/x');
    expect((await send(server, '/other/default/x')).text).toBe('other');
    expect((await send(server, '/other/default?a=b')).headers.location).toBe('/other/default/?a=b');
    expect(JSON.parse((await send(server, '/health')).text)).toMatchObject({ ok: true });
  });

  it('answers 404 as JSON after a mount is taken away', async () => {
    const server = await serve();
    const unmount = server.mount('web', 'default', async () => new Response('here'), { root: true });
    expect((await send(server, '/web/default/')).text).toBe('here');
    unmount();
    for (const target of ['/', '/web/default/', '/%zz/x/y']) {
      const answer = await send(server, target);
      expect(answer.status).toBe(404);
      expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'not_found' } });
    }
  });

  it('does not let a platform take a path of its own', async () => {
    const server = await serve();
    expect(() => server.mount('control', 'default', async () => new Response(''))).toThrow(AppError);
  });

  it('turns a thrown AppError into its status and tells nothing of other errors', async () => {
    const server = await serve();
    server.mount('web', 'default', async (got) => {
      if (got.url.endsWith('/known')) throw new AppError('not_allowed', 'Ask the owner.');
      throw new Error('password=hunter2');
    });
    const known = await send(server, '/web/default/known');
    expect([known.status, JSON.parse(known.text)]).toEqual([
      403,
      { error: { code: 'not_allowed', message: 'Ask the owner.' } },
    ]);
    const unknown = await send(server, '/web/default/unknown');
    expect(unknown.status).toBe(500);
    expect(unknown.text).not.toContain('hunter2');
    expect(JSON.parse(unknown.text)).toMatchObject({ error: { code: 'internal' } });
  });
});

describe('who is refused', () => {
  it('serves status over the socket and with the token, to nobody else', async () => {
    const server = await serve({ statusToken: 'a-long-token' });
    expect(JSON.parse((await send({ socketPath }, '/status')).text)).toEqual({ turns: 2 });
    const bearer = (token: string) => send(server, '/status', { headers: { authorization: `Bearer ${token}` } });
    expect((await bearer('a-long-token')).status).toBe(200);
    for (const refused of [
      await send(server, '/status'),
      await bearer('a-long-tokem'),
      await bearer('a-long-token2'),
    ]) {
      expect(refused.status).toBe(401);
      expect(refused.text).not.toContain('turns');
    }
  });

  it('serves no status over TCP without a token', async () => {
    const server = await serve();
    expect((await send(server, '/status', { headers: { authorization: 'Bearer ' } })).status).toBe(401);
    expect((await send(server, '/status', { headers: { authorization: 'Bearer undefined' } })).status).toBe(401);
  });

  it('serves control over the socket only', async () => {
    const server = await serve({
      control: async (got, meta) => Response.json({ path: new URL(got.url).pathname, ...meta }),
    });
    server.mount('web', 'default', async () => new Response('root'), { root: true });
    expect(JSON.parse((await send({ socketPath }, '/control/stop')).text)).toMatchObject({
      path: '/stop',
      local: true,
    });
    expect((await send(server, '/control/stop')).status).toBe(404);
    expect((await send(server, '/control/stop', { method: 'POST' })).status).toBe(404);
  });

  it.each([
    ['127.0.0.1:80', 200],
    ['localhost', 200],
    ['LOCALHOST:1234', 200],
    ['[::1]:99', 200],
    ['home.example.org', 200],
    ['evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['localhost.evil.example:7420', 421],
    ['home.example.org.evil', 421],
    ['127.0.0.1:80@evil.example', 421],
  ])('Host %s gives %i', async (host, status) => {
    const server = await serve({ allowedHosts: ['Home.example.org'] });
    const answer = await send(server, '/health', { headers: { host } });
    // Names that no URL can hold never reach the check.
    expect(status === 421 ? [421, 400] : [status]).toContain(answer.status);
    if (status === 421) expect(answer.text).not.toContain('uptime');
  });

  it.each<[Record<string, string>, number]>([
    [{}, 200],
    [{ origin: 'http://127.0.0.1:7000', host: '127.0.0.1:7000' }, 200],
    [{ origin: 'http://localhost', host: 'localhost:80' }, 200],
    [{ origin: 'https://home.example.org', host: 'home.example.org' }, 200],
    [{ origin: 'http://127.0.0.1:7001', host: '127.0.0.1:7000' }, 403],
    [{ origin: 'http://evil.example', host: '127.0.0.1:7000' }, 403],
    [{ origin: 'null', host: '127.0.0.1:7000' }, 403],
    [{ origin: 'file://127.0.0.1:7000', host: '127.0.0.1:7000' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ origin: 'http://127.0.0.1:7000', host: '127.0.0.1:7000', 'sec-fetch-site': 'cross-site' }, 403],
  ])('a POST with %j gives %i', async (headers, status) => {
    const server = await serve({ allowedHosts: ['home.example.org'] });
    let calls = 0;
    server.mount('web', 'default', async () => {
      calls++;
      return new Response('done');
    });
    expect((await send(server, '/web/default/x', { method: 'POST', headers })).status).toBe(status);
    expect(calls).toBe(status === 200 ? 1 : 0);
  });

  it('sends the security headers with everything, refusals and errors included, and no CORS header', async () => {
    const server = await serve();
    server.mount('web', 'default', async () =>
      Response.json({}, { headers: { 'content-security-policy': 'sandbox' } }),
    );
    const answers = [
      await send(server, '/health', { headers: { origin: 'http://evil.example' } }),
      await send(server, '/nothing'),
      await send(server, '/health', { headers: { host: 'evil.example' } }),
      await send(server, '/web/default/'),
    ];
    for (const { headers } of answers) {
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
    const policy = String(answers[0]?.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(answers[3]?.headers['content-security-policy']).toBe('sandbox');
  });
});

describe('bodies', () => {
  it('refuses an announced body over the limit before the handler runs', async () => {
    const server = await serve({ maxBodyBytes: 1000 });
    let calls = 0;
    server.mount('web', 'default', async () => {
      calls++;
      return new Response('done');
    });
    const answer = await send(server, '/web/default/x', { method: 'POST', body: Buffer.alloc(1001) });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'too_large' } });
    expect(calls).toBe(0);
    expect((await send(server, '/web/default/x', { method: 'POST', body: Buffer.alloc(1000) })).status).toBe(200);
  });

  it('refuses a body of unknown length once it passes the limit, whether the handler reads it or not', async () => {
    const server = await serve({ maxBodyBytes: 1000 });
    const lengths: number[] = [];
    server.mount('web', 'reads', async (got) => {
      lengths.push((await got.arrayBuffer()).byteLength);
      return new Response('done');
    });
    server.mount('web', 'ignores', async () => new Response('done'));
    const chunked = { method: 'POST', headers: { 'transfer-encoding': 'chunked' } };
    expect((await send(server, '/web/reads/x', { ...chunked, body: Buffer.alloc(3000) })).status).toBe(413);
    expect((await send(server, '/web/ignores/x', { ...chunked, body: Buffer.alloc(3000) })).status).toBe(413);
    expect((await send(server, '/web/reads/x', { ...chunked, body: Buffer.alloc(900) })).status).toBe(200);
    expect(lengths).toEqual([900]);
  });

  it('answers what is not HTTP with 400 and goes on', async () => {
    const server = await serve();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: server.port }, () => socket.write('nonsense\r\n\r\n'));
      let text = '';
      socket.on('data', (data) => (text += data.toString()));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toContain('400');
    expect((await send(server, '/health')).status).toBe(200);
  });
});

describe('opening and closing', () => {
  it('says "not yet" until it is ready, so that no client takes a message back', async () => {
    let ready = false;
    const server = await serve({ isReady: () => ready });
    const early = await fetch(`${server.url}/web/default/messages`, { method: 'POST' });
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetch(`${server.url}/health`)).status).toBe(503);
    ready = true;
    expect((await fetch(`${server.url}/web/default/messages`, { method: 'POST' })).status).toBe(404);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  it('says what to do when the port is taken', async () => {
    const server = await serve();
    const second = openHttpServer({
      port: server.port,
      version: '1',
      clock,
      log: silentLog,
      statusReport: async () => ({}),
    });
    await expect(second).rejects.toMatchObject({ code: 'port_in_use' });
    await expect(second).rejects.toThrow(/herald config set gateway\.port/);
  });

  it('makes the socket for its owner alone', async () => {
    await serve();
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  });

  it('takes the place of a socket that a killed gateway left, and not that of one that lives', async () => {
    // A server whose file stays behind, as after SIGKILL: closing removes the name that it was opened with.
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(path.join(folder, 'dead'), resolve));
    await rename(path.join(folder, 'dead'), socketPath);
    await new Promise((resolve) => dead.close(resolve));
    expect((await stat(socketPath)).isSocket()).toBe(true);
    const server = await serve();
    expect((await send({ socketPath }, '/health')).status).toBe(200);
    await expect(serve()).rejects.toMatchObject({ code: 'db_locked' });
    expect((await send({ socketPath }, '/health')).status).toBe(200);
    await server.close();
    await expect(stat(socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses a socket path that the system cannot hold, and gives the port back', async () => {
    const long = path.join(folder, 'x'.repeat(120), 'g.sock');
    await expect(serve({ socketPath: long })).rejects.toMatchObject({ code: 'config_invalid' });
  });

  it('closes at once although event streams and idle connections are open', async () => {
    const server = await serve();
    let cancelled = false;
    server.mount('web', 'default', async () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode(': hello\n\n')),
        cancel: () => void (cancelled = true),
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    });
    const stream = await fetch(`${server.url}/web/default/events`);
    const reader = stream.body?.getReader();
    await reader?.read();
    const idle = connect({ host: '127.0.0.1', port: server.port });
    await new Promise((resolve) => idle.once('connect', resolve));
    const startedAt = performance.now();
    await server.close();
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect((await reader?.read())?.done).toBe(true);
    expect(cancelled).toBe(true);
    idle.destroy();
  });

  it('lets a request that runs finish', async () => {
    const server = await serve();
    const arrived = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    server.mount('web', 'default', async () => {
      arrived.resolve();
      await release.promise;
      return new Response('finished');
    });
    const answer = send(server, '/web/default/slow');
    await arrived.promise;
    const closed = server.close();
    release.resolve();
    expect((await answer).text).toBe('finished');
    await closed;
    await expect(send(server, '/health')).rejects.toThrow();
  });
});
