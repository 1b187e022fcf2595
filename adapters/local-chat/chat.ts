// The server's half of the protocol in protocol.ts: what the page and the terminal have in common. Nothing here is
// durable but what the core keeps: a line that nobody is connected for is shown from the core's timeline later.
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import { messageId, type AccountId, type ChatId, type MessageId, type UserId } from '../../shared/ids.ts';
import type { AttachmentRef, ReplyRef, StoredFile } from '../../shared/messages.ts';
import { cleanText, preview } from '../../shared/text.ts';
import type {
  AdapterHost,
  DraftUpdate,
  InboundMessage,
  OutboundMessage,
  SendCode,
  SendResult,
  TimelineEntry,
} from '../contract.ts';
import { Elsewhere } from './elsewhere.ts';
import { fileAnswer, loadKey, makeFileSeal, readStored, refOf, type FileSeal } from './files.ts';
import {
  buttonPost,
  messagePost,
  type ChatDraft,
  type ChatEntry,
  type ChatReceipt,
  type ChatState,
  type ChatTimeline,
} from './protocol.ts';
import { json, problem, readPost } from './requests.ts';
import { EventStreams, eventChunk } from './event-streams.ts';
import { Uploads } from './uploads.ts';
import { parseMarkdown, plainText, type Block } from '../markdown.ts';

/** Lines shown on connect. */
const RECENT_ENTRIES = 50;
/** Of these, as many of the newest as fit in this many characters of JSON. */
const RECENT_CHARS = 2 * 1024 * 1024;
const MAX_PAGE = 100;
/** How far back a line is looked for that a person answers to, or that is being sent. */
const LOOK_BACK = 50;

export interface LocalChatOptions {
  account: AccountId;
  host: AdapterHost;
  maxTextChars: number;
  maxUploadBytes: number;
  /** Lays out lines of ours as safe HTML; without it clients get the tree itself. */
  renderHtml?: ((body: readonly Block[]) => string) | undefined;
  clock?: Clock | undefined;
}

/** Who sent a request, as the adapter has established it. */
export interface LocalChatClient {
  chat: ChatId;
  user: UserId;
  /** For people; foreign text. */
  name?: string | undefined;
}

export class LocalChat {
  readonly #options: LocalChatOptions;
  readonly #host: AdapterHost;
  readonly #clock: Clock;
  readonly #seal: FileSeal;
  readonly #streams: EventStreams;
  readonly #uploads: Uploads;
  readonly #elsewhere: Elsewhere;
  #commands: ChatState['commands'] = [];
  #closed = false;

  /** Rejects when the key of file ids cannot be read or kept. */
  static async open(options: LocalChatOptions): Promise<LocalChat> {
    return new LocalChat(options, makeFileSeal(await loadKey(options.host.cursor, 'file-key')));
  }

  private constructor(options: LocalChatOptions, seal: FileSeal) {
    this.#options = options;
    this.#host = options.host;
    this.#clock = options.clock ?? systemClock;
    this.#seal = seal;
    this.#uploads = new Uploads(options.host, options.maxUploadBytes);
    this.#streams = new EventStreams(this.#clock, randomBytes(6).toString('hex'));
    this.#elsewhere = new Elsewhere(options.host, this.#streams, (chat, entry) => this.#fromTimeline(chat, entry));
  }

