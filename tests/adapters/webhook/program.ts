// The other side of a webhook: a program with people, which posts what they say until it is taken, and keeps what it is told, by key.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { secretBytes, signedHeaders, verifySigned } from '../../../shared/webhook-signature.ts';
import { systemClock } from '../../../shared/clock.ts';
import { z } from 'zod';

const postSchema = z.object({
  key: z.string(),
  chat: z.string(),
  thread: z.string().optional(),
  text: z.string(),
  plain: z.string(),
  files: z.array(
    z.object({
      kind: z.enum(['image', 'audio', 'voice', 'video', 'document', 'sticker']),
      name: z.string(),
      base64: z.string(),
    }),
  ),
  buttons: z.array(z.array(z.object({ label: z.string(), data: z.string() }))),
  replyTo: z.string().optional(),
});
export type Told = z.output<typeof postSchema> & { id: string };

/** What the next post meets. */
type Fault = 'dropBefore' | 'dropAfter' | { status: number; headers?: Record<string, string> };

export class Program {
  readonly told: Told[] = [];
  readonly faults: Fault[] = [];
  refusesFormat = false;
  blocks = false;
  /** Takes posts to Herald; while undefined, what people say waits. */
  handler: ((request: Request) => Promise<Response>) | undefined;
  readonly #key: Buffer;
  readonly #server: Server;
  #port = 0;
  #said = 0;
  #closed = false;

  constructor(secret: string) {
    this.#key = secretBytes(secret) ?? Buffer.alloc(0);
    this.#server = createServer((request, response) => {
      if (request.method === 'HEAD') return void response.writeHead(405).end();
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const fault = this.faults.shift();
        if (fault === 'dropBefore') return request.socket.destroy();
        const headers = new Headers(
          Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]),
        );
        const body = Buffer.concat(chunks).toString();
        const verdict = verifySigned(this.#key, headers, { body, now: systemClock.now() });
        if (!verdict.ok) return response.writeHead(401).end();
        if (typeof fault === 'object') return response.writeHead(fault.status, fault.headers).end();
        const post = postSchema.parse(JSON.parse(body));
        if (this.blocks) return response.writeHead(403).end();
        if (this.refusesFormat && post.text !== post.plain) return response.writeHead(422).end();
        const known = this.told.find((one) => one.key === post.key);
        const id = known?.id ?? `t${this.told.length + 1}`;
        if (!known) this.told.push({ ...post, id });
        if (fault === 'dropAfter') return request.socket.destroy();
        return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id }));
      })();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/herald`;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async goAway(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#server.listening) await this.goAway();
  }

  newId(): string {
    return `m${++this.#said}`;
  }

  /** Resolves when the event is on its way; it is posted again until it is taken or refused for good. */
  post(event: Record<string, unknown>): void {
    const body = JSON.stringify(event);
    void (async () => {
      for (let attempt = 0; attempt < 500 && !this.#closed; attempt++) {
        const answer = await this.postOnce(body);
        if (answer !== undefined && answer.status < 500) return;
        await wait(10);
      }
    })();
  }

  /** One post of a body; undefined when it could not be made. */
  async postOnce(body: string, extra: Record<string, string> = {}): Promise<Response | undefined> {
    const headers = {
      'content-type': 'application/json',
      ...signedHeaders(this.#key, { id: this.newId(), body, now: systemClock.now() }),
    };
    const request = new Request('http://gateway/messages', { method: 'POST', headers: { ...headers, ...extra }, body });
    return this.handler?.(request).catch(() => undefined);
  }
}
