// A Bot API server on loopback that keeps the real one's rules: offsets, conflicts, refusals, webhooks. In a test:
// `await startBotApi()`. As a process: `node tests/support/bot-api-server.ts --port-file F [--port N] [--token T] [--record DIR]`,
// driven over POST /_control/… (bot-api-control.ts); it writes its port to F and ends with its standard input.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { runControl } from './bot-api-control.ts';
import { METHODS, Refusal } from './bot-api-methods.ts';
import { makeRecorder, readRequest, type BotApiRequest } from './bot-api-request.ts';
import { DEFAULT_TOKEN, makeBotApiState, type BotApiState, type FakeMessage } from './bot-api-state.ts';
import { makePoller, makeWebhookCaller, type WebhookCaller } from './bot-api-updates.ts';

/** What the next call of a method meets. `drop-before` and `drop-after`: the connection ends before or after the call has its effect. */
export type Fault =
  | { kind: 'status'; status: number; description: string; retryAfter?: number | undefined }
  | { kind: 'drop-before' | 'drop-after' }
  | { kind: 'migrate'; toChat: number }
  | { kind: 'delay'; ms: number };

export interface BotApiOptions {
  token?: string | undefined;
  /** Default 0: any free port. */
  port?: number | undefined;
  /** Folder for telegram.jsonl. */
  recordTo?: string | undefined;
}

export interface BotApi {
  readonly url: string;
  readonly port: number;
  readonly state: BotApiState;
  readonly webhooks: WebhookCaller;
  /** Calls so far, without getUpdates. */
  readonly calls: { method: string; params: Record<string, unknown> }[];
  /** The next `times` calls of `method` (case as in the documentation; '*': any but getUpdates) meet `fault`. */
  failNext(method: string, fault: Fault, times?: number): void;
  refuseHtml(on: boolean): void;
  /** Messages of the bot in a chat, oldest first. */
  sent(chat: number): FakeMessage[];
  /** Ends every open connection. */
  disconnect(): void;
  /** Stops listening, and starts again on the same port. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

interface PendingFault {
  method: string;
  fault: Fault;
  left: number;
}

export async function startBotApi(options: BotApiOptions = {}): Promise<BotApi> {
  const state = makeBotApiState(options.token ?? DEFAULT_TOKEN);
  const poller = makePoller(state);
  const webhooks = makeWebhookCaller(state);
  const recorder = makeRecorder(options.recordTo);
  const faults: PendingFault[] = [];
  const calls: BotApi['calls'] = [];
  let refusesHtml = false;
  let server = await listen(options.port ?? 0);
  const { port } = addressOf(server);

  const api: BotApi = {
    url: `http://127.0.0.1:${port}`,
    port,
    state,
    webhooks,
    calls,
    failNext: (method, fault, times = 1) => void faults.push({ method: method.toLowerCase(), fault, left: times }),
    refuseHtml(on) {
      refusesHtml = on;
    },
    sent: (chat) =>
      [...(state.messages.get(chat)?.values() ?? [])].filter((message) => message.from.id === state.bot.id),
    disconnect: () => server.closeAllConnections(),
    async goAway() {
      webhooks.isAway = true;
      await shut(server);
    },
    async comeBack() {
      server = await listen(port);
      webhooks.isAway = false;
    },
    async close() {
      await webhooks.close();
      poller.close();
      await shut(server);
    },
  };
  return api;

  async function listen(onPort: number): Promise<Server> {
    const created = createServer((request, response) => {
      handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) answer(response, 500, { ok: false, error_code: 500, description: String(error) });
      });
    });
    created.listen(onPort, '127.0.0.1');
    await once(created, 'listening');
    return created;
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    if (request.path.startsWith('/_control/')) return runControl(api, request, response);
    if (request.path.startsWith('/file/')) return giveFile(request, response);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const method = methodOf(request);
    const fault = takeFault(method);
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === 'drop-before') {
      recorder.record(request);
      incoming.socket.destroy();
      return;
    }
    const { status, body, isGarbage } = await call(request, method, fault, gone.signal);
    const isLost = gone.signal.aborted || fault?.kind === 'drop-after';
    recorder.record(request, isLost || isGarbage ? undefined : { status, body });
    if (fault?.kind === 'drop-after') incoming.socket.destroy();
    else if (!gone.signal.aborted) answer(response, status, body);
  }

  function methodOf(request: BotApiRequest): string | undefined {
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.path) ?? [];
    return token === state.token ? method : undefined;
  }

  function takeFault(method: string | undefined): Fault | undefined {
    const name = method?.toLowerCase() ?? '';
    const found = faults.find(
      (pending) => pending.left > 0 && (pending.method === name || (pending.method === '*' && name !== 'getupdates')),
    );
    if (found) found.left--;
    return found?.fault;
  }

  async function call(request: BotApiRequest, method: string | undefined, fault: Fault | undefined, gone: AbortSignal) {
    try {
      if (method === undefined) {
        throw /^\/bot\d+:[\w-]+\//.test(request.path)
          ? new Refusal(401, 'Unauthorized')
          : new Refusal(404, 'Not Found');
      }
      if (fault?.kind === 'status')
        throw new Refusal(
          fault.status,
          fault.description,
          fault.retryAfter === undefined ? undefined : { retry_after: fault.retryAfter },
        );
      if (fault?.kind === 'migrate') {
        throw new Refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
          migrate_to_chat_id: fault.toChat,
        });
      }
      if (method.toLowerCase() === 'getupdates') {
        const updates = await poller.getUpdates(request.params, gone);
        return {
          status: 200,
          body: { ok: true, result: updates.map((update) => update.body) },
          isGarbage: updates.some((update) => update.isGarbage),
        };
      }
      const run = METHODS[method.toLowerCase()];
      if (!run) throw new Refusal(404, 'Not Found: method not found');
      calls.push({ method, params: request.params });
      const result = run({ state, request, refusesHtml, nowSeconds: Math.floor(Date.now() / 1_000) });
      return { status: 200, body: { ok: true, result }, isGarbage: false };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, message, parameters } = error;
      return {
        status,
        body: { ok: false, error_code: status, description: message, ...(parameters && { parameters }) },
        isGarbage: false,
      };
    }
  }

  function giveFile(request: BotApiRequest, response: ServerResponse): void {
    const prefix = `/file/bot${state.token}/`;
    const wanted = decodeURIComponent(request.path.slice(prefix.length));
    const file = request.path.startsWith(prefix)
      ? [...state.files.values()].find((one) => one.path === wanted)
      : undefined;
    recorder.record(request);
    if (!file) return answer(response, 404, { ok: false, error_code: 404, description: 'Not Found' });
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.bytes.length });
    response.end(file.bytes);
  }
}

export function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address;
}

async function shut(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'port-file': { type: 'string' },
      port: { type: 'string' },
      token: { type: 'string' },
      record: { type: 'string' },
    },
  });
  const api = await startBotApi({ token: values.token, port: Number(values.port ?? 0), recordTo: values.record });
  if (values['port-file']) writeFileSync(values['port-file'], `${api.port}\n`);
  process.stdout.write(`${api.url}\n`);
  // Ends with whoever started it.
  process.stdin.resume();
  await Promise.race([once(process.stdin, 'end'), once(process.stdin, 'error'), once(process, 'SIGTERM')]);
  await api.close();
  process.exit(0);
}

if (import.meta.main) await main();
