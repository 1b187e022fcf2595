// Discord on loopback: REST API v10, gateway and file server, keeping the real protocol, with the people who write to the bot. In a test:
// `startDiscord()`.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Buckets, tooMany, type BucketOptions } from './buckets.ts';
import { FaultPlan, type Fault } from './faults.ts';
import { Gateway } from './gateway.ts';
import { ApiError, errorAnswer, readRequest, sendAnswer, type ApiAnswer, type ApiRequest } from './http.ts';
import type { Channel, Message } from './objects.ts';
import { makeGroup, makePerson, personId, type Group, type GroupOptions, type Person } from './people.ts';
import { Recording } from './recording.ts';
import { ROUTES } from './routes.ts';
import { World, type Interaction } from './world.ts';

const BOT_ID = '700000000000000001';
/** Of the real form: the first part is the bot's id. */
export const TEST_TOKEN = `${Buffer.from(BOT_ID).toString('base64url')}.GtestX.test-token_0123456789abcdefghijklmnopq`;
const WAIT_MS = 10_000;

export interface DiscordOptions {
  /** Folder to which discord.jsonl is appended. */
  recordTo?: string | undefined;
  /** Default 41,250 ms, as the real one. */
  heartbeatMs?: number;
  /** Per route and channel. Default: more than any test needs. */
  bucket?: BucketOptions;
  /** For all calls together. Default: more than any test needs. */
  overall?: BucketOptions;
  /** Sessions that may still be begun today. Default 1,000. */
  sessionsLeft?: number;
  /** Whether the intent for the content of messages is switched on in the portal. Default true. */
  messageContent?: boolean;
}

export interface ApiCall {
  method: string;
  route: string;
  json: Record<string, unknown>;
  query: string;
  /** Undefined: no answer was given. */
  status: number | undefined;
  atMs: number;
}

export interface DiscordServer {
  /** Roots for the settings: the API without its version, the file server. */
  apiRoot: string;
  cdnRoot: string;
  token: string;
  botId: string;
  botRole(group: Group): string;
  gateway: Gateway;
  person(number: number, name?: string, options?: { bot?: boolean }): Person;
  group(options?: GroupOptions): Group;
  /** Messages of the bot that are there, oldest first. */
  sent(channel: string): readonly Message[];
  /** All messages that are there, oldest first. */
  history(channel: string): readonly Message[];
  /** Channel of a DM. */
  dmOf(person: Person): string;
  channel(id: string): Channel | undefined;
  /** A message of the bot itself, from elsewhere. */
  sayAsBot(channel: string, text: string): Message;
  sayAsWebhook(channel: string, text: string): Message;
  /** An event of any form. */
  emit(type: string, data: unknown): void;
  interaction(id: string): Interaction | undefined;
  typing(): readonly { channel: string; atMs: number }[];
  commands(): readonly unknown[];
  calls: readonly ApiCall[];
  fail(fault: Fault): void;
  clearFaults(): void;
  forgetNonces(): void;
  /** Refuses the token from now on. */
  revokeToken(): void;
  setSessionsLeft(left: number): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** Resolves once `check` gives something, looked at after each event. Rejects after 10 s. */
  until<Result>(what: string, check: () => Result | undefined | false, timeoutMs?: number): Promise<Result>;
  waitForText(channel: string, part: string, timeoutMs?: number): Promise<Message>;
  close(): Promise<void>;
}

const PLENTY: BucketOptions = { limit: 10_000, windowMs: 1_000 };

