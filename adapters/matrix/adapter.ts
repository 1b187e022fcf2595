// One account on a Matrix homeserver. Plain HTTP calls, no SDK; the crypto library comes in with the first encrypted room.
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type MessageId, type UserId } from '../../shared/ids.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import { addressKey, type Address, type AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import type { Capabilities } from '../capabilities.ts';
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import { makeMatrixApi, type MatrixApi } from './api.ts';
import { DEFAULT_UPLOAD_BYTES, makeCapabilities } from './capabilities.ts';
import { makeDirects } from './directs.ts';
import { Encryption } from './crypto/encryption.ts';
import type { LoadCrypto } from './crypto/library.ts';
import { describe, explainFailure, isAuthError, toAppError } from './errors.ts';
import { NotCalledError } from '../transport/failures.ts';
import { askUploadLimit, openFile } from './files.ts';
import { askIdentity, type Login } from './identity.ts';
import { isUserId } from './ids.ts';
import { makeInvites } from './receive/invites.ts';
import { makeKnownMessages, type KnownMessages } from './receive/known-messages.ts';
import { makeReceiver } from './receive/receiver.ts';
import { makeRooms, type Rooms } from './receive/rooms.ts';
import { keepSyncing } from './receive/sync.ts';
import { writeCommands } from './send/commands.ts';
import { editMessage, sendMessage, setReaction, showTyping, type OutboundDeps } from './send/outbound.ts';
import type { MatrixSettings } from './settings.ts';

export interface MatrixPorts {
  clock: Clock;
  /** 0 to 1. */
  random: () => number;
  /** Default: the installed package. */
  loadCrypto?: LoadCrypto;
}

export function makeMatrixAdapter(
  input: AdapterInput<MatrixSettings>,
  ports: MatrixPorts = { clock: systemClock, random: Math.random },
): Adapter {
  return new MatrixAdapter(input, ports);
}

class MatrixAdapter implements Adapter {
  readonly #input: AdapterInput<MatrixSettings>;
  readonly #ports: MatrixPorts;
  readonly #redactor: Redactor;
  readonly #api: MatrixApi;
  readonly #rooms: Rooms;
  readonly #known: KnownMessages;
  readonly #stopping = new AbortController();
  /** Chats in which typing shows until a message comes or its time is over. */
  readonly #typing = new Set<string>();
  readonly #commands = new Set<string>();
  #login: Login | undefined;
  #encryption: Encryption | undefined;
  #host: AdapterHost | undefined;
  #maxUploadBytes = DEFAULT_UPLOAD_BYTES;
  #isStarted = false;
  #running: Promise<void> = Promise.resolve();
  #untyping: Promise<void> = Promise.resolve();
  #log: Logger = silentLog;

