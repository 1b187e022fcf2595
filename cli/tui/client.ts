// Client of the local-chat protocol: keeps one event stream open for ever, and sends messages in order until each is confirmed.
// What it has sent once under an id counts once, however often the connection breaks.
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Block } from '../../adapters/markdown.ts';
import type { ChatDraft, ChatEntry, ChatFile, ChatState } from '../../adapters/local-chat/protocol.ts';
import { backoffMs } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import { MEDIA_KINDS } from '../../shared/messages.ts';
import { readEvents, type ServerEvent } from './sse.ts';
import type { Transport } from './socket-transport.ts';

const RETRY = { baseMs: 200, maxMs: 5_000 };
/** The server says something every 15 s; a stream that is silent for longer than three times that is dead. */
const SILENCE_MS = 45_000;
const POST_TIMEOUT_MS = 30_000;

const fileShape = z.object({
  id: z.string(),
  kind: z.enum(MEDIA_KINDS),
  name: z.string(),
  mime: z.string(),
  bytes: z.number(),
});
const entryShape: z.ZodType<ChatEntry> = z.object({
  key: z.string(),
  via: z.string().optional(),
  message: z.string().optional(),
  direction: z.enum(['in', 'out']),
  kind: z.enum(['message', 'answer', 'notice', 'command']),
  at: z.number(),
  text: z.string(),
  // The tree comes from our own server; its inside is not checked again.
  body: z.custom<readonly Block[]>(Array.isArray).optional(),
  html: z.string().optional(),
  files: z.array(fileShape),
  buttons: z.array(z.array(z.object({ label: z.string(), data: z.string() }))),
  replyTo: z.string().optional(),
});
const draftShape: z.ZodType<ChatDraft> = z.object({ key: z.string(), text: z.string(), tools: z.array(z.string()) });
const stateShape: z.ZodType<ChatState> = z.object({
  resumed: z.boolean(),
  more: z.boolean(),
  commands: z.array(z.object({ name: z.string(), description: z.string() })),
  maxTextChars: z.number(),
  maxUploadBytes: z.number(),
});
const problemShape = z.object({ error: z.object({ message: z.string() }) });

/** What tells a line from all others of its chat. */
export function lineId(entry: Pick<ChatEntry, 'key' | 'message'>): string {
  return entry.message === undefined ? `k:${entry.key}` : `m:${entry.message}`;
}

export interface ChatEvents {
  /** `recent`: sent on connecting, before the first `state` of a stream. The same line may come again. */
  entry(entry: ChatEntry, recent: boolean): void;
  draft(draft: ChatDraft): void;
  draftEnd(key: string): void;
  typing(ttlMs: number): void;
  state(state: ChatState): void;
  /** offline: the connection broke or cannot be made; it is tried again. */
  connection(state: 'online' | 'offline', why: string): void;
  accepted(id: string): void;
  /** The server will never take it; it is dropped. */
  refused(id: string, why: string): void;
}

export interface ChatClientOptions {
  transport: Transport;
  /** Turns a path of the protocol, such as `events`, into one of the server. */
  pathOf(path: string): string;
  clock: Clock;
  random: () => number;
  newId: () => string;
  on: ChatEvents;
}

interface Unsent {
  id: string;
  path: 'messages' | 'buttons';
  body: Record<string, unknown>;
}

export class ChatClient {
  readonly #options: ChatClientOptions;
  readonly #stopped = new AbortController();
  readonly #unsent: Unsent[] = [];
  #sending: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  #wake: () => void = () => {};
  #lastId = '';

  constructor(options: ChatClientOptions) {
    this.#options = options;
  }

  /** Begins to listen. */
  start(): void {
    this.#reading ??= this.#listen();
  }

  /** Messages that are not confirmed. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /** Queues a message; returns its id at once. */
  say(text: string, extra: { files?: readonly ChatFile[]; replyTo?: string | undefined } = {}): string {
    return this.#queue('messages', { text, files: extra.files?.map((file) => file.id) ?? [], replyTo: extra.replyTo });
  }

  press(message: string, data: string): string {
    return this.#queue('buttons', { message, data });
  }

