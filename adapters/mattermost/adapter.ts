// One bot account of a Mattermost server. Wires the parts together.
import { z } from 'zod';
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import type { Capabilities } from '../capabilities.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type MessageId, type UserId } from '../../shared/ids.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { makeMattermostApi, type MattermostApi } from './api.ts';
import { makeCapabilities } from './capabilities.ts';
import { NotCalledError } from '../transport/failures.ts';
import { describe, explainFailure, isRefusedLogin, toAppError } from './errors.ts';
import { openFile } from './files.ts';
import { askIdentity, type Identity } from './identity.ts';
import { keepConnected } from './receive/connection.ts';
import { makeDirectory, type Directory } from './receive/directory.ts';
import { ID } from './schema.ts';
import { editMessage, findMessage, sendMessage, type OutboundDeps } from './send/posts.ts';
import { setReaction } from './send/reactions.ts';
import type { MattermostSettings } from './settings.ts';

/** A server that does not answer must not hold up the start of the others. */
const START_TIMEOUT_MS = 10_000;

const channelSchema = z.looseObject({ id: z.string().regex(ID) });

export function makeMattermostAdapter(input: AdapterInput<MattermostSettings>, clock: Clock = systemClock): Adapter {
  return new MattermostAdapter(input, clock);
}

class MattermostAdapter implements Adapter {
  readonly #input: AdapterInput<MattermostSettings>;
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #api: MattermostApi;
  readonly #directory: Directory;
  readonly #outbound: OutboundDeps;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #host: AdapterHost | undefined;
  #log: Logger = silentLog;
  #identity: Identity | undefined;

  constructor(input: AdapterInput<MattermostSettings>, clock: Clock) {
    this.#input = input;
    this.#clock = clock;
    this.#redactor = makeRedactor([input.settings.token]);
    this.#api = makeMattermostApi(input.settings, input.fetch);
    this.#directory = makeDirectory({
      api: this.#api,
      clock,
      botId: () => this.#identity?.id ?? '',
      signal: this.#stopping.signal,
    });
    this.#outbound = {
      api: this.#api,
      redactor: this.#redactor,
      clock,
      botId: () => this.#identity?.id,
      onThread: (root) => this.#directory.joinThread(root),
    };
  }

  capabilities(): Capabilities {
    return makeCapabilities(this.#input.settings.streaming);
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#host) throw new AppError('internal', 'The Mattermost adapter was started twice.');
    this.#host = host;
    this.#log = host.log;
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    try {
      this.#identity = await askIdentity(this.#api, this.#stopping.signal, START_TIMEOUT_MS);
    } catch (error) {
      // A network that is down is no misconfiguration: the loop goes on trying.
      if (isRefusedLogin(error)) throw toAppError(error, this.#redactor);
      host.status('offline', 'The Mattermost server cannot be reached; it is tried again by itself.');
    }
    const { account, settings } = this.#input;
    this.#running = keepConnected({
      api: this.#api,
      host,
      account,
      settings,
      directory: this.#directory,
      redactor: this.#redactor,
      clock: this.#clock,
      signal: this.#stopping.signal,
      onIdentity: (identity) => (this.#identity = identity),
    }).catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      host.log.error({ problem: describe(error, this.#redactor).message }, 'the connection ended unexpectedly');
      host.status('offline', 'The connection to Mattermost ended unexpectedly. Restart the gateway.');
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    return sendMessage(this.#outbound, { to, message }, signal);
  }

  async edit(_to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    return editMessage(this.#outbound, { id, message }, signal);
  }

  async find(to: Address, key: string): Promise<SendResult | undefined> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    return findMessage(this.#outbound, to, key);
  }

  async react(_to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    return setReaction(this.#outbound, { id, emoji });
  }

  async typing(to: Address): Promise<void> {
    const { signal } = this.#stopping;
    const body = { channel_id: to.chat, ...(to.thread !== undefined && { parent_id: to.thread }) };
    await this.#api.call({ method: 'POST', path: '/users/me/typing', body, signal }).catch((error: unknown) => {
      this.#log.debug({ problem: describe(error, this.#redactor).message }, 'typing could not be shown');
    });
  }

  async openDm(user: UserId): Promise<Address | undefined> {
    const us = this.#identity?.id;
    if (us === undefined || !ID.test(user)) return undefined;
    try {
      const answer = await this.#api.call({ method: 'POST', path: '/channels/direct', body: [us, user] });
      const { platform, account } = this.#input;
      return { platform, account, chat: chatId(channelSchema.parse(answer.body).id), kind: 'dm' };
    } catch (error) {
      this.#log.debug({ problem: describe(error, this.#redactor).message }, 'no DM could be opened');
      return undefined;
    }
  }

  open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return openFile({ api: this.#api, redactor: this.#redactor }, ref, signal);
  }

  #stopped(): SendResult {
    return explainFailure(new NotCalledError('The adapter was stopped.'), this.#redactor);
  }
}
