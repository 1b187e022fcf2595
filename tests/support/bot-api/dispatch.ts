// One HTTP request of the bot: token, method, faults, answer, recording. Also the methods about updates, which need the connection.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FaultPlan, faultError, type Fault } from './faults.ts';
import { ApiError, errorAnswer, readRequest, sendAnswer, type ApiAnswer, type ApiRequest } from './http.ts';
import { METHODS } from './methods.ts';
import { notFound } from './params.ts';
import { Recording } from './recording.ts';
import { findDownload } from './send-methods.ts';
import type { UpdateQueue } from './updates.ts';
import { Webhook } from './webhook.ts';
import type { World } from './world.ts';

const MAX_CALLS = 20_000;

export interface ApiCall {
  /** As the platform names it, e.g. sendMessage; 'download' for files. */
  method: string;
  /** Parameters as text; complex ones as JSON text. Files are left out. */
  params: Readonly<Record<string, string>>;
  atMs: number;
  /** Undefined: no answer was given. */
  status: number | undefined;
}

export interface DispatcherOptions {
  world: World;
  queue: UpdateQueue;
  token: string;
  recordTo: string | undefined;
  webhookOrigins: Readonly<Record<string, string>>;
}

type Handler = (request: ApiRequest, gone: AbortSignal) => unknown;

/** What becomes of one request. */
interface Outcome {
  method: string;
  /** Undefined: cut the connection. */
  answer: ApiAnswer | undefined;
  /** Bytes instead of JSON. */
  download?: Uint8Array;
}

