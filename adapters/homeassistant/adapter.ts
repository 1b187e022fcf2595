// One Home Assistant. Wires the parts together; the client library is loaded with this file, which the manifest imports on demand.
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type MessageId, type UserId } from '../../shared/ids.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import type { Capabilities } from '../capabilities.ts';
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, PlatformTool, SendResult } from '../contract.ts';
import { readParty } from './addresses.ts';
import { makeCapabilities } from './capabilities.ts';
import { makeCalls, type Calls } from './connection/calls.ts';
import { makeLink, type Link } from './connection/link.ts';
import { NotCalledError } from '../transport/failures.ts';
import { explainFailure } from './errors.ts';
import { makeExchanges } from './receive/exchanges.ts';
import { makeNames } from './receive/names.ts';
import { makeReceiveQueue, type ReceiveQueue } from '../transport/receive-queue.ts';
import { makeReceiver, type Receiver } from './receive/receiver.ts';
import { editMessage, routeOf, sendMessage, type OutboundDeps } from './send/outbound.ts';
import type { HomeAssistantSettings } from './settings.ts';
import { makeTools } from './tools/tools.ts';

export function makeHomeAssistantAdapter(
  input: AdapterInput<HomeAssistantSettings>,
  clock: Clock = systemClock,
): Adapter {
  return new HomeAssistantAdapter(input, clock);
}

/** What exists once it is started. */
interface Running {
  link: Link;
  calls: Calls;
  outbound: OutboundDeps;
  ended: Promise<void>;
}

class HomeAssistantAdapter implements Adapter {
  readonly #input: AdapterInput<HomeAssistantSettings>;
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #stopping = new AbortController();
  readonly #tools: readonly PlatformTool[];
  #running: Running | undefined;

  constructor(input: AdapterInput<HomeAssistantSettings>, clock: Clock) {
    this.#input = input;
    this.#clock = clock;
    this.#redactor = makeRedactor([input.settings.token]);
    this.#tools = makeTools({
      settings: input.settings,
      account: input.account,
      redactor: this.#redactor,
      home: () => this.#running,
    });
  }

  capabilities(at: Address): Capabilities {
    return makeCapabilities(routeOf(this.#input.settings, at.chat)?.target ?? 'persistent');
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#running) throw new AppError('internal', 'The Home Assistant adapter was started twice.');
    const { settings, account } = this.#input;
    const clock = this.#clock;
    const { signal } = this.#stopping;
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const link: Link = makeLink({
      url: settings.url,
      token: settings.token,
      clock,
      log: host.log,
      redactor: this.#redactor,
      signal,
      status: (state, detail) => host.status(state, detail),
      onSession: (session) => receiver.listen(session),
      onAlive: (isLast) => receiver.alive(isLast),
    });
    const calls = makeCalls(link);
    const queue = makeReceiveQueue({ host, clock, signal });
    const names = makeNames({ clock, log: host.log });
    const exchanges = makeExchanges(host.cursor);
    const receiver = makeReceiver({ settings, account, host, queue, calls, names, exchanges, clock });
    const ended = runUntilStopped({ receiver, link, queue });
    const outbound = { settings, link, calls, exchanges, names, redactor: this.#redactor, clock };
    this.#running = { link, calls, outbound, ended };
    await Promise.race([link.begun, ended]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.ended.catch(() => undefined);
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (!this.#running) return this.#notRunning();
    return sendMessage(this.#running.outbound, to, message, signal);
  }

  async edit(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (!this.#running) return this.#notRunning();
    return editMessage(this.#running.outbound, { to, id, message }, signal);
  }

  async openDm(user: UserId): Promise<Address | undefined> {
    if (!readParty(user)) return undefined;
    return { platform: this.#input.platform, account: this.#input.account, chat: chatId(user), kind: 'dm' };
  }

  /** Messages of Home Assistant carry no files. */
  async open(_ref: AttachmentRef): Promise<ReadableStream<Uint8Array>> {
    throw new AppError('not_found', 'Home Assistant has no such file.');
  }

  tools(): readonly PlatformTool[] {
    return this.#tools;
  }

  #notRunning(): SendResult {
    return explainFailure(new NotCalledError('The adapter does not run.'), this.#redactor);
  }
}

async function runUntilStopped(parts: { receiver: Receiver; link: Link; queue: ReceiveQueue }): Promise<void> {
  try {
    await parts.receiver.load();
    await parts.link.run();
  } finally {
    parts.receiver.stop();
    await parts.queue.settle();
  }
}
