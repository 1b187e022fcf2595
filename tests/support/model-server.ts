// A scripted model server on loopback: real HTTP, three dialects (OpenAI chat completions and Responses, Anthropic Messages),
// lists of models, and Ollama's list of tags. In a test: `startModelServer({ script })`. By itself:
// node tests/support/model-server.ts --port-file F --script F [--record DIR] [--max-ms N]
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { buildAnthropicAnswer, readAnthropicCall } from './model-server-anthropic.ts';
import { buildChatAnswer, readChatCall } from './model-server-chat.ts';
import { buildResponsesAnswer, readResponsesCall } from './model-server-responses.ts';
import {
  asRecord,
  asText,
  fillReply,
  makeScriptReader,
  type CallSeen,
  type ModelApi,
  type Script,
  type ScriptedReply,
  type ScriptRule,
} from './model-server-script.ts';
import { writeStream } from './model-server-wire.ts';

export interface ModelServerOptions {
  script: Script;
  /** Ids in the lists of models. Default: test-model. */
  models?: readonly string[];
  /** Accepted keys; others get a 401. Default: all. */
  keys?: readonly string[];
  /** Folder to which `openai.jsonl` is appended after each request, in the form that the contract check reads. */
  recordDir?: string;
}

export interface ModelServer {
  /** Without /v1: what an Anthropic client takes. */
  url: string;
  /** With /v1: what an OpenAI client takes. */
  openAiUrl: string;
  /** Model calls so far, in order of arrival. */
  calls: CallSeen[];
  setScript(script: Script): void;
  close(): Promise<void>;
}

const DIALECTS = {
  chat: { read: readChatCall, build: buildChatAnswer },
  responses: { read: readResponsesCall, build: buildResponsesAnswer },
  anthropic: { read: readAnthropicCall, build: buildAnthropicAnswer },
} as const;

interface ServerState {
  options: ModelServerOptions;
  calls: CallSeen[];
  reply: (call: CallSeen) => ScriptedReply | undefined;
}

