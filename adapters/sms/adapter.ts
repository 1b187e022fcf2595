// One number, or Messaging Service, of a Twilio account. Wires the parts together.
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import type { Capabilities } from '../capabilities.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type UserId } from '../../shared/ids.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { makeTwilioApi, secretsOf, type TwilioApi } from './api.ts';
import { SMS_CAPABILITIES } from './capabilities.ts';
import { NotCalledError } from '../transport/failures.ts';
import { explainFailure, toAppError } from './errors.ts';
import { Keeper } from './keeper.ts';
import { sendSms, type OutboundDeps } from './outbound.ts';
import { mediaPath } from './receive/inbound.ts';
import { SentLog } from './sent-log.ts';
import { NUMBER_PATTERN, type SmsSettings } from './settings.ts';

export function makeSmsAdapter(input: AdapterInput<SmsSettings>, clock: Clock = systemClock): Adapter {
  return new SmsAdapter(input, clock);
}

class SmsAdapter implements Adapter {
  readonly #input: AdapterInput<SmsSettings>;
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #api: TwilioApi;
  readonly #stopping = new AbortController();
  #outbound: OutboundDeps | undefined;
  #keeper: Keeper | undefined;

  constructor(input: AdapterInput<SmsSettings>, clock: Clock) {
    this.#input = input;
    this.#clock = clock;
    this.#redactor = makeRedactor(secretsOf(input.settings));
    this.#api = makeTwilioApi(input.settings, input.fetch);
  }

  capabilities(): Capabilities {
    return SMS_CAPABILITIES;
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#outbound) throw new AppError('internal', 'The SMS adapter was started twice.');
    const { settings, account } = this.#input;
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const base = { api: this.#api, settings, redactor: this.#redactor };
    const sentLog = new SentLog(host.cursor, this.#clock);
    this.#outbound = { ...base, sentLog, log: host.log };
    await sentLog.prune();
    this.#keeper = new Keeper({ ...base, host, account, clock: this.#clock, signal: this.#stopping.signal });
    this.#keeper.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#keeper?.stopped();
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (!this.#outbound || this.#stopping.signal.aborted)
      return explainFailure(new NotCalledError('The adapter does not run.'), this.#redactor);
    const result = await sendSms(this.#outbound, to, message, signal);
    // Nothing else tells at once that the network is gone.
    if (!result.ok && result.code === 'unreachable') this.#keeper?.lookNow();
    return result;
  }

  async find(to: Address, key: string): Promise<SendResult | undefined> {
    if (!this.#outbound) return undefined;
    try {
      return await this.#outbound.sentLog.find(key, to.chat, this.#api);
    } catch (error) {
      // Not 'no': what could not be asked may have gone out.
      return { ...explainFailure(error, this.#redactor), code: 'unreachable', reached: 'maybe' };
    }
  }

  async openDm(user: UserId): Promise<Address | undefined> {
    if (!NUMBER_PATTERN.test(user)) return undefined;
    const { platform, account } = this.#input;
    return { platform, account, chat: chatId(user), kind: 'dm' };
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const path = mediaPath(ref.ref);
    if (path === undefined) throw new AppError('not_found', 'This is no file of Twilio.');
    try {
      return await this.#api.open(path, signal);
    } catch (error) {
      throw toAppError(error, this.#redactor);
    }
  }
}