  /** Sends a file, for a later message. Rejects with AppError. */
  async upload(file: string, mime: string, signal?: AbortSignal): Promise<ChatFile> {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) throw new AppError('not_found', `There is no file ${file}. Nothing was attached.`);
    const answer = await this.#request(`files?name=${encodeURIComponent(path.basename(file))}`, {
      method: 'POST',
      headers: { 'content-type': mime, 'content-length': String(found.size) },
      body: createReadStream(file),
      signal,
    });
    const text = await readText(answer.body);
    if (answer.status !== 201)
      throw new AppError('bad_input', told(text, `The gateway did not take the file (${answer.status}).`));
    return fileShape.parse(JSON.parse(text));
  }

  /** Saves a file of the chat under `target`, which must not exist. Rejects when that fails; nothing is left then. */
  async download(file: ChatFile, target: string, signal?: AbortSignal): Promise<void> {
    const answer = await this.#request(`files/${file.id}`, { method: 'GET', signal });
    if (answer.status !== 200) throw new AppError('not_found', told(await readText(answer.body), 'The file is gone.'));
    const disk = createWriteStream(target, { flags: 'wx', mode: 0o600 });
    try {
      await pipeline(answer.body, disk);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) await rm(target, { force: true });
      throw error;
    }
  }

  /** Ends everything. Unsent messages are forgotten. */
  async close(): Promise<void> {
    this.#stopped.abort();
    this.#wake();
    await Promise.allSettled([this.#sending, this.#reading]);
  }

  #queue(path: Unsent['path'], body: Record<string, unknown>): string {
    const id = this.#options.newId();
    this.#unsent.push({ id, path, body: { ...body, id } });
    this.#wake();
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    return id;
  }

  async #sendAll(): Promise<void> {
    const { on } = this.#options;
    for (let attempt = 1; this.#unsent.length > 0 && !this.#stopped.signal.aborted;) {
      const [item] = this.#unsent;
      if (item === undefined) return;
      const outcome = await this.#post(item);
      if (outcome.state === 'later') {
        await this.#pause(backoffMs(attempt++, RETRY, this.#options.random));
        continue;
      }
      attempt = 1;
      this.#unsent.shift();
      if (outcome.state === 'accepted') on.accepted(item.id);
      else if (outcome.state === 'refused') on.refused(item.id, outcome.why);
    }
  }

  async #post(item: Unsent): Promise<{ state: 'accepted' | 'later' } | { state: 'refused'; why: string }> {
    const deadline = { clock: this.#options.clock, timeoutMs: POST_TIMEOUT_MS, parent: this.#stopped.signal };
    try {
      return await withDeadline(deadline, async (signal) => {
        const answer = await this.#request(item.path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(item.body),
          signal,
        });
        const text = await readText(answer.body);
        if (answer.status === 202) return { state: 'accepted' };
        // 404: the gateway has started and this platform has not yet.
        if (answer.status >= 500 || [404, 408, 429].includes(answer.status)) return { state: 'later' };
        return { state: 'refused', why: told(text, `The gateway refused it (${answer.status}).`) };
      });
    } catch {
      return { state: 'later' };
    }
  }

  async #listen(): Promise<void> {
    const { on, random } = this.#options;
    for (let attempt = 1; !this.#stopped.signal.aborted; attempt++) {
      let why = 'the connection ended';
      try {
        await this.#readStream(() => {
          attempt = 0;
          on.connection('online', '');
          this.#wake();
        });
      } catch (error) {
        why = error instanceof Error ? error.message : 'unknown';
      }
      if (this.#stopped.signal.aborted) return;
      on.connection('offline', why);
      await this.#pauseListening(backoffMs(Math.max(1, attempt), RETRY, random));
    }
  }

  #readStream(opened: () => void): Promise<void> {
    const { clock } = this.#options;
    return withDeadline({ clock, parent: this.#stopped.signal }, async (signal, abort) => {
      let cancel = (): void => {};
      const alive = () => {
        cancel();
        cancel = clock.after(SILENCE_MS, () => abort(new Error('the gateway fell silent')));
      };
      alive();
      try {
        await this.#readEvents(signal, { alive, opened });
      } finally {
        cancel();
      }
    });
  }

  async #readEvents(signal: AbortSignal, { alive, opened }: { alive(): void; opened(): void }): Promise<void> {
    const answer = await this.#request('events', {
      method: 'GET',
      headers: this.#lastId === '' ? {} : { 'last-event-id': this.#lastId },
      signal,
    });
    if (answer.status !== 200)
      throw new Error(told(await readText(answer.body), `the gateway answered ${answer.status}`));
    let recent = true;
    for await (const event of readEvents(answer.body, alive)) {
      this.#deliver(event, recent);
      if (event.id !== '') this.#lastId = event.id;
      if (event.event === 'state' && recent) {
        recent = false;
        opened();
      }
    }
  }

  #deliver({ event, data }: ServerEvent, recent: boolean): void {
    const { on } = this.#options;
    const value: unknown = JSON.parse(data);
    if (event === 'entry') on.entry(entryShape.parse(value), recent);
    else if (event === 'draft') on.draft(draftShape.parse(value));
    else if (event === 'draft-end') on.draftEnd(z.object({ key: z.string() }).parse(value).key);
    else if (event === 'typing') on.typing(z.object({ ttlMs: z.number() }).parse(value).ttlMs);
    else if (event === 'state') on.state(stateShape.parse(value));
  }

  #request(path: string, init: Parameters<Transport>[1]) {
    return this.#options.transport(this.#options.pathOf(path), init);
  }

  /** Waits `ms`, or until something makes another try worth it. */
  async #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    await withDeadline({ clock, parent: this.#stopped.signal }, (signal, abort) => {
      this.#wake = abort;
      return clock.sleep(ms, signal);
    }).catch(() => undefined);
    this.#wake = () => {};
  }

  async #pauseListening(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stopped.signal).catch(() => undefined);
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** What the server said in `{error: {message}}`. */
function told(text: string, otherwise: string): string {
  try {
    return problemShape.parse(JSON.parse(text)).error.message;
  } catch {
    return otherwise;
  }
}
