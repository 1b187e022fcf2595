// What the message path asks of fetch, the same of the built-in one and of ours, from a real server.
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { codesOf, mayHaveReached } from '../../../adapters/transport/failures.ts';
import { leanFetch } from '../../../gateway/http/lean-fetch.ts';

const WORDS = 'Grüße an alle 🙂 ';
const connections = new Set<net.Socket>();
let server: http.Server;
let base = '';

beforeAll(async () => {
  server = http.createServer((request, response) => void answer(request, response));
  server.on('connection', (socket) => connections.add(socket));
  base = await listen(server);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function listen(one: net.Server): Promise<string> {
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  const { port }: AddressInfo | { port: number } = Object.assign({ port: 0 }, one.address());
  return `http://127.0.0.1:${port}`;
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(Buffer.from(piece));
  const body = Buffer.concat(pieces).toString();
  const { method, headers } = request;
  switch (request.url) {
    case '/echo':
      response.setHeader('set-cookie', ['a=1', 'b=2']);
      response.end(JSON.stringify({ method, headers, body }));
      return;
    case '/empty':
      response.writeHead(204).end();
      return;
    case '/wrong':
      response.writeHead(429, 'Slow Down', { 'retry-after': '7' }).end('{"ok":false}');
      return;
    case '/pieces':
      for (let at = 0; at < 5; at++) {
        response.write(`${WORDS}${at}\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
      return;
    case '/large':
      response.end(Buffer.alloc(3_000_000, 'x'));
      return;
    case '/packed':
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync(WORDS.repeat(1000)));
      return;
    case '/packed-wrong':
      response.setHeader('content-encoding', 'gzip');
      response.end('this is no gzip');
      return;
    case '/elsewhere':
      response.writeHead(307, { location: '/echo' }).end('gone');
      return;
    case '/cut':
      response.writeHead(200, { 'content-length': '1000' });
      response.write('the beginning');
      setImmediate(() => request.socket.destroy());
      return;
    case '/dropped':
      request.socket.destroy();
      return;
    case '/begun':
      response.write('the beginning');
      return;
    default:
      return;
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it worked'),
    (error: unknown) => error,
  );
}

describe.each([
  ['the built-in fetch', fetch],
  ['fetch of the message path', leanFetch],
])('%s', (_, ask) => {
  it('sends text and bytes with their length', async () => {
    for (const body of [WORDS, Buffer.from(WORDS)]) {
      const headers = { 'Content-Type': 'application/json', 'X-Own': 'yes' };
      const response = await ask(`${base}/echo`, { method: 'post', headers, body });
      expect(await response.json()).toMatchObject({
        method: 'POST',
        body: WORDS,
        headers: {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(WORDS)),
          'x-own': 'yes',
          accept: '*/*',
          'user-agent': 'node',
        },
      });
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    }
  });

  it.each(['GET', 'POST', 'DELETE', 'HEAD', 'PUT'])('%s without a body', async (method) => {
    const response = await ask(new URL(`${base}/echo`), { method, headers: [['authorization', 'Bearer x']] });
    expect(response).toMatchObject({ status: 200, ok: true });
    const text = await response.text();
    if (method === 'HEAD') expect(text).toBe('');
    else expect(JSON.parse(text)).toMatchObject({ method, body: '', headers: { authorization: 'Bearer x' } });
  });

  it('names the type of text that has none, and takes forms and what cannot be sent', async () => {
    const told = await ask(`${base}/echo`, { method: 'POST', body: 'a' });
    expect(await told.json()).toMatchObject({ headers: { 'content-type': 'text/plain;charset=UTF-8' } });
    const form = new FormData();
    form.set('file', new Blob(['inside']), 'a.txt');
    const sent = await ask(`${base}/echo`, { method: 'POST', body: form });
    expect(JSON.stringify(await sent.json())).toContain('inside');
    await expect(ask('nowhere')).rejects.toBeInstanceOf(TypeError);
    await expect(ask('ftp://127.0.0.1/')).rejects.toBeInstanceOf(TypeError);
    await expect(ask(`${base}/echo`, { body: 'a' })).rejects.toBeInstanceOf(TypeError);
    await expect(ask(`${base}/echo`, { headers: { 'x-own': 'a\nb' } })).rejects.toBeInstanceOf(TypeError);
  });

  it('gives a body in pieces, whole, or none', async () => {
    const { body } = await ask(`${base}/pieces`);
    const decoder = new TextDecoder();
    let text = '';
    for await (const piece of body ?? []) text += decoder.decode(piece, { stream: true });
    expect(text.split('\n')).toHaveLength(6);
    expect(text).toContain(`${WORDS}4`);
    expect((await (await ask(`${base}/large`)).arrayBuffer()).byteLength).toBe(3_000_000);
    expect(await (await ask(`${base}/packed`)).text()).toBe(WORDS.repeat(1000));
    const empty = await ask(`${base}/empty`);
    expect(empty).toMatchObject({ status: 204, body: null });
  });

  it('tells what the server says of an error', async () => {
    const response = await ask(`${base}/wrong`);
    expect(response).toMatchObject({ status: 429, statusText: 'Slow Down', ok: false });
    expect(response.headers.get('Retry-After')).toBe('7');
    expect(await response.json()).toEqual({ ok: false });
  });

  it('follows, refuses or shows where an address sends', async () => {
    const init = { method: 'POST', body: 'again' };
    expect(await (await ask(`${base}/elsewhere`, init)).json()).toMatchObject({ method: 'POST', body: 'again' });
    const refused = await failureOf(ask(`${base}/elsewhere`, { ...init, redirect: 'error' }));
    expect(refused).toMatchObject({ name: 'TypeError', message: 'fetch failed' });
    const shown = await ask(`${base}/elsewhere`, { ...init, redirect: 'manual' });
    expect(shown).toMatchObject({ status: 307 });
    expect(await shown.text()).toBe('gone');
  });

  it('can be stopped before, while it waits, and within the body', async () => {
    const reason = new Error('enough');
    expect(await failureOf(ask(`${base}/echo`, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const waiting = new AbortController();
    const arrived = new Promise((resolve) => server.once('request', resolve));
    const asked = failureOf(ask(`${base}/silent`, { signal: waiting.signal }));
    await arrived;
    waiting.abort(reason);
    expect(await asked).toBe(reason);
    const reading = new AbortController();
    const { body } = await ask(`${base}/begun`, { signal: reading.signal });
    const reader = body?.getReader();
    await reader?.read();
    const rest = failureOf(Promise.resolve(reader?.read()));
    reading.abort(reason);
    expect(await rest).toBe(reason);
  });

  it('says whether a request that failed may have arrived', async () => {
    const closed = http.createServer();
    const nowhere = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const refused = await failureOf(ask(nowhere, { method: 'POST', body: 'a' }));
    expect(refused).toMatchObject({ name: 'TypeError', message: 'fetch failed' });
    expect(codesOf(refused)).toContain('ECONNREFUSED');
    expect(mayHaveReached(refused)).toBe(false);
    const dropped = await failureOf(ask(`${base}/dropped`, { method: 'POST', body: 'a' }));
    expect(dropped).toMatchObject({ name: 'TypeError', message: 'fetch failed' });
    expect(mayHaveReached(dropped)).toBe(true);
    const cut = await ask(`${base}/cut`);
    expect(await failureOf(cut.text())).toMatchObject({ name: 'TypeError', message: 'terminated' });
    const spoiled = await ask(`${base}/packed-wrong`);
    expect(await failureOf(spoiled.text())).toMatchObject({ name: 'TypeError', message: 'terminated' });
  });

  it('uses a connection again, also when nobody read what came before', async () => {
    await (await ask(`${base}/echo`)).text();
    const before = connections.size;
    for (let times = 0; times < 3; times++) {
      expect((await ask(`${base}/wrong`)).status).toBe(429);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect((await ask(`${base}/empty`)).status).toBe(204);
    await (await ask(`${base}/echo`)).text();
    // A busy machine may not have read one to its end by then.
    expect(connections.size).toBeLessThan(before + 3);
  });
});

describe('fetch of the message path', () => {
  it('gives up where no connection comes about, and nothing was sent', async () => {
    // Takes the connection, and never says a word of TLS.
    const silent = net.createServer();
    const taken = new Promise<net.Socket>((resolve) => silent.once('connection', resolve));
    const address = (await listen(silent)).replace('http:', 'https:');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const asked = failureOf(leanFetch(address, { method: 'POST', body: 'a' }));
      const socket = await taken;
      await vi.advanceTimersByTimeAsync(10_000);
      const error = await asked;
      expect(codesOf(error)).toEqual(['CONNECT_TIMEOUT']);
      expect(mayHaveReached(error)).toBe(false);
      socket.destroy();
    } finally {
      vi.useRealTimers();
      silent.close();
    }
  });
});