/** Listens on 127.0.0.1 at a free port. */
export async function startDiscord(options: DiscordOptions = {}): Promise<DiscordServer> {
  const watchers = new Set<() => void>();
  const changed = () => watchers.forEach((watcher) => watcher());
  let root = '';
  const world: World = new World({
    botId: BOT_ID,
    username: 'herald_test_bot',
    cdn: () => `${root}/cdn`,
    emit: (type, data) => gateway.emit(type, data),
    changed,
  });
  const resumeUrl = () => `${root.replace('http', 'ws')}/gateway`;
  const heartbeatMs = options.heartbeatMs ?? 41_250;
  const gateway = new Gateway({ world, token: TEST_TOKEN, heartbeatMs, resumeUrl });
  const api = new RestApi(world, options, resumeUrl);
  const server = createServer((request, response) => void api.handle(request, response));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (request.url?.startsWith('/gateway')) gateway.upgrade(request, socket, head);
    else socket.destroy();
  });
  const port = await listen(server, 0);
  root = `http://127.0.0.1:${port}`;
  const messages = (channel: string) => [...(world.channels.get(channel)?.messages.values() ?? [])];
  const until = makeUntil(watchers);
  const sent = (channel: string) => messages(channel).filter((message) => message.author.id === BOT_ID);
  const away = async () => {
    gateway.disconnect();
    await shut(server);
  };
  const post = (channel: string, text: string, webhook?: string): Message => {
    const found = world.channels.get(channel);
    if (!found) throw new Error(`there is no channel ${channel}`);
    const author = webhook === undefined ? world.bot : { ...world.bot, id: webhook };
    return world.post(found, { author, content: text, webhook });
  };
  return {
    apiRoot: `${root}/api`,
    cdnRoot: `${root}/cdn`,
    token: TEST_TOKEN,
    botId: BOT_ID,
    botRole: (group) => group.guild.botRole,
    gateway,
    person: (number, name = `User ${number}`, { bot = false } = {}) =>
      makePerson(world, { id: personId(number), username: `user_${number}`, globalName: name, bot }),
    group: (groupOptions) => makeGroup(world, groupOptions),
    sent,
    history: messages,
    dmOf: (person) => world.dmOf(person.user).id,
    channel: (id) => world.channels.get(id),
    sayAsBot: (channel, text) => post(channel, text),
    sayAsWebhook: (channel, text) => post(channel, text, world.mint()),
    emit: (type, data) => gateway.emit(type, data),
    interaction: (id) => world.interactions.get(id),
    typing: () => world.typing,
    commands: () => world.commands,
    calls: api.calls,
    fail: (fault) => api.faults.add(fault),
    clearFaults: () => api.faults.clear(),
    forgetNonces: () => world.forgetNonces(),
    revokeToken: () => (api.isRevoked = true),
    setSessionsLeft: (left) => (api.sessionsLeft = left),
    goAway: away,
    comeBack: async () => void (await listen(server, port)),
    until,
    waitForText: (channel, part, timeoutMs) =>
      until(`a message with "${part}"`, () => sent(channel).find((one) => one.content.includes(part)), timeoutMs),
    async close() {
      await away();
      gateway.close();
    },
  };
}

/** REST requests: token, faults, buckets, route, answer, recording. */
class RestApi {
  readonly faults = new FaultPlan();
  readonly calls: ApiCall[] = [];
  isRevoked = false;
  sessionsLeft: number;
  readonly #world: World;
  readonly #buckets: Buckets;
  readonly #recording: Recording;
  readonly #gatewayUrl: () => string;
  readonly #readsMessages: boolean;

  constructor(world: World, options: DiscordOptions, gatewayUrl: () => string) {
    this.#world = world;
    this.#buckets = new Buckets(options.bucket ?? PLENTY, options.overall ?? PLENTY);
    this.#recording = new Recording(options.recordTo);
    this.#gatewayUrl = gatewayUrl;
    this.#readsMessages = options.messageContent ?? true;
    this.sessionsLeft = options.sessionsLeft ?? 1_000;
  }

