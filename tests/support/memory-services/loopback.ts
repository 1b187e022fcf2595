// A JSON service on loopback that takes nothing but what its API allows, remembers what it was asked, and fails when told to.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault = 'error' | 'unavailable' | 'refuse' | 'garbage' | 'odd' | 'huge' | 'hang' | 'stall' | 'redirect';

export interface Asked {
  method: string;
  path: string;
  query: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

export interface Answer {
  status: number;
  json?: unknown;
}

/** What the service answers; `violation` says that the request is none of its API. */
export type Handler = (asked: Asked) => Answer | { violation: string };

export interface Loopback {
  url: string;
  asked: Asked[];
  /** Requests that the API does not allow. */
  violations: string[];
  /** From now on every request meets it; undefined: none. */
  fault: Fault | undefined;
  /** Requests whose answer is awaited still. */
  waiting(): number;
  close(): Promise<void>;
}

export async function openLoopback(handler: Handler): Promise<Loopback> {
  const held = new Set<ServerResponse>();
  const loopback: Loopback = {
    url: '',
    asked: [],
    violations: [],
    fault: undefined,
    waiting: () => held.size,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://loopback');
    const asked: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.search,
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    loopback.asked.push(asked);
    if (loopback.fault !== undefined) return misbehave(loopback.fault, response);
    const isTyped = text === '' || /^application\/json\b/.test(request.headers['content-type'] ?? '');
    const given = isTyped ? handler(asked) : { violation: 'a body without its type' };
    if ('violation' in given) {
      loopback.violations.push(`${asked.method} ${asked.path}: ${given.violation}`);
      return send(response, 422, JSON.stringify({ detail: given.violation }));
    }
    send(response, given.status, given.json === undefined ? '' : JSON.stringify(given.json));
  }

  function misbehave(fault: Fault, response: ServerResponse): void {
    switch (fault) {
      case 'error':
        return send(response, 500, '{"error":"it broke"}');
      case 'unavailable':
        response.setHeader('retry-after', '7');
        return send(response, 503, 'down');
      case 'refuse':
        return send(response, 401, '{"error":"no"}');
      case 'garbage':
        return send(response, 200, '<html>\u0000 not json');
      case 'odd':
        return send(response, 200, '[[{"results":7}]]');
      case 'huge':
        return send(response, 200, `{"results":["${'x'.repeat(20 * 1024 * 1024)}"]}`);
      case 'redirect':
        response.setHeader('location', `${loopback.url}/elsewhere`);
        return send(response, 307, '');
      case 'stall':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"results":[');
        return hold(response);
      case 'hang':
        return hold(response);
    }
  }

  function hold(response: ServerResponse): void {
    held.add(response);
    response.on('close', () => held.delete(response));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  loopback.url = `http://127.0.0.1:${address.port}`;
  return loopback;
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(text);
}
