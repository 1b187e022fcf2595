// An MCP server over HTTP for tests, small enough to be told to do anything wrong: each request may be answered by hand first.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface HttpServer {
  url: string;
  seen: Seen[];
  /** Answers a request itself when it returns true. */
  answer: (seen: Seen, response: ServerResponse) => boolean | Promise<boolean>;
  close(): Promise<void>;
}

export async function openHttpServer(): Promise<HttpServer> {
  const seen: Seen[] = [];
  const made: HttpServer = { url: '', seen, answer: () => false, close: async () => undefined };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      void Promise.resolve(made.answer(one, response)).then((isDone) => {
        if (!isDone) speak(one, response);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  made.url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  made.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return made;
}

/** The method of the message in a request, such as tools/call. */
export function methodOf(seen: Seen): string {
  return seen.body === '' ? '' : String(JSON.parse(seen.body).method);
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
  return true;
}

/** Good manners: handshake, one tool, no event stream. */
function speak(seen: Seen, response: ServerResponse): void {
  if (seen.method !== 'POST') return void response.writeHead(405).end();
  const { id, method, params } = JSON.parse(seen.body);
  if (id === undefined) return void response.writeHead(202).end();
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: params?.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'http', version: '1' },
    },
    'tools/list': { tools: [{ name: 'plain', description: 'Does something.', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: 'done' }] },
  };
  json(response, 200, { jsonrpc: '2.0', id, result: results[method] ?? {} }, { 'mcp-session-id': 'session' });
}
