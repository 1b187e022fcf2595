// A WhatsApp business number through Meta's Cloud API: messages come by webhook, answers go by calls.
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../../contract.ts';
import type { Capabilities } from '../../capabilities.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { untilAborted, withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import type { MessageId, UserId } from '../../../shared/ids.ts';
import { silentLog, type Logger } from '../../../shared/log.ts';
import type { Address, AttachmentRef } from '../../../shared/messages.ts';
import { makeCloudCapabilities } from '../capabilities.ts';
import { makeGaps, type Gaps } from '../gaps.ts';
import { dmOf, openIdentities } from '../identity.ts';
import { openRecentMessages } from '../recent.ts';
import { explainFailure, SendError } from '../send-error.ts';
import type { CloudSettings, WhatsAppSettings } from '../settings.ts';
import { makeCloudApi, type CloudApi } from './api.ts';
import { makeCommands } from './commands.ts';
import { toSendError, UNKNOWN_NUMBER } from './errors.ts';
import { openMedia } from './files.ts';
import { sendMessage, setReaction, type OutboundDeps } from './outbound.ts';
import { makeReceiver } from './receiver.ts';
import { makeWebhookHandler } from './webhook.ts';

/** Nothing tells us that Meta stopped calling or that the token ended, so we look. */
const CHECK_EVERY_MS = 5 * 60_000;
const NETWORK_BACKOFF = { baseMs: 500, maxMs: 60_000 };
const AUTH_WAIT_MS = 5 * 60_000;

export function makeCloudAdapter(
  input: AdapterInput<WhatsAppSettings>,
  settings: CloudSettings,
  clock: Clock = systemClock,
): Adapter {
  return new CloudAdapter(input, settings, clock);
}

class CloudAdapter implements Adapter {
  readonly #input: AdapterInput<WhatsAppSettings>;
  readonly #settings: CloudSettings;
  readonly #clock: Clock;
  readonly #api: CloudApi;
  readonly #stopping = new AbortController();
  #log: Logger = silentLog;
  #outbound: OutboundDeps | undefined;
  #gaps: Gaps | undefined;
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(input: AdapterInput<WhatsAppSettings>, settings: CloudSettings, clock: Clock) {
    this.#input = input;
    this.#settings = settings;
    this.#clock = clock;
    this.#api = makeCloudApi({ ...settings, fetch: input.fetch });
  }

  capabilities(): Capabilities {
    return makeCloudCapabilities();
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#outbound) throw new AppError('internal', 'The WhatsApp adapter was started twice.');
    this.#log = host.log;
    const clock = this.#clock;
    const { signal } = this.#stopping;
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    host.status('connecting');
    const recent = await openRecentMessages(host.cursor);
    this.#outbound = { api: this.#api, recent, clock };
    const isKnown = await this.#check().then(
      () => true,
      (error: unknown) => {
        const failure = toSendError(error);
        if (failure.code === 'auth') throw new AppError('platform_auth', failure.message, { cause: failure });
        // A network that is down is no misconfiguration: the loop goes on trying.
        if (failure.code === 'unreachable' || failure.code === 'rate_limited') return false;
        throw new AppError('config_invalid', UNKNOWN_NUMBER, { cause: failure });
      },
    );
    const gaps = makeGaps({ host, clock });
    this.#gaps = gaps;
    const receiver = makeReceiver({
      host,
      account: this.#input.account,
      clock,
      phoneNumberId: this.#settings.phoneNumberId,
      identities: openIdentities(host.cursor),
      recent,
      gaps,
      onStored: (id) => this.#markRead(id),
    });
    const { appSecret, verifyToken } = this.#settings;
    host.serve(makeWebhookHandler({ host, receiver, signal, appSecret, verifyToken }));
    if (isKnown) host.status('online');
    else host.status('offline', 'The Cloud API cannot be reached; it is tried again by itself.');
    this.#running = this.#keep(host, isKnown ? 0 : 1);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    this.#gaps?.flush();
  }

  /** Whether token, secret and number are good. Rejects as calls do. */
  async #check(): Promise<void> {
    await this.#api.get(`${this.#settings.phoneNumberId}?fields=id`, this.#stopping.signal);
  }

  /** Looks from time to time, and at once when a send has failed, until it is stopped. Never rejects. */
  async #keep(host: AdapterHost, failedBefore: number): Promise<void> {
    const { signal } = this.#stopping;
    let failures = failedBefore;
    let waitMs = failures > 0 ? backoffMs(failures, NETWORK_BACKOFF) : CHECK_EVERY_MS;
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await withDeadline({ clock: this.#clock, timeoutMs: waitMs, parent: signal }, (over) =>
        // While it is away, each failing send must not be another question at once.
        failures > 0 ? untilAborted(over) : Promise.race([untilAborted(over), woken]),
      );
      if (signal.aborted) return;
      try {
        await this.#check();
        failures = 0;
        waitMs = CHECK_EVERY_MS;
        host.status('online');
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        const failure = toSendError(error);
        host.log.warn({ problem: failure.message, failures }, 'the Cloud API could not be asked');
        if (failure.code === 'auth') host.status('needs-login', failure.message);
        else host.status('offline', 'The Cloud API cannot be reached; it is tried again by itself.');
        waitMs =
          failure.code === 'auth' ? AUTH_WAIT_MS : (failure.retryAfterMs ?? backoffMs(failures, NETWORK_BACKOFF));
      }
    }
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    return this.#whileRunning((outbound) =>
      withDeadline({ clock: this.#clock, parent: [signal, this.#stopping.signal] }, (until) =>
        sendMessage(outbound, to, message, until),
      ),
    );
  }

  async react(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    return this.#whileRunning((outbound) => setReaction(outbound, to, id, emoji));
  }

  /** Typing is shown as an answer to a message, which it marks as read. */
  async typing(to: Address): Promise<void> {
    const last = this.#outbound?.recent.lastOf(to.chat);
    if (last) await this.#setRead(last.id, { typing_indicator: { type: 'text' } });
  }

  async openDm(user: UserId): Promise<Address | undefined> {
    // Business-scoped ids begin with a country: US.13491208655302741918.
    if (!/^(?:\d+|[A-Z]{2}\.[\w.]+)$/.test(user)) return undefined;
    return { platform: this.#input.platform, account: this.#input.account, chat: dmOf(user), kind: 'dm' };
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return openMedia(this.#api, this.#settings.phoneNumberId, ref, signal);
  }

  async publishCommands(commands: readonly { name: string; description: string }[]): Promise<void> {
    try {
      await this.#api.post('conversational_automation', { commands: makeCommands(commands) }, this.#stopping.signal);
    } catch (error) {
      this.#log.warn({ problem: toSendError(error).message }, 'the command menu could not be published');
    }
  }

  #markRead(id: string): void {
    if (this.#settings.readReceipts) void this.#setRead(id, {});
  }

  /** Losses do not matter. */
  async #setRead(message_id: string, extra: Record<string, unknown>): Promise<void> {
    const body = { messaging_product: 'whatsapp', status: 'read', message_id, ...extra };
    await this.#api.post('messages', body, this.#stopping.signal).catch(() => undefined);
  }

  async #whileRunning(work: (outbound: OutboundDeps) => Promise<SendResult>): Promise<SendResult> {
    if (!this.#outbound || this.#stopping.signal.aborted)
      return explainFailure(new SendError('unreachable', 'no', 'The adapter does not run.'));
    const result = await work(this.#outbound);
    // With a webhook nothing else tells that the network is gone.
    if (!result.ok && (result.code === 'unreachable' || result.code === 'auth')) this.#wake();
    return result;
  }
}
