// An Adapter over LocalChat: what the page and the terminal share. Each brings how a request tells who sent it.
import { AppError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/clock.ts';
import { chatId, type AccountId } from '../../shared/ids.ts';
import type { Capabilities } from '../capabilities.ts';
import type { Adapter, AdapterHost, HttpHandler } from '../contract.ts';
import { LocalChat } from './chat.ts';
import type { Block } from '../markdown.ts';

type RequestMeta = Parameters<HttpHandler>[1];

/** Answers everything that reaches the account's paths; hands the protocol's requests to `chat`. */
export type LocalChatRoute = (request: Request, meta: RequestMeta, chat: LocalChat) => Promise<Response>;

export interface LocalChatAdapterOptions {
  platform: string;
  account: AccountId;
  capabilities: Capabilities;
  /** Largest file that a person can send, in bytes. */
  maxUploadBytes: number;
  renderHtml?: ((body: readonly Block[]) => string) | undefined;
  /** Whether the root of the HTTP server is ours too. */
  root: boolean;
  clock?: Clock | undefined;
  /** Loads keys and pages; called once per start. */
  openRoute(host: AdapterHost): Promise<LocalChatRoute>;
}

export function makeLocalChatAdapter(options: LocalChatAdapterOptions): Adapter {
  const { platform, account, capabilities } = options;
  const typingMs = capabilities.typing.ttlMs;
  let chat: LocalChat | undefined;
  return {
    capabilities: () => capabilities,
    async start(host) {
      const route = await options.openRoute(host);
      const opened = await LocalChat.open({
        account,
        host,
        maxTextChars: capabilities.text.max,
        maxUploadBytes: options.maxUploadBytes,
        renderHtml: options.renderHtml,
        clock: options.clock,
      });
      host.signal.throwIfAborted();
      host.signal.addEventListener('abort', () => opened.close(), { once: true });
      host.serve((request, meta) => route(request, meta, opened), { root: options.root });
      chat = opened;
      host.status('online');
    },
    async stop() {
      chat?.close();
    },
    async send(to, message, signal) {
      if (chat === undefined) return { ok: false, code: 'unreachable', reached: 'no', cause: new Error('not started') };
      return chat.send(to.chat, message, signal);
    },
    async open(ref, signal) {
      if (chat === undefined) throw new AppError('not_found', 'This chat has not started yet.', { retryable: true });
      return chat.openAttachment(ref.ref, signal);
    },
    async draft(to, update) {
      if (chat === undefined) return { ok: false, code: 'unreachable', reached: 'no', cause: new Error('not started') };
      return chat.draft(to.chat, update);
    },
    async typing(to) {
      chat?.typing(to.chat, typingMs);
    },
    async publishCommands(commands) {
      chat?.publishCommands(commands);
    },
    // In both, the chat with a person has the person's own id.
    openDm: async (user) => ({ platform, account, chat: chatId(user), kind: 'dm' }),
  };
}