export class Dispatcher {
  readonly faults: FaultPlan;
  readonly calls: ApiCall[] = [];
  readonly #options: DispatcherOptions;
  readonly #recording: Recording;
  readonly #webhook: Webhook;
  readonly #handlers: ReadonlyMap<string, { name: string; run: Handler }>;
  #revoked = false;
  #loggedOut = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.faults = new FaultPlan(options.world.clock);
    this.#recording = new Recording(options.recordTo);
    this.#webhook = new Webhook({
      clock: options.world.clock,
      queue: options.queue,
      origins: options.webhookOrigins,
      runReply: (method, parameters) => this.#runReply(method, parameters),
    });
    const table: [string, Handler][] = [
      ...Object.entries(METHODS).map(([name, run]): [string, Handler] => [
        name,
        (request) => run(options.world, request),
      ]),
      ...this.#updateMethods(),
    ];
    this.#handlers = new Map(table.map(([name, run]) => [name.toLowerCase(), { name, run }]));
  }

  #updateMethods(): [string, Handler][] {
    const { queue } = this.#options;
    return [
      ['getUpdates', (request, gone) => this.#getUpdates(request, gone)],
      [
        'setWebhook',
        (request) => {
          this.#webhook.set(request);
          if (this.#webhook.url !== '') queue.endPoll(new ApiError(409, 'Conflict: terminated by setWebhook request'));
          return true;
        },
      ],
      [
        'deleteWebhook',
        (request) => {
          this.#webhook.remove(request);
          return true;
        },
      ],
      ['getWebhookInfo', () => this.#webhook.info()],
      ['close', () => true],
      [
        'logOut',
        () => {
          this.#loggedOut = true;
          return true;
        },
      ],
    ];
  }

  #getUpdates(request: ApiRequest, gone: AbortSignal) {
    if (this.#webhook.url !== '')
      throw new ApiError(
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
      );
    return this.#options.queue.getUpdates(request, gone);
  }

  revokeToken(): void {
    this.#revoked = true;
    this.#options.queue.endPoll(new ApiError(401, 'Unauthorized'));
  }

  close(): void {
    this.#webhook.close();
    this.#options.queue.endPoll(new ApiError(502, 'Bad Gateway'));
  }

  /** Never rejects. */
  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      const request = await readRequest(incoming);
      const outcome = await this.#run(request, gone.signal);
      this.#note(request, outcome);
      if (outcome.answer === undefined) response.destroy();
      else if (outcome.download) sendBytes(response, outcome.download);
      else sendAnswer(response, outcome.answer);
    } catch (error) {
      if (error instanceof ApiError) sendAnswer(response, errorAnswer(error));
      else response.destroy();
    }
    this.#options.world.changed();
  }

  async #run(request: ApiRequest, gone: AbortSignal): Promise<Outcome> {
    const route = readRoute(request.path);
    const handler = this.#handlers.get(route.method.toLowerCase());
    const method = handler?.name ?? route.method;
    const fault = this.faults.take(method, request);
    await this.faults.delay(fault, gone);
    if (fault?.drop === 'before') return { method, answer: undefined };
    try {
      this.#admit(route.token);
      const failure = faultError(fault);
      if (failure) throw failure;
      if (route.file !== undefined) return this.#download(route.file);
      if (handler === undefined || !/^(GET|POST)$/.test(request.verb)) throw notFound();
      const result = await handler.run(request, gone);
      return { method, answer: answerUnless(fault, { status: 200, body: { ok: true, result } }) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { method, answer: answerUnless(fault, errorAnswer(error)) };
    }
  }

  #admit(token: string): void {
    if (!/^\d+:[\w-]+$/.test(token)) throw notFound();
    if (this.#revoked || token !== this.#options.token) throw new ApiError(401, 'Unauthorized');
    if (this.#loggedOut) throw new ApiError(400, 'Logged out');
  }

  #download(path: string): Outcome {
    const file = findDownload(this.#options.world, path);
    return { method: 'download', answer: { status: 200, body: '' }, download: file.bytes };
  }

  #note(request: ApiRequest, { method, answer }: Outcome): void {
    const isEmptyPoll = method === 'getUpdates' && JSON.stringify(answer?.body) === '{"ok":true,"result":[]}';
    if (!isEmptyPoll) {
      const params = Object.fromEntries(request.fields);
      this.calls.push({ method, params, atMs: this.#options.world.clock.now(), status: answer?.status });
      if (this.calls.length > MAX_CALLS) this.calls.shift();
    }
    // The real platform calls no plain http.
    if (method === 'setWebhook' && request.fields.get('url')?.startsWith('http:')) return;
    this.#recording.write(request, this.#holdsRawUpdate(method, answer) ? undefined : answer);
  }

  #holdsRawUpdate(method: string, answer: ApiAnswer | undefined): boolean {
    if (method !== 'getUpdates' || answer?.status !== 200) return false;
    const { queue } = this.#options;
    return queue.holdsRaw(answer.body);
  }

  /** A call that a webhook answered with: its result goes nowhere. */
  #runReply(method: string, parameters: Record<string, unknown>): void {
    const fields = new Map(
      Object.entries(parameters).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    );
    const path = `/bot${this.#options.token}/${method}`;
    const contentType = 'application/json';
    const request = { verb: 'POST', path, query: '', contentType, body: parameters, fields, files: new Map() };
    void this.#run(request, new AbortController().signal).then((outcome) => this.#note(request, outcome));
  }
}

function answerUnless(fault: Fault | undefined, answer: ApiAnswer): ApiAnswer | undefined {
  return fault?.drop === 'after' ? undefined : answer;
}

interface Route {
  token: string;
  method: string;
  file: string | undefined;
}

function readRoute(path: string): Route {
  const file = /^\/file\/bot([^/]+)\/(.+)$/.exec(path);
  if (file) return { token: file[1] ?? '', method: 'download', file: decodeURIComponent(file[2] ?? '') };
  const call = /^\/bot([^/]+)\/(?:test\/)?([A-Za-z]+)$/.exec(path);
  return { token: call?.[1] ?? '', method: call?.[2] ?? '', file: undefined };
}

function sendBytes(response: ServerResponse, bytes: Uint8Array): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
  response.end(bytes);
}
