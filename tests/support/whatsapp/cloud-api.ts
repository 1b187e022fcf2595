// Meta's Cloud API on loopback: calls with a bearer token, webhooks with a signature, repeated until they are answered with 200.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import {
  ACCESS_TOKEN,
  ApiProblem,
  APP_SECRET,
  BUSINESS_PHONE,
  CloudWorld,
  object,
  PHONE_NUMBER_ID,
  type CloudFile,
} from './cloud-world.ts';

const RETRY_MS = 30;
const VERSION = 'v25.0';

type Fault = 'drop-before' | 'drop-after' | { status: number; code: number };

export interface CloudPerson {
  phone: string;
  name: string;
  /** Business-scoped id. */
  userId: string;
  /** With a user name: the number is told to nobody. */
  hidesPhone?: boolean;
}

export class FakeCloudApi {
  readonly world = new CloudWorld();
  /** Where webhooks go; undefined: nowhere yet. */
  webhookUrl: string | undefined;
  /** Answers to webhook requests, in order. */
  readonly webhookAnswers: number[] = [];
  readonly requests: { method: string; path: string }[] = [];
  #server: Server | undefined;
  #port = 0;
  #faults: Fault[] = [];
  #outgoing: unknown[] = [];
  #isDelivering = false;
  #isClosed = false;

  static async start(): Promise<FakeCloudApi> {
    const api = new FakeCloudApi();
    await api.comeBack();
    return api;
  }

  get root(): string {
    return `http://127.0.0.1:${this.#port}/${VERSION}`;
  }

  /** Settings of an account of this server. */
  get settings(): Record<string, unknown> {
    return {
      transport: 'cloud',
      access_token: ACCESS_TOKEN,
      app_secret: APP_SECRET,
      verify_token: 'verify-token-of-tests',
      phone_number_id: PHONE_NUMBER_ID,
      api_root: this.root,
    };
  }

  async comeBack(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#answer(request, response).catch(() => response.destroy());
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    void this.#deliver();
  }

  async goAway(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.goAway();
  }

  fail(...faults: Fault[]): void {
    this.#faults.push(...faults);
  }

  /** What a person does; resolves with the message's id once the platform has it. */
  say(from: CloudPerson, message: Record<string, unknown>, at = Date.now()): string {
    const id = typeof message['id'] === 'string' ? message['id'] : this.world.newId();
    const key = from.hidesPhone ? from.userId : from.phone;
    this.world.people.add(from.phone);
    this.world.people.add(from.userId);
    this.world.authors.set(id, key);
    const contact = {
      profile: { name: from.name, ...(from.hidesPhone && { username: from.name.toLowerCase() }) },
      user_id: from.userId,
      ...(!from.hidesPhone && { wa_id: from.phone }),
    };
    const base = {
      from_user_id: from.userId,
      ...(!from.hidesPhone && { from: from.phone }),
      id,
      timestamp: String(Math.floor(at / 1_000)),
    };
    this.send({ contacts: [contact], messages: [{ ...base, ...message }] });
    return id;
  }

  sendStatus(status: Record<string, unknown>): void {
    this.send({ statuses: [{ timestamp: '1', recipient_id: '1', ...status }] });
  }

  /** Puts one change into the queue of webhooks. */
  send(value: Record<string, unknown>, field = 'messages'): void {
    const metadata = { display_phone_number: BUSINESS_PHONE, phone_number_id: PHONE_NUMBER_ID };
    const change = { field, value: { messaging_product: 'whatsapp', metadata, ...value } };
    this.sendRaw({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes: [change] }] });
  }

  sendRaw(body: unknown): void {
    this.#outgoing.push(body);
    void this.#deliver();
  }

  /** Resolves when every webhook was taken. */
  async settled(): Promise<void> {
    while (this.#outgoing.length > 0 || this.#isDelivering) await setTimeout(5);
  }

  /** One signed request to the webhook; resolves with the status, 0 when nobody answered. */
  async callWebhook(body: string, secret = APP_SECRET): Promise<number> {
    if (this.webhookUrl === undefined) return 0;
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
    return fetch(this.webhookUrl, { method: 'POST', headers, body }).then(
      ({ status }) => status,
      () => 0,
    );
  }

  /** One after the other, each until it is taken. While the platform is away, it keeps them. */
  async #deliver(): Promise<void> {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#outgoing.length > 0 && this.#server && !this.#isClosed) {
      const status = await this.callWebhook(JSON.stringify(this.#outgoing[0]));
      this.webhookAnswers.push(status);
      if (status === 200) this.#outgoing.shift();
      else await setTimeout(RETRY_MS);
    }
    this.#isDelivering = false;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.root);
    const method = request.method ?? 'GET';
    this.requests.push({ method, path: url.pathname });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = url.pathname.replace(`/${VERSION}/`, '');
    const isSend = method === 'POST' && path === `${PHONE_NUMBER_ID}/messages`;
    const fault = isSend ? this.#faults.shift() : undefined;
    if (fault === 'drop-before') return void response.destroy();
    const reply = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    try {
      if (typeof fault === 'object') throw new ApiProblem(fault.code, fault.status);
      if (request.headers.authorization !== `Bearer ${ACCESS_TOKEN}`) throw new ApiProblem(190, 401, 'token');
      const file = /^files\/(\d+)$/.exec(path)?.[1];
      if (file !== undefined) {
        const { bytes } = this.world.files.get(file) ?? { bytes: undefined };
        return void (bytes ? response.end(bytes) : response.writeHead(404).end());
      }
      const form = { body: Buffer.concat(chunks), type: request.headers['content-type'] ?? '' };
      const answer = await this.#route(method, path, form, url.searchParams.get('appsecret_proof'));
      if (fault === 'drop-after') return void response.destroy();
      reply(200, answer);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      const { message, code, status } = error;
      reply(status, { error: { message: `(#${code}) ${message}`, type: 'OAuthException', code, fbtrace_id: 'x' } });
    }
  }

  async #route(
    method: string,
    path: string,
    { body, type }: { body: Buffer; type: string },
    proof: string | null,
  ): Promise<unknown> {
    if (proof !== null && proof !== createHmac('sha256', APP_SECRET).update(ACCESS_TOKEN).digest('hex'))
      throw new ApiProblem(100, 400, 'Invalid appsecret_proof provided in the API argument');
    if (method === 'GET' && path === PHONE_NUMBER_ID)
      return { id: PHONE_NUMBER_ID, verified_name: 'Herald Test', display_phone_number: '+1 555-078-3881' };
    if (method === 'GET') return this.world.describeFile(path, this.root);
    if (path === `${PHONE_NUMBER_ID}/media`) {
      const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
      const file = form.get('file');
      if (form.get('messaging_product') !== 'whatsapp' || !(file instanceof File)) throw new ApiProblem(100);
      const kept: CloudFile = {
        name: file.name,
        mime: file.type,
        bytes: Buffer.from(await file.arrayBuffer()),
      };
      return { id: this.world.addFile(kept) };
    }
    const json = object(JSON.parse(body.toString('utf8')));
    if (path === `${PHONE_NUMBER_ID}/messages`) return this.world.post(json);
    if (path === `${PHONE_NUMBER_ID}/conversational_automation`) {
      const commands = json['commands'];
      if (!Array.isArray(commands) || commands.length > 30) throw new ApiProblem(100, 400, 'commands');
      this.world.commands = commands;
      return { success: true };
    }
    throw new ApiProblem(100, 404, 'Unsupported request');
  }
}
