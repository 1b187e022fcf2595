// Requests of the API as messages of a chat, and the chat's answers as responses.
import { createHash, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import { chatId, messageId, type ChatId, type MessageId, type UserId } from '../../shared/ids.ts';
import type { AttachmentRef } from '../../shared/messages.ts';
import type { Adapter, AdapterHost, AdapterInput, DraftUpdate, InboundMessage, OutboundMessage } from '../contract.ts';
import { loadKey, makeFileSeal, readStored, refOf, type FileSeal } from '../local-chat/files.ts';
import { problemAnswer, problemOf, unknownUrl } from './answers.ts';
import { API_CAPABILITIES } from './capabilities.ts';
import { completeChat } from './chat-completions.ts';
import { findConversation, rememberResponse, SESSION_HEADER, type Conversation } from './conversations.ts';
import { Exchange, joined, lineOf, type Asking } from './exchange.ts';
import { readUser } from './keys.ts';
import { handleJobs, isJobsPath } from './jobs.ts';
import { listModels, MODEL, showModel, unknownModel } from './models.ts';
import { chatRequest, messagesOf, readSaid, responsesRequest, type Said } from './requests.ts';
import { respond } from './responses.ts';
import { transcribe } from './transcriptions.ts';

export interface ApiSettings {
  max_wait_s: number;
}

/** How long a stranger waits for the code that lets them in. */
const CODE_WAIT_MS = 5_000;

export function makeApiAdapter(input: AdapterInput<ApiSettings>, clock: Clock = systemClock): Adapter {
  const exchange = new Exchange(clock);
  let api: Api | undefined;
  return {
    capabilities: () => API_CAPABILITIES,
    async start(host) {
      const seal = makeFileSeal(await loadKey(host.cursor, 'file-key'));
      const opened = new Api({ ...input, host, seal, exchange, clock });
      host.serve((request) => opened.handle(request), { at: 'v1' });
      api = opened;
      host.status('online');
    },
    async stop() {
      api = undefined;
    },
    async send(to, message) {
      if (api) await api.say(to.chat, message);
      else exchange.said(to.chat, message);
      return { ok: true, ids: [messageId(message.key)] };
    },
    async draft(to, update) {
      await api?.show(to.chat, update);
      return { ok: true, ids: [messageId(update.key)] };
    },
    async open(ref, signal) {
      const file = api?.fileOf(ref.ref);
      if (file === undefined) throw new AppError('not_found', 'This file is not known here. Send it again.');
      return readStored(file, signal);
    },
  };
}

interface ApiParts extends AdapterInput<ApiSettings> {
  host: AdapterHost;
  seal: FileSeal;
  exchange: Exchange;
  clock: Clock;
}

class Api {
  readonly #parts: ApiParts;
  /** Whether the request that waits is the one that the latest draft is for. */
  #drafted: { key: string; waiting: MessageId; isTheirs: boolean } | undefined;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  fileOf(ref: string) {
    return this.#parts.seal.unsealRef(ref);
  }

  async handle(request: Request): Promise<Response> {
    try {
      return await this.#route(request);
    } catch (error) {
      const known = asAppError(error);
      if (known.code === 'internal') this.#parts.host.log.error({ err: error }, 'a request failed');
      return problemAnswer(problemOf(known));
    }
  }

  async #route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const user = readUser(request);
    if (user === undefined)
      return refuse('Send a key of this Herald as Authorization: Bearer. `herald keys create` makes one.');
    const route = `${request.method} ${pathname}`;
    if (route === 'POST /v1/chat/completions') return this.#chat(request, user);
    if (route === 'POST /v1/responses') return this.#responses(request, user);
    if (!(await this.#parts.host.isPaired(user)))
      return refuse('This key is not paired. Send a message with it: the answer says how it is let in.');
    if (route === 'GET /v1/models') return listModels();
    if (route.startsWith('GET /v1/models/')) return showModel(decodeURIComponent(pathname.slice('/v1/models/'.length)));
    if (route === 'POST /v1/audio/transcriptions') return transcribe(this.#parts.host, request);
    if (isJobsPath(pathname)) return this.#jobs(request, user);
    return unknownUrl(request.method, pathname);
  }

  async #jobs(request: Request, user: UserId): Promise<Response> {
    const panel = await this.#parts.host.panel?.(user);
    if (panel?.jobs === undefined)
      throw new AppError('not_allowed', 'There are no jobs for the person of this key. Nothing was changed.');
    return handleJobs({
      jobs: panel.jobs,
      request,
      now: this.#now(),
      read: (schema) => readBody(request, schema),
    });
  }

  async #chat(request: Request, user: UserId): Promise<Response> {
    const body = await readBody(request, chatRequest);
    const refused = refusedOf(body, body.n);
    if (refused) return refused;
    const said = readSaid(body.messages, '');
    const stranger = await this.#unlessPaired(user, said);
    if (stranger) return stranger;
    const conversation = await this.#conversation(request, user, { said, previous: undefined });
    return completeChat(this.#asking(request, user, { said, conversation }), body.stream === true, this.#now());
  }

  async #responses(request: Request, user: UserId): Promise<Response> {
    const body = await readBody(request, responsesRequest);
    const refused = refusedOf(body, undefined);
    if (refused) return refused;
    const said = readSaid(messagesOf(body.input), body.instructions ?? '');
    const stranger = await this.#unlessPaired(user, said);
    if (stranger) return stranger;
    const previous = body.previous_response_id ?? undefined;
    const conversation = await this.#conversation(request, user, { said, previous });
    const { cursor } = this.#parts.host;
    return respond(
      this.#asking(request, user, { said, conversation }),
      {
        stream: body.stream === true,
        instructions: body.instructions ?? null,
        previous: previous ?? null,
        remember: (response) => rememberResponse(cursor, response, conversation.chat),
      },
      this.#now(),
    );
  }

  #conversation(request: Request, user: UserId, asked: { said: Said; previous: string | undefined }) {
    const session = request.headers.get(SESSION_HEADER) ?? undefined;
    return findConversation(this.#parts.host.cursor, { user, session, ...asked });
  }

  /** A stranger gets a code, as in every chat, and nothing else; undefined for people who are paired. */
  async #unlessPaired(user: UserId, said: Said): Promise<Response | undefined> {
    const { host, exchange, clock } = this.#parts;
    if (await host.isPaired(user)) return undefined;
    const chat = chatId(`${user}:stranger`);
    const id = messageId(randomUUID());
    const message = await withDeadline({ clock, timeoutMs: CODE_WAIT_MS * 2 }, (signal) =>
      exchange.ask(chat, {
        message: id,
        start: async () => {
          const inbound = this.#inbound(user, { chat, detached: true, isNew: true }, said.text.slice(0, 1_000));
          await host.receive({ ...inbound, id, attachments: [] });
        },
        draft: () => undefined,
        maxWaitMs: CODE_WAIT_MS,
        signal,
      }),
    ).catch(() => 'This key is not paired with anybody.');
    return refuse(message);
  }

  #asking(request: Request, user: UserId, at: { said: Said; conversation: Conversation }): Asking {
    const { host, exchange, settings } = this.#parts;
    const { chat } = at.conversation;
    return {
      signal: request.signal,
      ask: async ({ draft, signal }) => {
        const id = messageId(idempotencyKey(request) ?? randomUUID());
        const message: InboundMessage = {
          ...this.#inbound(user, at.conversation, textOf(at.said, at.conversation)),
          id,
          attachments: await this.#keepFiles(at.said, chat),
        };
        let known: string | undefined;
        const answered = new AbortController();
        const start = async () => {
          const state = await host.receive(message);
          known = state === 'duplicate' ? await this.#answerTo(chat, id) : undefined;
          if (known !== undefined) answered.abort();
        };
        const maxWaitMs = settings.max_wait_s * 1000;
        try {
          return await exchange.ask(chat, {
            message: id,
            start,
            draft,
            maxWaitMs,
            signal: anySignal(signal, answered),
          });
        } catch (error) {
          if (known !== undefined) return known;
          throw error;
        }
      },
    };
  }

  #inbound(user: UserId, { chat, detached }: Conversation, text: string): Omit<InboundMessage, 'id' | 'attachments'> {
    return {
      kind: 'message',
      account: this.#parts.account,
      chat,
      chatKind: 'dm',
      revision: '',
      sender: { id: user, name: 'API', bot: false },
      sentAt: this.#now(),
      text,
      addressed: true,
      detached,
    };
  }

  async #keepFiles({ files }: Said, chat: InboundMessage['chat']): Promise<readonly AttachmentRef[]> {
    const { host, seal } = this.#parts;
    const kept: AttachmentRef[] = [];
    for (const { name, mime, bytes } of files) {
      const file = await host.storeUpload(name, mime, new Blob([new Uint8Array(bytes)]).stream());
      kept.push({ ...file, ref: refOf(chat, seal.seal(chat, file).id) });
    }
    return kept;
  }

  /** What was answered to a message that came before; undefined while it is still worked on. */
  async #answerTo(chat: ChatId, message: MessageId): Promise<string | undefined> {
    const { isOpen, said } = await this.#parts.host.exchange(chat, { message });
    const { exchange } = this.#parts;
    // What is still to be sent comes to the request that waits.
    if (isOpen || said.length === 0 || said.some(({ key, isPending }) => isPending && !exchange.has(chat, key)))
      return undefined;
    const lines = said.map(lineOf);
    exchange.forget(chat, lines);
    return joined(lines);
  }

  /** To the request whose message it answers, where that waits. */
  async say(chat: ChatId, message: OutboundMessage): Promise<void> {
    const { exchange, host } = this.#parts;
    const waiting = message.isEnd === true ? exchange.waitingFor(chat) : undefined;
    // Kept first: whatever goes wrong with finding out whose it is, it comes with the next answer.
    const line = exchange.said(chat, message);
    if (waiting === undefined) return;
    const { asked, said } = await host.exchange(chat, { line: message.key });
    if (asked.length === 0) return exchange.answered(chat, waiting, [line]);
    if (asked.includes(waiting) || (await this.#isAnswerless(chat, waiting)))
      exchange.answered(chat, waiting, said.map(lineOf));
  }

  async show(chat: ChatId, { key, text }: DraftUpdate): Promise<void> {
    const { exchange, host } = this.#parts;
    const waiting = exchange.waitingFor(chat);
    if (waiting === undefined) return;
    if (this.#drafted?.key !== key || this.#drafted.waiting !== waiting) {
      const { asked } = await host.exchange(chat, { line: key });
      this.#drafted = { key, waiting, isTheirs: asked.includes(waiting) || (await this.#isAnswerless(chat, waiting)) };
    }
    if (this.#drafted.isTheirs) exchange.drafted(chat, waiting, text);
  }

  /** It was taken as the answer to a question, and ended with that: what the question's turn says is said to it. */
  async #isAnswerless(chat: ChatId, message: MessageId): Promise<boolean> {
    const { isOpen, said } = await this.#parts.host.exchange(chat, { message });
    return !isOpen && said.length === 0;
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

function textOf(said: Said, { isNew }: Conversation): string {
  return isNew && said.instructions !== '' ? `${said.instructions}\n\n${said.text}` : said.text;
}

function refuse(message: string): Response {
  return problemAnswer({ status: 401, type: 'authentication_error', code: 'invalid_api_key', message });
}

/** What a client may ask of a model and cannot be done by an agent. */
function refusedOf(
  body: { model?: string | undefined; tools?: readonly unknown[] | null | undefined },
  n: number | null | undefined,
): Response | undefined {
  if (body.model !== undefined && body.model !== MODEL) return unknownModel(body.model);
  if ((body.tools?.length ?? 0) > 0)
    return unsupported('tools', 'Tools of a client are not run: the agent has its own. Leave tools out.');
  return (n ?? 1) === 1 ? undefined : unsupported('n', 'There is one answer. Leave n out.');
}

function unsupported(param: string, message: string): Response {
  return problemAnswer({ status: 400, type: 'invalid_request_error', code: 'unsupported_parameter', message, param });
}

async function readBody<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.output<Schema>> {
  const body: unknown = await request.json().catch(() => {
    throw new AppError('bad_input', 'The body is no JSON.');
  });
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'the body');
  throw new AppError('bad_input', `This cannot be understood: ${[...new Set(where)].slice(0, 5).join(', ')}.`);
}

/** The same key is the same message, however often it is sent. */
function idempotencyKey(request: Request): string | undefined {
  const key = request.headers.get('idempotency-key');
  return key === null || key === ''
    ? undefined
    : `k-${createHash('sha256').update(key).digest('base64url').slice(0, 32)}`;
}

/** Aborts `second` with `first`, and nothing of it stays behind when the request is over. */
function anySignal(first: AbortSignal, second: AbortController): AbortSignal {
  if (first.aborted) second.abort();
  else first.addEventListener('abort', () => second.abort(), { once: true });
  return second.signal;
}
