// Delivery of updates to a webhook: POST with the secret in a header, updates of one chat in order, each again until it is taken.
// https://core.telegram.org/bots/api#setwebhook (read 2026-11-21)
import type { WebhookInfo } from 'grammy/types';
import type { Clock } from '../../../shared/clock.ts';
import { badRequest, isRecord, parseJson, type ApiRequest } from './http.ts';
import { readInteger, readList, readText } from './params.ts';
import type { StoredUpdate, UpdateQueue } from './updates.ts';

const DELIVERY_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;
const DEFAULT_CONNECTIONS = 40;

export interface WebhookOptions {
  clock: Clock;
  queue: UpdateQueue;
  /** Where to reach an origin, e.g. {'https://bot.example': 'http://127.0.0.1:8443'}. */
  origins: Readonly<Record<string, string>>;
  /** Runs the call that a webhook may answer with. */
  runReply: (method: string, parameters: Record<string, unknown>) => void;
}

export class Webhook {
  readonly #options: WebhookOptions;
  #url = '';
  #secret = '';
  #connections = DEFAULT_CONNECTIONS;
  #lastError: { message: string; date: number } | undefined;
  /** Being delivered, by chat. */
  readonly #busy = new Set<string>();
  #stop = new AbortController();

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#url;
  }

  /** @throws ApiError 400 for an address that the real server would not call; http is taken on loopback only. */
  set(request: ApiRequest): void {
    const url = readText(request, 'url');
    if (url === '') return this.remove(request);
    if (!URL.canParse(url)) throw badRequest('bad webhook: invalid HTTP URL specified');
    const { protocol, hostname } = new URL(url);
    if (protocol !== 'https:' && !(protocol === 'http:' && hostname === '127.0.0.1'))
      throw badRequest('bad webhook: An HTTPS URL must be provided for webhook');
    const secret = readText(request, 'secret_token');
    if (!/^[A-Za-z0-9_-]{0,256}$/.test(secret)) throw badRequest('secret token contains unallowed characters');
    this.#halt();
    this.#options.queue.dropPending(request);
    this.#options.queue.setAllowed(readList(request, 'allowed_updates'));
    this.#url = url;
    this.#secret = secret;
    this.#connections = Math.min(Math.max(readInteger(request, 'max_connections') ?? DEFAULT_CONNECTIONS, 1), 100);
    this.#lastError = undefined;
    this.#options.queue.onUpdate = () => this.#deliver();
    this.#deliver();
  }

  remove(request: ApiRequest): void {
    this.#halt();
    this.#options.queue.dropPending(request);
    this.#url = '';
    this.#options.queue.onUpdate = undefined;
  }

  #halt(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#busy.clear();
  }

  close(): void {
    this.#stop.abort();
    this.#options.queue.onUpdate = undefined;
  }

  info(): WebhookInfo {
    const { queue } = this.#options;
    const lastError = this.#lastError;
    return {
      url: this.#url,
      has_custom_certificate: false,
      pending_update_count: queue.pending.length,
      ...(this.#url === '' ? {} : { max_connections: this.#connections, ip_address: '127.0.0.1' }),
      ...(lastError ? { last_error_date: lastError.date, last_error_message: lastError.message } : {}),
      ...(queue.allowed ? { allowed_updates: queue.allowed as NonNullable<WebhookInfo['allowed_updates']> } : {}),
    };
  }

  /** Starts what may start: the first waiting update of each chat that has none under way. */
  #deliver(): void {
    const { signal } = this.#stop;
    if (signal.aborted || this.#url === '') return;
    for (const update of this.#options.queue.pending) {
      const lane = laneOf(update);
      if (this.#busy.size >= this.#connections) return;
      if (this.#busy.has(lane)) continue;
      this.#busy.add(lane);
      void this.#deliverOne(update, signal).then(() => {
        if (signal.aborted) return;
        this.#busy.delete(lane);
        this.#deliver();
      });
    }
  }

  /** Ends when it is taken or the webhook is gone. */
  async #deliverOne(update: StoredUpdate, signal: AbortSignal): Promise<void> {
    const { clock, queue } = this.#options;
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      const failure = await this.#post(update, signal);
      if (failure === undefined) return queue.confirmOne(update);
      this.#lastError = { message: failure, date: Math.floor(clock.now() / 1000) };
      await clock.sleep(retryMs, signal).catch(() => undefined);
    }
  }

  /** Undefined: taken. Else what getWebhookInfo tells. */
  async #post(update: StoredUpdate, signal: AbortSignal): Promise<string | undefined> {
    const { origin, pathname, search } = new URL(this.#url);
    try {
      const response = await fetch(`${this.#options.origins[origin] ?? origin}${pathname}${search}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(this.#secret === '' ? {} : { 'x-telegram-bot-api-secret-token': this.#secret }),
        },
        body: JSON.stringify(update),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(DELIVERY_TIMEOUT_MS)]),
      });
      const text = await response.text();
      if (!response.ok) return `Wrong response from the webhook: ${response.status} ${response.statusText}`;
      this.#runReply(text);
      return undefined;
    } catch (error) {
      return `Connection failed: ${error instanceof Error ? error.name : String(error)}`;
    }
  }

  /** https://core.telegram.org/bots/api#making-requests-when-getting-updates (read 2026-11-21) */
  #runReply(text: string): void {
    const reply = parseJson(text);
    if (!isRecord(reply)) return;
    const { method, ...parameters } = reply;
    if (typeof method === 'string') this.#options.runReply(method, parameters);
  }
}

/** Updates of one chat keep their order. */
function laneOf(update: StoredUpdate): string {
  for (const content of Object.values(update)) {
    if (!isRecord(content)) continue;
    const message = isRecord(content['message']) ? content['message'] : content;
    if (isRecord(message['chat'])) return String(message['chat']['id']);
  }
  return `update ${update.update_id}`;
}
