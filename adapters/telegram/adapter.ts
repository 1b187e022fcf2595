// One bot of Telegram. Wires the parts together; grammY is loaded with this file, which the manifest imports on demand.
import type { Adapter, AdapterHost, AdapterInput, DraftUpdate, OutboundMessage, SendResult } from '../contract.ts';
import type { Capabilities } from '../capabilities.ts';
import { backoffMs } from '../../shared/backoff.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type MessageId, type UserId } from '../../shared/ids.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { makeTelegramApi, type TelegramApi } from './api.ts';
import { makeCapabilities } from './capabilities.ts';
import { makeBotCommands } from './commands.ts';
import { NotCalledError } from '../transport/failures.ts';
import { describe, explainFailure, toAppError } from './errors.ts';
import { openFile } from './files.ts';
import type { Bot } from './inbound-text.ts';
import { makeLimiter, noLimiter } from './limiter.ts';
import { editMessage, sendDraft, sendMessage, setReaction, showTyping, type OutboundDeps } from './outbound.ts';
import { pollUpdates } from './receive/polling.ts';
import { makeReceiver, type Receiver } from './receive/receiver.ts';
import { DEFAULT_API_ROOT, type TelegramSettings } from './settings.ts';
import { keepWebhook, makeWebhookHandler } from './receive/webhook.ts';

const CONNECT_BACKOFF = { baseMs: 500, maxMs: 60_000 };

export function makeTelegramAdapter(input: AdapterInput<TelegramSettings>, clock: Clock = systemClock): Adapter {
  return new TelegramAdapter(input, clock);
}

class TelegramAdapter implements Adapter {
  readonly #input: AdapterInput<TelegramSettings>;
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #api: TelegramApi;
  readonly #outbound: OutboundDeps;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isStarted = false;
  /** False once a server has said that it does not know drafts. */
  #hasDrafts = true;
  #wake: () => void = () => {};
  #log: Logger = silentLog;

  constructor(input: AdapterInput<TelegramSettings>, clock: Clock) {
    const { settings } = input;
    this.#input = input;
    this.#clock = clock;
    this.#redactor = makeRedactor([settings.token, ...(settings.webhook ? [settings.webhook.secret] : [])]);
    this.#api = makeTelegramApi({ token: settings.token, apiRoot: settings.api_root, fetch: input.fetch });
    const limiter = settings.rate_limit ? makeLimiter(clock) : noLimiter;
    this.#outbound = { api: this.#api, limiter, redactor: this.#redactor, clock };
  }

  capabilities(at: Address): Capabilities {
    const { streaming, api_root: root } = this.#input.settings;
    const shown = streaming === 'draft' && !this.#hasDrafts ? 'edit' : streaming;
    return makeCapabilities(at.kind, { streaming: shown, isLocalServer: root !== DEFAULT_API_ROOT });
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#isStarted) throw new AppError('internal', 'The Telegram adapter was started twice.');
    this.#isStarted = true;
    this.#log = host.log;
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const bot = await this.#whoAmI().catch((error: unknown) => {
      const failure = toAppError(error, this.#redactor);
      // A network that is down is no misconfiguration: the loop goes on trying.
      if (failure.code === 'platform_auth') throw failure;
      host.status('offline', 'Telegram cannot be reached; it is tried again by itself.');
      return undefined;
    });
    this.#running = this.#run(host, bot).catch((error: unknown) => {
      host.log.error(
        { problem: describe(error, this.#redactor).message },
        'the Telegram connection ended unexpectedly',
      );
      host.status('offline', 'The connection to Telegram ended unexpectedly. Restart the gateway.');
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
  }

  async #whoAmI(): Promise<Bot> {
    const me = await this.#api.run((raw) => raw.getMe(), { signal: this.#stopping.signal });
    return { id: me.id, username: me.username };
  }

  /** Finds out who we are if that is not known yet, then receives until we are stopped. */
  async #run(host: AdapterHost, known: Bot | undefined): Promise<void> {
    const { signal } = this.#stopping;
    let bot = known;
    for (let attempt = 1; !bot && !signal.aborted; attempt++) {
      await this.#clock.sleep(backoffMs(attempt, CONNECT_BACKOFF), signal).catch(() => undefined);
      bot = await this.#whoAmI().catch((error: unknown) => {
        const { code } = explainFailure(error, this.#redactor);
        if (code === 'auth')
          host.status(
            'needs-login',
            'Telegram refuses the bot token. Ask @BotFather for a new one and set TELEGRAM_BOT_TOKEN.',
          );
        return undefined;
      });
    }
    if (!bot || signal.aborted) return;
    const base = { api: this.#api, host, redactor: this.#redactor, clock: this.#clock, signal };
    const receiver = makeReceiver({ ...base, account: this.#input.account, bot });
    await this.#receive(base, receiver);
    await receiver.settle();
  }

  async #receive(
    base: { api: TelegramApi; host: AdapterHost; redactor: Redactor; clock: Clock; signal: AbortSignal },
    receiver: Receiver,
  ): Promise<void> {
    const { webhook } = this.#input.settings;
    if (!webhook) {
      await pollUpdates({ ...base, receiver });
      return;
    }
    const deps = { ...base, receiver, webhook };
    base.host.serve(makeWebhookHandler(deps));
    await keepWebhook(deps, () => new Promise((resolve) => (this.#wake = resolve)));
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (this.#stopping.signal.aborted)
      return explainFailure(new NotCalledError('The adapter was stopped.'), this.#redactor);
    return this.#noticed(await sendMessage(this.#outbound, to, message, signal));
  }

  async edit(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (this.#stopping.signal.aborted)
      return explainFailure(new NotCalledError('The adapter was stopped.'), this.#redactor);
    return this.#noticed(await editMessage(this.#outbound, { to, id, message }, signal));
  }

  async draft(to: Address, update: DraftUpdate, signal: AbortSignal): Promise<SendResult> {
    const result = await sendDraft(this.#outbound, to, update, signal);
    if (!result.ok && result.code === 'unsupported' && to.kind === 'dm') this.#hasDrafts = false;
    return result;
  }

  async typing(to: Address): Promise<void> {
    await showTyping(this.#outbound, to);
  }

  async react(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    return setReaction(this.#outbound, to, id, emoji);
  }

  /** The private chat with a person has the person's id. It opens only once they have written to the bot; a send says so. */
  async openDm(user: UserId): Promise<Address | undefined> {
    if (!/^\d+$/.test(user)) return undefined;
    return { platform: this.#input.platform, account: this.#input.account, chat: chatId(user), kind: 'dm' };
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { settings, fetch: fetchFile } = this.#input;
    return openFile({ api: this.#api, settings, fetch: fetchFile, redactor: this.#redactor }, ref, signal);
  }

  async publishCommands(commands: readonly { name: string; description: string }[]): Promise<void> {
    try {
      await this.#api.run((raw) => raw.setMyCommands({ commands: makeBotCommands(commands) }), {
        signal: this.#stopping.signal,
      });
    } catch (error) {
      this.#log.warn({ problem: describe(error, this.#redactor).message }, 'the command menu could not be published');
    }
  }

  /** With a webhook nothing else tells that the network is gone, so a failed send makes the keeper look. */
  #noticed(result: SendResult): SendResult {
    if (!result.ok && result.code === 'unreachable') this.#wake();
    return result;
  }
}