  constructor(input: AdapterInput<MatrixSettings>, ports: MatrixPorts) {
    const { homeserver, access_token: token } = input.settings;
    this.#input = input;
    this.#ports = ports;
    this.#redactor = makeRedactor([token]);
    const { signal } = this.#stopping;
    this.#api = makeMatrixApi({ homeserver, token, fetch: input.fetch, clock: ports.clock, signal });
    this.#rooms = makeRooms(this.#api, {
      get: async (room) => this.#host?.cursor.get(`sealed:${room}`),
      set: async (room, rules) => this.#host?.cursor.set(`sealed:${room}`, rules),
    });
    this.#known = makeKnownMessages(this.#api, async (room, event) => {
      if (event.type !== 'm.room.encrypted') return event;
      const opened = await this.#encryption?.peek(room, event);
      return opened?.state === 'opened' ? opened.event : undefined;
    });
  }

  capabilities(_at: Address): Capabilities {
    return makeCapabilities(this.#input.settings, this.#maxUploadBytes);
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#isStarted) throw new AppError('internal', 'The Matrix adapter was started twice.');
    this.#isStarted = true;
    this.#log = host.log;
    this.#host = host;
    this.#encryption = this.#makeEncryption(host);
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    await this.#identify().catch((error: unknown) => {
      // A network that is down is no misconfiguration: the sync goes on trying.
      if (isAuthError(error)) throw toAppError(error, this.#redactor);
      host.status('offline', 'The homeserver cannot be reached; it is tried again by itself.');
    });
    this.#running = this.#run(host, this.#encryption);
  }

  #makeEncryption(host: AdapterHost): Encryption {
    const { clock, loadCrypto } = this.#ports;
    return new Encryption({
      api: this.#api,
      host,
      rooms: this.#rooms,
      clock,
      redactor: this.#redactor,
      signal: this.#stopping.signal,
      identify: () => this.#whoAmI(),
      load: loadCrypto,
    });
  }

  async #run(host: AdapterHost, encryption: Encryption): Promise<void> {
    const { clock, random } = this.#ports;
    const { account, settings } = this.#input;
    const { signal } = this.#stopping;
    const shared = {
      api: this.#api,
      host,
      rooms: this.#rooms,
      known: this.#known,
      encryption,
      prepare: () => encryption.prepare(),
      redactor: this.#redactor,
      clock,
      signal,
    };
    const directs = this.#directs();
    const invites = makeInvites({ ...shared, directs, rooms: settings.rooms, log: host.log });
    const receiver = makeReceiver({ ...shared, account });
    try {
      await keepSyncing({ ...shared, invites, receiver, random, identify: () => this.#identify() });
    } catch (error) {
      host.log.error({ problem: describe(error, this.#redactor).message }, 'the sync ended unexpectedly');
      host.status('offline', 'The connection to the homeserver ended unexpectedly. Restart the gateway.');
    }
  }

  #directs() {
    const { signal } = this.#stopping;
    return makeDirects({
      api: this.#api,
      rooms: this.#rooms,
      me: () => this.#login?.user,
      canEncrypt: async () => (await this.#encryption?.prepare()) ?? false,
      log: this.#log,
      signal,
    });
  }

  /** Our user id. Rejects when the homeserver does not tell it. */
  async #identify(): Promise<string> {
    return (await this.#whoAmI()).user;
  }

  async #whoAmI(): Promise<Login> {
    if (this.#login !== undefined) return this.#login;
    const { signal } = this.#stopping;
    const login = await askIdentity(this.#api, signal);
    this.#maxUploadBytes = (await askUploadLimit(this.#api, signal)) ?? DEFAULT_UPLOAD_BYTES;
    this.#login = login;
    return login;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#running, this.#untyping]);
    await this.#encryption?.stop();
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    const deps = this.#sending();
    if (!deps) return this.#notRunning();
    const result = await sendMessage(deps, to, this.#typeable(message), signal);
    if (result.ok && this.#typing.delete(addressKey(to)))
      this.#untyping = this.#untyping.then(() => showTyping(deps, to, false));
    return result;
  }

  async edit(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    const deps = this.#sending();
    return deps ? editMessage(deps, { to, id, message: this.#typeable(message) }, signal) : this.#notRunning();
  }

  async typing(to: Address): Promise<void> {
    const deps = this.#sending();
    if (!deps) return;
    this.#typing.add(addressKey(to));
    await showTyping(deps, to, true);
  }

  async react(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    const deps = this.#sending();
    return deps ? setReaction(deps, to, id, emoji) : this.#notRunning();
  }

  #sending(): OutboundDeps | undefined {
    const { signal } = this.#stopping;
    const encryption = this.#encryption;
    if (!encryption || signal.aborted) return undefined;
    return {
      api: this.#api,
      rooms: this.#rooms,
      known: this.#known,
      encryption,
      redactor: this.#redactor,
      identify: () => this.#identify(),
      signal,
    };
  }

  #notRunning(): SendResult {
    return explainFailure(new NotCalledError('The adapter does not run.'), this.#redactor);
  }

  /** Undefined when there is no such person, or the homeserver does not answer. */
  async openDm(user: UserId): Promise<Address | undefined> {
    if (!isUserId(user) || this.#stopping.signal.aborted) return undefined;
    const { platform, account } = this.#input;
    try {
      await this.#identify();
      return { platform, account, chat: chatId(await this.#directs().open(user)), kind: 'dm' };
    } catch (error) {
      this.#log.warn({ problem: describe(error, this.#redactor).message }, 'a direct chat could not be opened');
      return undefined;
    }
  }

  #typeable(message: OutboundMessage): OutboundMessage {
    return { ...message, body: writeCommands(message.body, this.#commands) };
  }

  /** Matrix has no menu; what is a command is written so that it can be typed. */
  async publishCommands(commands: readonly { name: string; description: string }[]): Promise<void> {
    this.#commands.clear();
    for (const { name } of commands) this.#commands.add(name.toLowerCase());
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return openFile({ api: this.#api, redactor: this.#redactor }, ref, signal);
  }
}
