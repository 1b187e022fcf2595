// One bot of Discord. Wires the parts together; discord.js is loaded with this file, which the manifest imports on demand.
import { z } from 'zod';
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import type { Capabilities } from '../capabilities.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type MessageId, type UserId } from '../../shared/ids.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { makeDiscordApi, type DiscordApi } from './api.ts';
import { makeCapabilities } from './capabilities.ts';
import { makeSlashCommands } from './commands.ts';
import { NotCalledError } from '../transport/failures.ts';
import { describe, explainFailure, toAppError } from './errors.ts';
import { openFile } from './files.ts';
import { askGateway, keepConnected, type GatewayInfo } from './receive/connection.ts';
import { Directory } from './receive/directory.ts';
import { openPositions } from './receive/positions.ts';
import { makeReceiver, type Receiver } from './receive/receiver.ts';
import { openAttempts } from './send/attempts.ts';
import { editMessage, sendMessage, setReaction, showTyping, type OutboundDeps } from './send/outbound.ts';
import { botIdOf, type DiscordSettings } from './settings.ts';
import { isSnowflake } from './snowflake.ts';

export interface DiscordPorts {
  clock: Clock;
  /** 0 to 1. */
  random: () => number;
}

export function makeDiscordAdapter(
  input: AdapterInput<DiscordSettings>,
  ports: DiscordPorts = { clock: systemClock, random: Math.random },
): Adapter {
  return new DiscordAdapter(input, ports);
}

type Commands = readonly { name: string; description: string }[];

class DiscordAdapter implements Adapter {
  readonly #input: AdapterInput<DiscordSettings>;
  readonly #ports: DiscordPorts;
  readonly #redactor: Redactor;
  readonly #api: DiscordApi;
  readonly #me: string;
  readonly #directory: Directory;
  readonly #stopping = new AbortController();
  #outbound: OutboundDeps | undefined;
  #running: Promise<void> = Promise.resolve();
  #publishing: Promise<void> = Promise.resolve();
  #isStarted = false;
  #application: string | undefined;
  /** Asked for before we knew our application. */
  #waitingCommands: Commands | undefined;
  #log: Logger = silentLog;

  constructor(input: AdapterInput<DiscordSettings>, ports: DiscordPorts) {
    const { token, api_root: apiRoot } = input.settings;
    this.#input = input;
    this.#ports = ports;
    this.#redactor = makeRedactor([token]);
    this.#api = makeDiscordApi({ token, apiRoot, fetch: input.fetch, clock: ports.clock, redactor: this.#redactor });
    this.#me = botIdOf(token);
    this.#directory = new Directory(this.#me);
  }

  capabilities(at: Address): Capabilities {
    return makeCapabilities({ streaming: this.#input.settings.streaming, tier: this.#directory.tierOf(at.chat) });
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#isStarted) throw new AppError('internal', 'The Discord adapter was started twice.');
    this.#isStarted = true;
    this.#log = host.log;
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const { clock } = this.#ports;
    const { cursor, log } = host;
    const positions = await openPositions({ cursor, clock, log });
    this.#outbound = {
      api: this.#api,
      attempts: await openAttempts({ cursor, clock, log }),
      redactor: this.#redactor,
      clock,
      me: this.#me,
      linkPreviews: this.#input.settings.link_previews,
      isForum: (channel) => this.#directory.isForum(channel),
    };
    const deps = {
      api: this.#api,
      host,
      account: this.#input.account,
      me: this.#me,
      settings: this.#input.settings,
      directory: this.#directory,
      positions,
      redactor: this.#redactor,
      clock,
      random: this.#ports.random,
      signal: this.#stopping.signal,
    };
    const info = await this.#findGateway(host);
    const receiver = makeReceiver(deps);
    const onSession = (application: string) => this.#identify(application);
    this.#running = this.#run(host, receiver, keepConnected({ ...deps, receiver, onSession }, info));
  }

  async #run(host: AdapterHost, receiver: Receiver, connected: Promise<void>): Promise<void> {
    try {
      await connected;
    } catch (error) {
      host.log.error({ problem: describe(error, this.#redactor).message }, 'the connection ended unexpectedly');
      host.status('offline', 'The connection to Discord ended unexpectedly. Restart the gateway.');
    }
    await receiver.settle();
  }

  /** Rejects only when the token is refused: a network that is down is no misconfiguration. */
  async #findGateway(host: AdapterHost): Promise<GatewayInfo | undefined> {
    try {
      return await askGateway({ api: this.#api, settings: this.#input.settings }, this.#stopping.signal);
    } catch (error) {
      const failure = toAppError(error, this.#redactor);
      if (failure.code === 'platform_auth') throw failure;
      host.status('offline', 'Discord cannot be reached; it is tried again by itself.');
      return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#api.close();
    await Promise.all([this.#running, this.#publishing]);
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    const deps = this.#sending();
    return deps ? sendMessage(deps, to, message, signal) : this.#notRunning();
  }

  async edit(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    const deps = this.#sending();
    return deps ? editMessage(deps, { to, id, message }, signal) : this.#notRunning();
  }

  async typing(to: Address): Promise<void> {
    const deps = this.#sending();
    if (deps) await showTyping(deps, to);
  }

  async react(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    const deps = this.#sending();
    return deps ? setReaction(deps, to, id, emoji) : this.#notRunning();
  }

  #sending(): OutboundDeps | undefined {
    return this.#stopping.signal.aborted ? undefined : this.#outbound;
  }

  #notRunning(): SendResult {
    return explainFailure(new NotCalledError('The adapter does not run.'), this.#redactor);
  }

  /** Undefined when there is no such person, or Discord does not answer. */
  async openDm(user: UserId): Promise<Address | undefined> {
    if (!isSnowflake(user) || this.#stopping.signal.aborted) return undefined;
    try {
      const body = { recipient_id: user };
      const { signal } = this.#stopping;
      const answer = await this.#api.run({ method: 'POST', route: '/users/@me/channels', body, signal });
      const channel = z.looseObject({ id: z.string() }).parse(answer);
      const { platform, account } = this.#input;
      return { platform, account, chat: chatId(channel.id), kind: 'dm' };
    } catch (error) {
      this.#log.warn({ problem: describe(error, this.#redactor).message }, 'a direct chat could not be opened');
      return undefined;
    }
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { settings, fetch: fetchFile } = this.#input;
    return openFile({ api: this.#api, settings, fetch: fetchFile, redactor: this.#redactor }, ref, signal);
  }

  /** Published at once, or with the first session, which tells who our application is. */
  async publishCommands(commands: Commands): Promise<void> {
    this.#waitingCommands = commands;
    await this.#publishNext();
  }

  #identify(application: string): void {
    this.#application = application;
    void this.#publishNext();
  }

  #publishNext(): Promise<void> {
    this.#publishing = this.#publishing.then(() => this.#publish());
    return this.#publishing;
  }

  /** Never rejects. */
  async #publish(): Promise<void> {
    const commands = this.#waitingCommands;
    const application = this.#application;
    if (!commands || application === undefined) return;
    this.#waitingCommands = undefined;
    try {
      const body = makeSlashCommands(commands);
      const { signal } = this.#stopping;
      await this.#api.run({ method: 'PUT', route: `/applications/${application}/commands`, body, signal });
    } catch (error) {
      this.#log.warn({ problem: describe(error, this.#redactor).message }, 'the slash commands could not be published');
      // Tried again with the next session, unless there are others by then.
      this.#waitingCommands ??= commands;
    }
  }
}
