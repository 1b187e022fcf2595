// One account of Signal on a signal-cli-rest-api server. Wires the parts together; loads `ws`, so the manifest imports it on demand.
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import type { Capabilities } from '../capabilities.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type MessageId, type UserId } from '../../shared/ids.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { makeSignalApi, secretsOf, type SignalApi } from './api.ts';
import { makeCapabilities, TYPING_TTL_MS } from './capabilities.ts';
import { keepConnected, type ServerUse } from './connection.ts';
import { NotCalledError } from '../transport/failures.ts';
import { describe, explainFailure, toAppError } from './errors.ts';
import { Health } from './health.ts';
import { People } from './known/people.ts';
import { Revisions } from './known/revisions.ts';
import { OwnSends, RecentTexts } from './known/sent.ts';
import { editMessage, sendMessage, setReaction, setTyping, type OutboundDeps } from './outbound.ts';
import type { SignalSettings } from './settings.ts';

export function makeSignalAdapter(input: AdapterInput<SignalSettings>, clock: Clock = systemClock): Adapter {
  return new SignalAdapter(input, clock);
}

class SignalAdapter implements Adapter {
  readonly #input: AdapterInput<SignalSettings>;
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #api: SignalApi;
  readonly #stopping = new AbortController();
  #use: ServerUse;
  #log: Logger = silentLog;
  #outbound: OutboundDeps | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Chats where we are shown as typing, with the time of the call. */
  readonly #typing = new Map<string, number>();
  readonly #background = new Set<Promise<void>>();

  constructor(input: AdapterInput<SignalSettings>, clock: Clock) {
    const { settings } = input;
    this.#input = input;
    this.#clock = clock;
    this.#redactor = makeRedactor(secretsOf(settings.api_token));
    this.#api = makeSignalApi(settings, input.fetch);
    this.#use = { mode: undefined, receives: settings.receive === 'poll' ? 'poll' : 'websocket' };
  }

  capabilities(): Capabilities {
    return makeCapabilities(this.#use);
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#outbound) throw new AppError('internal', 'The Signal adapter was started twice.');
    const { settings, account } = this.#input;
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    this.#log = host.log;
    const base = { api: this.#api, redactor: this.#redactor };
    const known = {
      people: new People(settings.number, host.cursor),
      revisions: new Revisions(host.cursor),
      ownSends: new OwnSends(),
      texts: new RecentTexts(),
    };
    const health = new Health(host, settings);
    this.#outbound = { ...base, known, number: settings.number, onChallenge: (tokens) => health.challenge(tokens) };
    await known.people.load();
    await known.revisions.load();
    this.#running = keepConnected({
      ...base,
      settings,
      account,
      host,
      known,
      health,
      clock: this.#clock,
      signal: this.#stopping.signal,
      onServer: (use) => (this.#use = use),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#background);
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    const result = await this.#whileRunning((deps) => sendMessage(deps, to, message, signal));
    if (result.ok) this.#hideTyping(to);
    return result;
  }

  async edit(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    return this.#whileRunning((deps) => editMessage(deps, { to, id, message }, signal));
  }

  async react(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    return this.#whileRunning((deps) => setReaction(deps, to, id, emoji));
  }

  async typing(to: Address): Promise<void> {
    if (this.capabilities().typing.support !== 'full') return;
    this.#typing.set(to.chat, this.#clock.now());
    await this.#tryTyping(to, true);
  }

  /** The chat with a person has the person's id. */
  async openDm(user: UserId): Promise<Address | undefined> {
    const { platform, account } = this.#input;
    return { platform, account, chat: chatId(user), kind: 'dm' };
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    if (!/^[\w-][\w.-]{0,199}$/.test(ref.ref)) throw new AppError('not_found', 'This is no file of Signal.');
    try {
      return await this.#api.open(`/v1/attachments/${encodeURIComponent(ref.ref)}`, signal);
    } catch (error) {
      throw toAppError(error, this.#redactor);
    }
  }

  async #whileRunning(run: (deps: OutboundDeps) => Promise<SendResult>): Promise<SendResult> {
    if (!this.#outbound || this.#stopping.signal.aborted)
      return explainFailure(new NotCalledError('The adapter does not run.'), this.#redactor);
    return run(this.#outbound);
  }

  /** A call that came just before the message may show after it. Nobody waits for this, and a lost one does no harm. */
  #hideTyping(to: Address): void {
    const since = this.#typing.get(to.chat);
    if (since === undefined) return;
    this.#typing.delete(to.chat);
    if (this.#clock.now() - since > TYPING_TTL_MS) return;
    const hiding = this.#tryTyping(to, false).finally(() => this.#background.delete(hiding));
    this.#background.add(hiding);
  }

  async #tryTyping(to: Address, isShown: boolean): Promise<void> {
    if (!this.#outbound || this.#stopping.signal.aborted) return;
    try {
      await setTyping(this.#outbound, to, isShown);
    } catch (error) {
      this.#log.debug({ problem: describe(error, this.#redactor).message }, 'typing could not be shown');
    }
  }
}
