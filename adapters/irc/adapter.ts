// One login on an IRC server. Wires the parts together; the client library is loaded with this file, which the manifest imports on demand.
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type UserId } from '../../shared/ids.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import type { Capabilities } from '../capabilities.ts';
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import { readParty } from './addresses.ts';
import { makeCapabilities } from './capabilities.ts';
import { makeLink, type Link } from './connection/link.ts';
import { makePresence } from './connection/presence.ts';
import { NotCalledError } from '../transport/failures.ts';
import { explainFailure } from './errors.ts';
import { CHAT_HISTORY } from './receive/history.ts';
import { makeReceiveQueue } from '../transport/receive-queue.ts';
import { makeReceiver } from './receive/receiver.ts';
import { makeWhereabouts } from './receive/whereabouts.ts';
import { makeLimiter } from './send/limiter.ts';
import { sendMessage, type OutboundDeps } from './send/outbound.ts';
import { makeCommandWriter } from './send/render.ts';
import type { IrcSettings } from './settings.ts';

export function makeIrcAdapter(input: AdapterInput<IrcSettings>, clock: Clock = systemClock): Adapter {
  return new IrcAdapter(input, clock);
}

/** What exists once it is started. */
interface Running {
  link: Link;
  outbound: OutboundDeps;
  ended: Promise<void>;
}

class IrcAdapter implements Adapter {
  readonly #input: AdapterInput<IrcSettings>;
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #stopping = new AbortController();
  #running: Running | undefined;
  #writeCommand = makeCommandWriter(new Set());

  constructor(input: AdapterInput<IrcSettings>, clock: Clock) {
    const { password } = input.settings;
    this.#input = input;
    this.#clock = clock;
    this.#redactor = makeRedactor(password === undefined ? [] : [password]);
  }

  capabilities(_at: Address): Capabilities {
    return makeCapabilities(this.#running?.link.current()?.hasCapability(CHAT_HISTORY) ?? false);
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#running) throw new AppError('internal', 'The IRC adapter was started twice.');
    const { settings, account } = this.#input;
    const clock = this.#clock;
    const { signal } = this.#stopping;
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const queue = makeReceiveQueue({ host, clock, signal });
    const whereabouts = makeWhereabouts(host);
    const receiver = makeReceiver({ settings, account, host, queue, whereabouts, clock, signal });
    const presence = makePresence({ settings, clock, log: host.log, signal });
    const redactor = this.#redactor;
    const link = makeLink({
      settings,
      clock,
      log: host.log,
      redactor,
      signal,
      status: (state, detail) => host.status(state, detail),
      prepare: (session) => receiver.listen(session),
      async onSession(session) {
        const detail = await presence.enter(session);
        await receiver.catchUp(session, presence.joined());
        return detail;
      },
      async onEnd() {
        presence.leave();
        await receiver.alive(true);
      },
    });
    const limiter = makeLimiter(clock, settings.line_interval_ms);
    const command = (text: string) => this.#writeCommand(text);
    const outbound = { session: () => link.current(), whereabouts, limiter, command, redactor };
    this.#running = { link, outbound, ended: link.run().then(() => queue.settle()) };
    await link.begun;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.ended;
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (!this.#running) return explainFailure(new NotCalledError('The adapter does not run.'), this.#redactor);
    return sendMessage(this.#running.outbound, to, message, signal);
  }

  async openDm(user: UserId): Promise<Address | undefined> {
    const party = readParty(user);
    if (!party || party.kind === 'channel') return undefined;
    return { platform: this.#input.platform, account: this.#input.account, chat: chatId(user), kind: 'dm' };
  }

  /** IRC has no menu; what is a command is written so that it can be typed. */
  async publishCommands(commands: readonly { name: string; description: string }[]): Promise<void> {
    this.#writeCommand = makeCommandWriter(new Set(commands.map((command) => command.name.toLowerCase())));
  }

  /** IRC carries no files. */
  async open(_ref: AttachmentRef): Promise<ReadableStream<Uint8Array>> {
    throw new AppError('not_found', 'IRC has no such file.');
  }
}