  /** Answers a request of the protocol; undefined when the path is none of it. Rejects with AppError for the HTTP server to tell. */
  async handle(request: Request, client: LocalChatClient): Promise<Response | undefined> {
    if (this.#closed)
      throw new AppError('cancelled', 'Herald is stopping. Your message is kept here and sent again by itself.');
    const url = new URL(request.url);
    const route = `${request.method} ${url.pathname}`;
    switch (route) {
      case 'POST /messages':
        return this.#postMessage(request, client);
      case 'POST /buttons':
        return this.#postButton(request, client);
      case 'POST /files':
        return this.#upload(request, client, url.searchParams.get('name') ?? '');
      case 'GET /events':
        return this.#events(client, request.headers.get('last-event-id') ?? url.searchParams.get('after') ?? undefined);
      case 'GET /timeline':
        return this.#timeline(client, url.searchParams);
      default:
        return route.startsWith('GET /files/')
          ? this.#download(request, client, url.pathname.slice('/files/'.length))
          : undefined;
    }
  }

  /** See Adapter.send. The core's row is the durable copy, so it succeeds when nobody is connected. */
  async send(chat: ChatId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (signal.aborted || this.#closed) return failed('unreachable', 'cancelled before it was sent');
    for (const file of message.files) {
      const found = await stat(file.path).catch(() => undefined);
      if (found?.isFile() !== true) return failed('bad_request', `the file ${file.name} is gone from disk`);
    }
    const sent: SendResult = { ok: true, ids: [messageId(message.key)] };
    if (!this.#streams.follows(chat)) return sent;
    const stored = await this.#lookUp(chat, (entry) => entry.key === message.key);
    const entry: ChatEntry = {
      key: message.key,
      direction: 'out',
      kind: stored?.kind ?? 'answer',
      at: stored?.at ?? this.#clock.now(),
      ...(message.plain ? { text: plainText(message.body) } : this.#shown(message.body)),
      files: message.files.map((file) => this.#seal.seal(chat, file)),
      buttons: message.buttons,
      replyTo: message.replyTo,
    };
    this.#streams.entry(chat, entry, true);
    return sent;
  }

  draft(chat: ChatId, { key, text, tools }: DraftUpdate): SendResult {
    if (this.#closed) return failed('unreachable', 'the adapter is stopped');
    if (this.#streams.follows(chat)) {
      const html = this.#options.renderHtml?.(parseMarkdown(text));
      const draft: ChatDraft = { key, text, html, tools };
      this.#streams.draft(chat, draft);
    }
    return { ok: true, ids: [messageId(key)] };
  }

  typing(chat: ChatId, ttlMs: number): void {
    this.#streams.typing(chat, { ttlMs });
  }

  publishCommands(commands: ChatState['commands']): void {
    this.#commands = commands.map(({ name, description }) => ({ name, description: preview(description, 200) }));
    this.#streams.broadcast('state', this.#state({ resumed: true, more: false }));
  }

  /** See Adapter.open. */
  async openAttachment(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const file = this.#seal.unsealRef(ref);
    if (file === undefined) throw new AppError('not_found', 'This file is not known here. Send it again.');
    return readStored(file, signal);
  }

  /** Idempotent. Ends all streams; requests are refused from now on. */
  close(): void {
    this.#closed = true;
    this.#elsewhere.close();
    this.#streams.close();
  }

  async #postMessage(request: Request, client: LocalChatClient): Promise<Response> {
    const post = await readPost(request, messagePost);
    if (post instanceof Response) return post;
    if (cleanText(post.text).trim() === '' && post.files.length === 0)
      throw new AppError('bad_input', 'The message is empty. Nothing was sent.');
    const files = post.files.map((id) => this.#seal.unseal(client.chat, id));
    if (!files.every((file) => file !== undefined)) {
      throw new AppError('bad_input', 'An attached file is not known here. Nothing was sent; attach it again.');
    }
    const message: InboundMessage = {
      ...this.#inbound(client, post.id),
      kind: 'message',
      text: post.text,
      attachments: files.map((file, index) => attachment(file, refOf(client.chat, post.files[index] ?? ''))),
      replyTo: post.replyTo === undefined ? undefined : await this.#replyRef(client.chat, post.replyTo),
    };
    const state = await this.#receive(message);
    if (state === 'new' && this.#streams.follows(client.chat))
      this.#streams.entry(client.chat, this.#echo(client.chat, message, files), false);
    return accepted({ id: post.id, state });
  }

  async #postButton(request: Request, client: LocalChatClient): Promise<Response> {
    const post = await readPost(request, buttonPost);
    if (post instanceof Response) return post;
    const button = { data: post.data, message: messageId(post.message) };
    const state = await this.#receive({
      ...this.#inbound(client, post.id),
      kind: 'button',
      text: '',
      attachments: [],
      button,
    });
    return accepted({ id: post.id, state });
  }

  #inbound(client: LocalChatClient, id: string) {
    return {
      account: this.#options.account,
      chat: client.chat,
      chatKind: 'dm',
      id: messageId(id),
      revision: '',
      sender: { id: client.user, name: client.name, bot: false },
      sentAt: this.#clock.now(),
      addressed: true,
    } as const;
  }

  async #receive(message: InboundMessage): Promise<'new' | 'duplicate'> {
    try {
      const state = await this.#host.receive(message);
      this.#host.status('online');
      return state;
    } catch (error) {
      const known = asAppError(error);
      this.#host.log.warn({ code: known.code }, 'a message could not be stored');
      if (known.code !== 'internal') throw known;
      throw new AppError(
        'internal',
        'The message could not be stored just now. It is kept here and sent again by itself.',
        {
          retryable: true,
          cause: error,
        },
      );
    }
  }

  async #upload(request: Request, client: LocalChatClient, name: string): Promise<Response> {
    const taken = await this.#uploads.take(request, client, name);
    return taken instanceof Response ? taken : json(201, this.#seal.seal(client.chat, taken));
  }

  async #download(request: Request, { chat }: LocalChatClient, id: string): Promise<Response> {
    const file = this.#seal.unseal(chat, id);
    if (file === undefined) throw new AppError('not_found', 'This file is not known in this chat.');
    return fileAnswer(file, request);
  }

  #events({ chat }: LocalChatClient, lastEventId: string | undefined): Response {
    const stream = this.#streams.subscribe(chat, lastEventId, async ({ resumed, id }) => {
      if (resumed) return [eventChunk('state', this.#state({ resumed, more: true }), id)];
      const stored = await this.#host.timeline(chat, { limit: RECENT_ENTRIES });
      const chunks: string[] = [];
      let chars = 0;
      for (const entry of stored.toReversed()) {
        const chunk = eventChunk('entry', this.#fromTimeline(chat, entry));
        chars += chunk.length;
        if (chars > RECENT_CHARS && chunks.length > 0) break;
        this.#elsewhere.wasShown(chat, entry);
        chunks.unshift(chunk);
      }
      const more = chunks.length < stored.length || stored.length === RECENT_ENTRIES;
      return [...chunks, eventChunk('state', this.#state({ resumed, more }), id)];
    });
    this.#elsewhere.follow(chat);
    if (stream === 'full') return problem(429, 'busy', 'This chat is open in too many places. Close one of them.');
    return new Response(stream, {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // Buffering proxies would hold the stream back.
        'x-accel-buffering': 'no',
      },
    });
  }

  async #timeline({ chat }: LocalChatClient, query: URLSearchParams): Promise<Response> {
    const limit = Math.min(MAX_PAGE, Math.max(1, Math.trunc(Number(query.get('limit') ?? RECENT_ENTRIES)) || 1));
    const stored = await this.#host.timeline(chat, { limit, before: query.get('before') ?? undefined });
    const page: ChatTimeline = {
      entries: stored.map((entry) => this.#fromTimeline(chat, entry)),
      more: stored.length === limit,
    };
    return json(200, page);
  }

  #state(at: Pick<ChatState, 'resumed' | 'more'>): ChatState {
    const { maxTextChars, maxUploadBytes } = this.#options;
    return { ...at, commands: this.#commands, maxTextChars, maxUploadBytes };
  }

  #fromTimeline(chat: ChatId, { text, files, buttons, ...line }: TimelineEntry): ChatEntry {
    return {
      ...line,
      ...(line.direction === 'in' ? { text } : this.#shown(parseMarkdown(text))),
      files: files.map((file) => this.#seal.seal(chat, file)),
      buttons,
    };
  }

  #shown(body: readonly Block[]): Pick<ChatEntry, 'text' | 'body' | 'html'> {
    const { renderHtml } = this.#options;
    return renderHtml === undefined ? { text: '', body } : { text: '', html: renderHtml(body) };
  }

  /** The person's own line, for their other windows. The timeline has it under a key of its own; `message` tells that it is the same. */
  #echo(chat: ChatId, message: InboundMessage, files: readonly StoredFile[]): ChatEntry {
    return {
      key: `in:${message.id}`,
      message: message.id,
      direction: 'in',
      kind: message.text.startsWith('/') ? 'command' : 'message',
      at: message.sentAt,
      text: message.text,
      files: files.map((file) => this.#seal.seal(chat, file)),
      buttons: [],
    };
  }

  async #replyRef(chat: ChatId, key: string): Promise<ReplyRef> {
    const message: MessageId = messageId(key);
    const entry = await this.#lookUp(chat, (line) => line.key === key || line.message === message);
    if (entry === undefined) return { message };
    const mine = entry.direction === 'out';
    return { message, mine, text: mine ? plainText(parseMarkdown(entry.text)) : entry.text };
  }

  async #lookUp(chat: ChatId, passes: (entry: TimelineEntry) => boolean): Promise<TimelineEntry | undefined> {
    const recent = await this.#host.timeline(chat, { limit: LOOK_BACK }).catch(() => []);
    return recent.findLast(passes);
  }
}

function attachment({ kind, name, mime, bytes }: StoredFile, ref: string): AttachmentRef {
  return { kind, ref, name, mime, bytes };
}

function accepted(receipt: ChatReceipt): Response {
  return json(202, receipt);
}

function failed(code: SendCode, why: string): SendResult {
  return { ok: false, code, reached: 'no', cause: new Error(why) };
}
