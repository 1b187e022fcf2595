// One mailbox. Wires the parts together; the mail libraries are loaded with this file, which the manifest imports on demand.
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import type { Capabilities } from '../capabilities.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type UserId } from '../../shared/ids.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { normalizeAddress } from './addresses.ts';
import { makeCapabilities } from './capabilities.ts';
import { UnsendableError } from '../transport/failures.ts';
import { describe, explainSmtp } from './errors.ts';
import { makeJournal } from './outbound/journal.ts';
import { makeLimiter } from './outbound/limiter.ts';
import { findSent, sendMail, type OutboundDeps } from './outbound/send.ts';
import { openFile } from './receive/files.ts';
import { keepMailbox, type MailboxWaits } from './receive/mailbox.ts';
import { accountOf, trustedServers, type EmailSettings, type MailAccount } from './settings.ts';
import { openThreads, type Threads } from './threads.ts';

/** A command at least so often while the server tells of new mail; see MailboxWaits. */
const IDLE_CHECK_MS = 5 * 60_000;
const FIND_TIMEOUT_MS = 30_000;
const MB = 1024 * 1024;

export interface EmailOptions {
  clock?: Clock;
  /** For tests that cannot wait for minutes. */
  waits?: Partial<MailboxWaits>;
}

export function makeEmailAdapter(input: AdapterInput<EmailSettings>, options: EmailOptions = {}): Adapter {
  return new EmailAdapter(input, options);
}

class EmailAdapter implements Adapter {
  readonly #input: AdapterInput<EmailSettings>;
  readonly #account: MailAccount;
  readonly #clock: Clock;
  readonly #waits: MailboxWaits;
  readonly #redactor: Redactor;
  readonly #own: ReadonlySet<string>;
  readonly #stopping = new AbortController();
  readonly #later = new Set<Promise<void>>();
  #outbound: OutboundDeps | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(input: AdapterInput<EmailSettings>, { clock = systemClock, waits }: EmailOptions) {
    const { settings } = input;
    this.#input = input;
    this.#account = accountOf(settings);
    this.#clock = clock;
    this.#waits = { idleMs: IDLE_CHECK_MS, pollMs: settings.poll_interval_s * 1_000, ...waits };
    this.#redactor = makeRedactor([settings.password, Buffer.from(settings.password).toString('base64')]);
    this.#own = new Set([settings.address, ...settings.aliases]);
  }

  capabilities(): Capabilities {
    return makeCapabilities();
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#outbound) throw new AppError('internal', 'The mail adapter was started twice.');
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const threads = await openThreads(host.cursor);
    this.#outbound = this.#makeOutbound(host, threads);
    this.#running = this.#receive(host, threads).catch((error: unknown) => {
      host.log.error({ problem: describe(error, this.#redactor).message }, 'the mailbox ended unexpectedly');
      host.status('offline', 'The connection to the mailbox ended unexpectedly. Restart the gateway.');
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#later);
  }

  #makeOutbound(host: AdapterHost, threads: Threads): OutboundDeps {
    const { settings } = this.#input;
    const { provider } = this.#account;
    const isSaved = settings.save_sent === 'auto' ? !provider?.savesSent : settings.save_sent === 'always';
    return {
      account: this.#account,
      name: settings.name,
      own: this.#own,
      maxBytes: settings.max_message_mb * MB,
      keepsCopy: isSaved,
      threads,
      journal: makeJournal(host.cursor, () => this.#clock.now()),
      limiter: makeLimiter(this.#clock, settings.max_answers_per_hour),
      redactor: this.#redactor,
      clock: this.#clock,
      log: host.log,
      later: (work) => {
        const running = work(this.#stopping.signal).finally(() => this.#later.delete(running));
        this.#later.add(running);
      },
    };
  }

  async #receive(host: AdapterHost, threads: Threads): Promise<void> {
    const { settings, account } = this.#input;
    const { signal } = this.#stopping;
    await keepMailbox({
      account: this.#account,
      host,
      folders: settings.folders,
      waits: this.#waits,
      redactor: this.#redactor,
      clock: this.#clock,
      signal,
      look: {
        host,
        threads,
        clock: this.#clock,
        signal,
        mark: settings.mark,
        maxBytes: settings.max_message_mb * MB,
        breaks: new Map(),
        context: {
          account,
          address: settings.address,
          own: this.#own,
          trustedServers: trustedServers(settings, this.#account.provider),
          requireAuthentication: settings.require_authentication,
          isKnown: (chat, id) => threads.withId(chat, id) !== undefined,
        },
      },
    });
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (!this.#outbound || this.#stopping.signal.aborted)
      return explainSmtp(new UnsendableError('unreachable', 'The mailbox is not running.'), false, this.#redactor);
    return sendMail(this.#outbound, to, message, signal);
  }

  async find(_to: Address, key: string): Promise<SendResult | undefined> {
    const outbound = this.#outbound;
    if (!outbound)
      return { ok: false, code: 'unreachable', reached: 'maybe', cause: new Error('the mailbox is not running') };
    const deadline = { clock: systemClock, timeoutMs: FIND_TIMEOUT_MS, parent: this.#stopping.signal };
    return withDeadline(deadline, (signal) => findSent(outbound, key, signal));
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return openFile(this.#account, ref, { signal, redactor: this.#redactor });
  }

  /** Anybody with an address can be written to. */
  async openDm(user: UserId): Promise<Address | undefined> {
    const address = normalizeAddress(user);
    if (address === undefined) return undefined;
    return { platform: this.#input.platform, account: this.#input.account, chat: chatId(address), kind: 'dm' };
  }
}