/** Listens on 127.0.0.1 at a free port. */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const state: ServerState = { options, calls: [], reply: makeScriptReader(options.script) };
  const server = createServer((request, response) => {
    response.socket?.setNoDelay(true);
    handle(state, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server)}`;
  return {
    url,
    openAiUrl: `${url}/v1`,
    calls: state.calls,
    setScript(script) {
      state.reply = makeScriptReader(script);
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

async function handle(state: ServerState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const text = await readBody(request);
  if (path === '/__calls') return sendJson(response, 200, state.calls);
  if (path === '/__script' && request.method === 'POST') {
    state.reply = makeScriptReader(readScript(text));
    return sendJson(response, 200, { ok: true });
  }
  if (path === '/api/tags') return sendJson(response, 200, { models: models(state).map((name) => ({ name })) });
  if (path.endsWith('/models')) return sendModels(state, request, response);
  const api = apiOf(path);
  if (api === undefined)
    return sendJson(response, 404, {
      error: { type: 'not_found_error', message: `no route ${path}`, param: null, code: null },
    });
  const body = asRecord(JSON.parse(text));
  const call: CallSeen = {
    index: state.calls.length,
    api,
    path,
    key: keyOf(request),
    headers: headersOf(request),
    model: asText(body['model']),
    stream: body['stream'] === true,
    ...DIALECTS[api].read(body),
    body,
  };
  state.calls.push(call);
  const answer = await answerCall(state, call, response);
  record(state, request, call, answer);
}

interface SentAnswer {
  status: number;
  contentType: string;
  body: unknown;
}

/** What was sent, or undefined when a fault kept the client from getting all of it. */
async function answerCall(
  state: ServerState,
  call: CallSeen,
  response: ServerResponse,
): Promise<SentAnswer | undefined> {
  const allowed = state.options.keys;
  if (allowed !== undefined && !allowed.includes(call.key)) {
    return sendError(response, call, {
      status: 401,
      error: { type: 'authentication_error', message: `bad key ${call.key}` },
    });
  }
  const scripted = state.reply(call);
  if (scripted === undefined) {
    const message = `the script has no reply to ${JSON.stringify(call.user.slice(0, 80))}`;
    return sendError(response, call, { status: 400, error: { type: 'invalid_request_error', message } });
  }
  const reply = fillReply(scripted, call);
  if ((reply.status ?? 200) !== 200) {
    if (reply.delayMs) await wait(reply.delayMs);
    return sendError(response, call, reply);
  }
  if (reply.fault === 'error-body-200') {
    sendError(response, call, { ...reply, status: 200 });
    return undefined;
  }
  const answer = DIALECTS[call.api].build(call, reply);
  const headers = reply.headers ?? {};
  if (call.stream) {
    const errorFrame = `event: error\ndata: ${JSON.stringify(errorBody(call, reply))}\n\n`;
    const plan = { answer, fault: reply.fault, delayMs: reply.delayMs ?? 0, headers, errorFrame };
    const whole = await writeStream(response, plan);
    return whole ? { status: 200, contentType: 'text/event-stream', body: answer.events } : undefined;
  }
  if (reply.delayMs) await wait(reply.delayMs);
  sendJson(response, 200, answer.body, headers);
  return { status: 200, contentType: 'application/json', body: answer.body };
}

function sendError(response: ServerResponse, call: CallSeen, reply: ScriptedReply): SentAnswer {
  const body = errorBody(call, reply);
  const status = reply.status ?? 500;
  sendJson(response, status, body, reply.headers ?? {});
  return { status, contentType: 'application/json', body };
}

function errorBody(call: CallSeen, reply: ScriptedReply): unknown {
  const error = { type: reply.error?.type ?? 'server_error', message: reply.error?.message ?? 'scripted failure' };
  if (call.api === 'anthropic') return { type: 'error', error };
  return { error: { ...error, param: null, code: reply.error?.code ?? null } };
}

function sendModels(state: ServerState, request: IncomingMessage, response: ServerResponse): void {
  const ids = models(state);
  if (request.headers['anthropic-version'] !== undefined) {
    const data = ids.map((id) => ({ type: 'model', id, display_name: id, created_at: '2026-11-01T00:00:00Z' }));
    return sendJson(response, 200, { data, has_more: false, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null });
  }
  const data = ids.map((id) => ({ id, object: 'model', created: 1_795_000_000, owned_by: 'test' }));
  return sendJson(response, 200, { object: 'list', data });
}

function models(state: ServerState): readonly string[] {
  return state.options.models ?? ['test-model'];
}

function apiOf(path: string): ModelApi | undefined {
  if (path.endsWith('/chat/completions')) return 'chat';
  if (path.endsWith('/responses')) return 'responses';
  return path.endsWith('/messages') ? 'anthropic' : undefined;
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}

function keyOf(request: IncomingMessage): string {
  const headers = headersOf(request);
  return headers['x-api-key'] ?? (headers['authorization'] ?? '').replace(/^Bearer /, '');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** One line per OpenAI request; other dialects have no specification to be held against. */
function record(state: ServerState, request: IncomingMessage, call: CallSeen, answer: SentAnswer | undefined): void {
  const dir = state.options.recordDir;
  if (dir === undefined || call.api === 'anthropic') return;
  mkdirSync(dir, { recursive: true });
  const line = {
    method: request.method,
    path: call.path,
    query: '',
    contentType: request.headers['content-type'] ?? '',
    body: call.body,
    ...(answer === undefined ? {} : { response: answer }),
  };
  appendFileSync(join(dir, 'openai.jsonl'), `${JSON.stringify(line)}\n`);
}

function readScript(json: string): Script {
  const rules: unknown = JSON.parse(json);
  if (!isRules(rules)) throw new Error('a script file holds a list of rules, each with a reply');
  return rules;
}

function isRules(value: unknown): value is ScriptRule[] {
  return Array.isArray(value) && value.every((rule) => typeof asRecord(rule)['reply'] === 'object');
}

/** Ends by itself after --max-ms (default ten minutes): a forgotten server must not stay. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'port-file': { type: 'string' },
      script: { type: 'string' },
      record: { type: 'string' },
      'max-ms': { type: 'string', default: '600000' },
    },
  });
  if (values['port-file'] === undefined || values.script === undefined)
    throw new Error('--port-file and --script are needed');
  const server = await startModelServer({
    script: readScript(readFileSync(values.script, 'utf8')),
    ...(values.record === undefined ? {} : { recordDir: values.record }),
  });
  // Readers wait for the file: it must not be seen half written.
  writeFileSync(`${values['port-file']}.part`, new URL(server.url).port);
  renameSync(`${values['port-file']}.part`, values['port-file']);
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  await wait(Number(values['max-ms']), undefined, { signal: stop.signal }).catch(() => undefined);
  await server.close();
}

if (import.meta.main) await main();
