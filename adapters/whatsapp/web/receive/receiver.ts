// Hands decrypted messages to the core, one after the other: each is stored before the next one is decrypted and before WhatsApp is told
// that it arrived.
import type { WAMessage } from 'baileys';
import type { AdapterHost } from '../../../contract.ts';
import { backoffMs } from '../../../../shared/backoff.ts';
import { abortReason, type Clock } from '../../../../shared/clock.ts';
import { chatId, type AccountId, type ChatId } from '../../../../shared/ids.ts';
import type { Gaps } from '../../gaps.ts';
import type { Identities, PersonAddress } from '../../identity.ts';
import type { RecentMessages } from '../../recent.ts';
import type { Me } from '../addresses.ts';
import type { ReadContent } from './content.ts';
import { makeInbound, readEnvelope, readMessage, type Envelope } from './inbound.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };

export interface Receiver {
  /** Resolves when the message is stored, or known to be of no use. Rejects only when stopped. */
  take(message: WAMessage): Promise<void>;
  /** Resolves when nothing of it runs any more; to be called after it was stopped. */
  settle(): Promise<void>;
}

export interface ReceiverDeps {
  host: AdapterHost;
  account: AccountId;
  clock: Clock;
  signal: AbortSignal;
  identities: Identities;
  recent: RecentMessages;
  gaps: Gaps;
  selfChatOnly: boolean;
  /** Undefined before we are linked. */
  me(): Me | undefined;
  /** The addresses that a message did not carry, as far as they are known. Never rejects. */
  complete(person: PersonAddress): Promise<PersonAddress>;
  /** Never rejects. */
  groupTitle(group: ChatId): Promise<string | undefined>;
  /** Tells the sender that it was read. Never rejects. */
  markRead(message: WAMessage): void;
}

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, clock, signal } = deps;

  async function store(envelope: Envelope, read: Exclude<ReadContent, { kind: 'ignored' }>, me: Me): Promise<void> {
    const isDm = envelope.group === undefined;
    const sender = await deps.identities.resolve(await deps.complete(envelope.sender), isDm);
    const chat = envelope.group ?? chatId(sender);
    if (envelope.sentAt < clock.now() - host.backfill.maxAgeMs) {
      deps.gaps.add({ id: chat, kind: isDm ? 'dm' : 'group' }, envelope.sentAt);
      return;
    }
    const quoted = read.kind === 'delete' ? undefined : (read.content.context?.stanzaId ?? undefined);
    const message = makeInbound(envelope, read, {
      account: deps.account,
      me,
      sender,
      chat,
      chatTitle: envelope.group && (await deps.groupTitle(envelope.group)),
      isOurs: (id) => deps.recent.ours(id) !== undefined,
      authorName: quoted === undefined ? undefined : deps.recent.find(chat, quoted)?.name,
    });
    await host.receive(message);
    if (message.kind !== 'message') return;
    const { id, name, authorJid: author } = envelope;
    const expiration = read.kind === 'delete' ? undefined : (read.content.context?.expiration ?? undefined);
    const text = message.text === '' ? `[${message.attachments[0]?.kind ?? 'file'}]` : message.text;
    await deps.recent
      .add({ id, chat, author, text, name, at: clock.now(), expiration })
      .catch(() => host.log.warn({}, 'a message could not be kept for quoting'));
  }

  async function takeOne(message: WAMessage): Promise<void> {
    const me = deps.me();
    if (!me) return;
    const envelope = readEnvelope(message, me);
    if ('ignored' in envelope) {
      host.log.debug({ reason: envelope.ignored }, 'message ignored');
      return;
    }
    if (deps.selfChatOnly && !envelope.isSelfChat) {
      host.log.debug({ reason: 'not the chat with ourselves' }, 'message ignored');
      return;
    }
    const read = readMessage(message);
    if (read.kind === 'ignored') {
      host.log.debug({ reason: read.reason }, 'message ignored');
      return;
    }
    for (let attempt = 1; ; attempt++) {
      if (signal.aborted) throw abortReason(signal);
      try {
        await store(envelope, read, me);
        break;
      } catch (error) {
        // The core's own error: its text is not ours to print.
        const name = error instanceof Error ? error.name : 'unknown';
        host.log.error({ error: name, attempt }, 'message could not be stored; it is tried again');
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal);
      }
    }
    deps.markRead(message);
  }

  const running = new Set<Promise<void>>();
  return {
    take(message) {
      const taking = takeOne(message).finally(() => running.delete(taking));
      running.add(taking);
      return taking;
    },
    async settle() {
      await Promise.allSettled(running);
    },
  };
}
