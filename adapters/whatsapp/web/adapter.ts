// A WhatsApp account through a linked device, as WhatsApp Web is one. Wires the parts together; Baileys is loaded when it starts.
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../../contract.ts';
import type { Capabilities } from '../../capabilities.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import type { MessageId, UserId } from '../../../shared/ids.ts';
import type { Address, AttachmentRef } from '../../../shared/messages.ts';
import { makeWebCapabilities } from '../capabilities.ts';
import { makeGaps } from '../gaps.ts';
import { dmOf, openIdentities, type PersonAddress } from '../identity.ts';
import { openRecentMessages } from '../recent.ts';
import { explainFailure, SendError } from '../send-error.ts';
import type { WhatsAppSettings } from '../settings.ts';
import { jidOfChat, personOf } from './addresses.ts';
import { makeGroups } from './groups.ts';
import { loadBaileys, quietLibsignal, type LoadBaileys } from './library.ts';
import { Link } from './link.ts';
import { downloadMedia, type UploadInfo } from './media/transfer.ts';
import { editMessage, sendMessage, setReaction, type OutboundDeps } from './send/outbound.ts';
import { makeReceiver } from './receive/receiver.ts';
import { makeRelay } from './send/relay.ts';
import { openReplays } from './keys/replays.ts';

/** An address that the server has to be asked for does not hold a message up longer than this. */
const LOOKUP_WAIT_MS = 5_000;

export interface WebOptions {
  clock?: Clock;
  random?: () => number;
  load?: LoadBaileys;
}

export function makeWebAdapter(input: AdapterInput<WhatsAppSettings>, options: WebOptions = {}): Adapter {
  return new WebAdapter(input, options);
}

interface Running {
  link: Link;
  outbound: OutboundDeps;
  /** Waits for what is being stored, and tells what is left to tell. */
  settle(): Promise<void>;
}

class WebAdapter implements Adapter {
  readonly #input: AdapterInput<WhatsAppSettings>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #load: LoadBaileys | undefined;
  readonly #stopping = new AbortController();
  #isStarted = false;
  #running: Running | undefined;

  constructor(input: AdapterInput<WhatsAppSettings>, options: WebOptions) {
    this.#input = input;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#load = options.load;
  }

  capabilities(): Capabilities {
    return makeWebCapabilities(this.#input.settings.streaming);
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#isStarted) throw new AppError('internal', 'The WhatsApp adapter was started twice.');
    this.#isStarted = true;
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const baileys = await loadBaileys(this.#load);
    quietLibsignal(console);
    const { settings, account, fetch: fetchFile } = this.#input;
    const clock = this.#clock;
    const { signal } = this.#stopping;
    const recent = await openRecentMessages(host.cursor);
    const gaps = makeGaps({ host, clock });
    const relay = makeRelay(() => link.socket);
    const groups = makeGroups(async (jid) => {
      if (!link.socket) throw new SendError('unreachable', 'no', 'WhatsApp is not connected.');
      return link.socket.groupMetadata(jid);
    }, clock);
    const receiver = makeReceiver({
      host,
      account,
      clock,
      signal,
      identities: openIdentities(host.cursor),
      recent,
      gaps,
      selfChatOnly: settings.self_chat_only,
      me: () => link.me,
      complete: (person) => this.#complete(link, person),
      groupTitle: (group) => groups.title(group),
      markRead({ key }) {
        if (!settings.read_receipts) return;
        link.socket?.sendReceipts([key], 'read').catch(() => undefined);
      },
    });
    const link: Link = new Link({
      baileys,
      settings,
      host,
      clock,
      signal,
      fetch: fetchFile,
      random: this.#random,
      recent,
      groups,
      replays: await openReplays(host.cursor),
      take: (message) => receiver.take(message),
      onEncrypted: () => relay.onEncrypted(),
    });
    const outbound: OutboundDeps = {
      encode: (message) => baileys.proto.Message.encode(message).finish(),
      relay,
      recent,
      clock,
      fetch: fetchFile,
      me: () => link.me,
      uploadInfo: () => uploadInfoOf(link),
    };
    const settle = async () => {
      await receiver.settle();
      gaps.flush();
    };
    this.#running = { link, outbound, settle };
    await link.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.link.stop();
    await this.#running?.settle();
  }

  /** Finds the hidden address of a number, and the number behind a hidden address, as far as Baileys knows them or may ask. */
  async #complete(link: Link, person: PersonAddress): Promise<PersonAddress> {
    const mapping = link.socket?.signalRepository.lidMapping;
    if (!mapping || (person.phone !== undefined && person.alias !== undefined)) return person;
    const enough = new AbortController();
    const nothing = () => undefined;
    const late = this.#clock.sleep(LOOKUP_WAIT_MS, enough.signal).then(nothing, nothing);
    const found = Promise.resolve(
      person.phone === undefined
        ? mapping.getPNForLID(person.alias ?? '')
        : mapping.getLIDForPN(`${person.phone}@s.whatsapp.net`),
    ).catch(nothing);
    const other = await Promise.race([found, late]);
    enough.abort();
    return { ...personOf(other), ...person };
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    return this.#whileRunning((outbound) =>
      this.#untilStopped(signal, (until) => sendMessage(outbound, to, message, until)),
    );
  }

  async edit(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    return this.#whileRunning((outbound) =>
      this.#untilStopped(signal, (until) => editMessage(outbound, { to, id, message }, until)),
    );
  }

  async react(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    return this.#whileRunning((outbound) => setReaction(outbound, to, id, emoji));
  }

  async typing(to: Address): Promise<void> {
    await this.#running?.link.socket?.sendPresenceUpdate('composing', jidOfChat(to.chat)).catch(() => undefined);
  }

  async openDm(user: UserId): Promise<Address | undefined> {
    if (!/^\d+(?:@lid)?$/.test(user)) return undefined;
    return { platform: this.#input.platform, account: this.#input.account, chat: dmOf(user), kind: 'dm' };
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return downloadMedia(this.#input.fetch, ref, signal);
  }

  #untilStopped<Value>(signal: AbortSignal, work: (until: AbortSignal) => Promise<Value>): Promise<Value> {
    return withDeadline({ clock: this.#clock, parent: [signal, this.#stopping.signal] }, work);
  }

  async #whileRunning(work: (outbound: OutboundDeps) => Promise<SendResult>): Promise<SendResult> {
    if (this.#running && !this.#stopping.signal.aborted) return work(this.#running.outbound);
    return explainFailure(new SendError('unreachable', 'no', 'The adapter does not run.'));
  }
}

async function uploadInfoOf(link: Link): Promise<UploadInfo> {
  const lost = () => new SendError('unreachable', 'no', 'WhatsApp is not connected, so no file can be sent.');
  if (!link.socket) throw lost();
  const info = await link.socket.refreshMediaConn(false).catch(() => undefined);
  if (!info) throw lost();
  return { hosts: info.hosts.map(({ hostname }) => hostname), auth: info.auth };
}
