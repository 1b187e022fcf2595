// MCP over streamable HTTP for other programs. Closed by default: without a key of a person nothing is answered, and a session belongs to
// the person who began it. Web pages of other sites do not get here.
import { randomUUID } from 'node:crypto';
import type { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { HttpHandler } from '../../adapters/contract.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { checkHost, checkOrigin } from '../http/guard.ts';
import { makeEventStore } from './event-store.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_SESSIONS = 64;
const MAX_SESSIONS_EACH = 16;
/** A session that nobody has used for so long is over. */
const IDLE_MS = 30 * 60_000;
/** What clients are told to wait before they come back for a stream that was closed. */
const RETRY_MS = 1_000;

export interface McpHttpOptions<Person extends string = string> {
  /** Whom the request speaks for; undefined without a valid key. Must not tell by its time how wrong a key is. */
  findPerson(request: Request): Promise<Person | undefined>;
  /** The server for one session of that person. */
  makeServer(person: Person): Promise<Pick<McpServer, 'connect' | 'close'>>;
  /** Names that may stand in the Host header besides loopback ones. */
  allowedHosts: readonly string[];
  /** Sessions that one person may have open. Default 16. */
  maxSessionsEach?: number | undefined;
  clock: Clock;
  log: Logger;
}

export interface McpHttp {
  /** Answers GET, POST and DELETE of the endpoint, whatever its path. Never rejects. */
  handler: HttpHandler;
  /** Ends all sessions. Idempotent. */
  close(): Promise<void>;
}

interface Session {
  person: string;
  transport: WebStandardStreamableHTTPServerTransport;
  close(): Promise<void>;
  /** Requests that are being answered, streams included. */
  open: number;
  cancelIdle(): void;
}

/** Loads the SDK with the first request. */
export function makeMcpHttp<Person extends string>(options: McpHttpOptions<Person>): McpHttp {
  const sessions = new Map<string, Session>();
  const { log } = options;

  async function answer(request: Request): Promise<Response> {
    const host = checkHost(request.headers.get('host') ?? undefined, options.allowedHosts);
    if (!host.allowed) return refusal(403, -32_000, host.message);
    // Also for reading: a page of another site has no business here.
    const origin = checkOrigin('POST', request.headers);
    if (!origin.allowed) return refusal(403, -32_000, origin.message);
    const person = await options.findPerson(request);
    if (person === undefined) return unauthorized();
    const id = request.headers.get('mcp-session-id');
    if (id === null) return begin(request, person);
    const session = sessions.get(id);
    // To others it is not there, so that ids tell nothing.
    if (session?.person !== person) return refusal(404, -32_001, 'Session not found');
    return handle(session, request);
  }

  /** A request without a session: only `initialize` may begin one, which the transport checks. */
  async function begin(request: Request, person: Person): Promise<Response> {
    const own = [...sessions.values()].filter((session) => session.person === person).length;
    if (sessions.size >= MAX_SESSIONS || own >= (options.maxSessionsEach ?? MAX_SESSIONS_EACH))
      return refusal(429, -32_000, 'Too many sessions are open. End one, or wait until one is over.');
    const { WebStandardStreamableHTTPServerTransport: Transport } =
      await import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js');
    const server = await options.makeServer(person);
    let begun: string | undefined;
    const session: Session = {
      person,
      open: 0,
      cancelIdle: () => {},
      transport: new Transport({
        sessionIdGenerator: () => randomUUID(),
        eventStore: makeEventStore(),
        retryInterval: RETRY_MS,
        maxRequestBodySize: MAX_BODY_BYTES,
        onsessioninitialized(id) {
          begun = id;
          sessions.set(id, session);
          log.info({ person, sessions: sessions.size }, 'MCP session');
        },
        onsessionclosed: (id) => void end(id),
      }),
      close: () => server.close(),
    };
    await server.connect(session.transport);
    const response = await handle(session, request);
    if (begun === undefined) await server.close();
    return response;
  }

  async function handle(session: Session, request: Request): Promise<Response> {
    session.cancelIdle();
    session.open++;
    const done = () => {
      session.open--;
      const { sessionId } = session.transport;
      if (session.open > 0 || sessionId === undefined || !sessions.has(sessionId)) return;
      session.cancelIdle();
      session.cancelIdle = options.clock.after(IDLE_MS, () => void end(sessionId));
    };
    try {
      const response = await session.transport.handleRequest(request);
      return whenRead(response, done);
    } catch (error) {
      done();
      throw error;
    }
  }

  async function end(id: string): Promise<void> {
    const session = sessions.get(id);
    sessions.delete(id);
    session?.cancelIdle();
    await session?.close();
  }

  return {
    async handler(request) {
      try {
        return await answer(request);
      } catch (error) {
        log.error({ err: error }, 'MCP request failed');
        return refusal(500, -32_603, 'Something went wrong inside Herald.');
      }
    },
    async close() {
      await Promise.all([...sessions.keys()].map(end));
    },
  };
}

/** The response, and a word when its body has been read or given up. */
function whenRead(response: Response, done: () => void): Response {
  if (response.body === null) {
    done();
    return response;
  }
  let isDone = false;
  const once = () => {
    if (!isDone) done();
    isDone = true;
  };
  const source: ReadableStream<Uint8Array> = response.body;
  const reader = source.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done: isEnd, value } = await reader.read();
        if (!isEnd) return controller.enqueue(value);
        once();
        controller.close();
      } catch (error) {
        once();
        controller.error(error);
      }
    },
    async cancel(reason) {
      once();
      await reader.cancel(reason);
    },
  });
  return new Response(body, response);
}

function unauthorized(): Response {
  const response = refusal(401, -32_000, 'Send a key of yours: Authorization: Bearer …');
  response.headers.set('www-authenticate', 'Bearer realm="herald"');
  return response;
}

function refusal(status: number, code: number, message: string): Response {
  return new Response(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
}