  /** Never rejects. */
  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (incoming.url?.startsWith('/cdn/')) return this.#download(incoming.url, response);
      const request = await readRequest(incoming);
      const fault = this.faults.take(request);
      if (fault?.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
      const answer = fault?.drop === 'before' ? undefined : this.#answer(request, fault);
      const given = fault?.drop === 'after' ? undefined : answer;
      const { method, route, json, query } = request;
      this.calls.push({ method, route, json, query: query.toString(), status: given?.status, atMs: Date.now() });
      this.#recording.write(request, fault?.text === undefined ? given : undefined);
      if (given) sendAnswer(response, given);
      else response.destroy();
    } catch (error) {
      if (error instanceof ApiError) sendAnswer(response, errorAnswer(error));
      else response.destroy();
    }
    this.#world.options.changed();
  }

  #answer(request: ApiRequest, fault: Fault | undefined): ApiAnswer {
    try {
      const refused = fault && faultAnswer(fault);
      if (refused) return refused;
      const found = ROUTES.find((one) => one.method === request.method && one.pattern.test(request.route));
      const isOpen = found?.isOpen === true;
      if (!isOpen && (this.isRevoked || request.authorization !== `Bot ${TEST_TOKEN}`))
        throw new ApiError(401, 0, '401: Unauthorized');
      const { refusal, headers } = this.#buckets.take(request);
      if (refusal) return refusal;
      if (request.route === '/gateway/bot') return { status: 200, body: this.#gatewayInfo(), headers };
      if (!found) throw new ApiError(404, 0, '404: Not Found');
      const ids = found.pattern.exec(request.route)?.slice(1) ?? [];
      const body = this.#adjust(request, found.handle(this.#world, request, ids));
      return body === undefined ? { status: 204, body, headers } : { status: statusOf(request), body, headers };
    } catch (error) {
      if (error instanceof ApiError) return errorAnswer(error);
      throw error;
    }
  }

  #adjust(request: ApiRequest, body: unknown): unknown {
    const isApplication = request.route === '/applications/@me' && typeof body === 'object' && body !== null;
    return isApplication && !this.#readsMessages ? { ...body, flags: 0, flags_new: '0' } : body;
  }

  #gatewayInfo() {
    return {
      url: this.#gatewayUrl(),
      shards: 1,
      session_start_limit: { total: 1_000, remaining: this.sessionsLeft, reset_after: 14_400_000, max_concurrency: 1 },
    };
  }

  #download(url: string, response: ServerResponse): void {
    const [path = '', query = ''] = url.split('?');
    const [, channel, file] = /^\/cdn\/attachments\/(\d+)\/(\d+)\//.exec(path) ?? [];
    const messages = [...(this.#world.channels.get(channel ?? '')?.messages.values() ?? [])];
    const entry = messages.flatMap((message) => message.files).find((one) => one.id === file);
    const sticker = this.#world.stickerFiles.get(/^\/cdn\/stickers\/(\d+)\.png$/.exec(path)?.[1] ?? '');
    const isSigned = sticker !== undefined || /(?:^|&)ex=\d+/.test(query);
    const bytes = isSigned ? (entry?.bytes ?? sticker) : undefined;
    response.writeHead(bytes ? 200 : 404, { 'content-type': entry?.type ?? 'image/png' }).end(bytes);
  }
}

function faultAnswer(fault: Fault): ApiAnswer | undefined {
  const { status, code, message, retryAfterMs, global, text } = fault;
  if (status === undefined) return undefined;
  if (text !== undefined) return { status, body: text };
  if (status === 429) return tooMany(retryAfterMs ?? 1_000, { global: global ?? false });
  return errorAnswer(new ApiError(status, code ?? 0, message ?? `${status}: Error`));
}

/** What the specification names for each route. */
function statusOf({ method, route }: ApiRequest): number {
  return method === 'POST' && route.endsWith('/threads') ? 201 : 200;
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function shut(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function makeUntil(watchers: Set<() => void>): DiscordServer['until'] {
  return (what, check, timeoutMs = WAIT_MS) =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const look = () => {
        const result = check();
        if (result === undefined || result === false) return;
        end();
        resolve(result);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`waited ${timeoutMs} ms in vain for ${what}`));
      }, timeoutMs);
      watchers.add(look);
      look();
    });
}
