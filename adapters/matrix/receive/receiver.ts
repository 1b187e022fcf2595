// Events of a room → the host, one after the other. Rejects when one could not be stored or understood for want of an answer: the whole
// batch then comes again, and what was stored of it is known by its id.
import type { Clock } from '../../../shared/clock.ts';
import { chatId, messageId, threadId, userId, type AccountId } from '../../../shared/ids.ts';
import type { ReplyRef } from '../../../shared/messages.ts';
import type { Encryption } from '../crypto/encryption.ts';
import type { AdapterHost, InboundMessage } from '../../contract.ts';
import type { MatrixEvent } from './event-schema.ts';
import { readMention, readMessage, readRedaction, type ReadMessage } from './inbound.ts';
import type { KnownMessage, KnownMessages } from './known-messages.ts';
import type { RoomInfo, Rooms } from './rooms.ts';

export interface ReceiverDeps {
  host: AdapterHost;
  account: AccountId;
  rooms: Rooms;
  known: KnownMessages;
  encryption: Encryption;
  clock: Clock;
  signal: AbortSignal;
}

export interface Receiver {
  take(room: string, event: MatrixEvent, me: string): Promise<void>;
  /** Takes what waited for its key and can be read now. */
  retry(me: string): Promise<void>;
}

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, rooms, known, encryption, clock, signal } = deps;

  /** In an encrypted room nobody vouches for what is in the clear. */
  function base(
    room: string,
    { event, isSealed }: Pick<Reading, 'event' | 'isSealed'>,
    info: RoomInfo,
  ): Omit<InboundMessage, 'kind' | 'id' | 'revision'> {
    return {
      account: deps.account,
      chat: chatId(room),
      chatKind: info.kind,
      chatTitle: info.kind === 'group' ? info.title : undefined,
      sender: {
        id: userId(event.sender),
        name: info.members.get(event.sender),
        bot: false,
        ...(info.encryption && !isSealed && { verified: false }),
      },
      sentAt: Math.min(Math.max(0, event.origin_server_ts), clock.now()),
      text: '',
      attachments: [],
      addressed: info.kind === 'dm',
    };
  }

  async function takeMessage(room: string, reading: Reading): Promise<void> {
    const { event, me, message } = reading;
    const info = await rooms.find(room, signal);
    const replied = message.replyTo === undefined ? undefined : await findReply(room, message.replyTo, me);
    const mention = readMention(message, { id: me, displayName: info.members.get(me) });
    const about = base(room, reading, info);
    await host.receive({
      ...about,
      kind: 'message',
      id: messageId(event.event_id),
      revision: '',
      ...(message.thread !== undefined && { thread: threadId(message.thread) }),
      text: info.kind === 'group' ? mention.text : message.text,
      attachments: message.attachments,
      ...(replied && { replyTo: replied }),
      addressed: about.addressed || mention.isNamed || replied?.mine === true,
    });
  }

  /** Servers let anybody send an edit of anything: only that of the message's own author is one (#validity-of-replacement-events). */
  async function takeEdit(room: string, reading: Reading, replaces: string): Promise<void> {
    const { event, me, message } = reading;
    const info = await rooms.find(room, signal);
    const original = await known.find(room, replaces, signal);
    if (original?.sender !== event.sender) {
      host.log.debug({ room }, 'an edit of a message of somebody else is left out');
      return;
    }
    known.keep(room, replaces, { ...original, text: message.text });
    const mention = readMention(message, { id: me, displayName: info.members.get(me) });
    const about = base(room, reading, info);
    await host.receive({
      ...about,
      kind: 'edit',
      id: messageId(replaces),
      revision: event.event_id,
      ...(original.thread !== undefined && { thread: threadId(original.thread) }),
      text: info.kind === 'group' ? mention.text : message.text,
      attachments: message.attachments,
      addressed: about.addressed || mention.isNamed,
    });
  }

  async function takeRedaction(room: string, event: MatrixEvent, target: string): Promise<void> {
    const info = await rooms.find(room, signal);
    // Redactions are never sealed: they hold nothing.
    await host.receive({
      ...base(room, { event, isSealed: true }, info),
      kind: 'delete',
      id: messageId(target),
      revision: '',
    });
  }

  async function findReply(room: string, id: string, me: string): Promise<ReplyRef> {
    const found = await known.find(room, id, signal);
    if (!found) return { message: messageId(id) };
    return { message: messageId(id), text: found.text, author: found.sender, mine: found.sender === me };
  }

  async function take(room: string, event: MatrixEvent, { me, isSealed }: Pick<Reading, 'me' | 'isSealed'>) {
    const isOurs = event.sender === me;
    const target = readRedaction(event);
    if (target !== undefined) return isOurs ? undefined : takeRedaction(room, event, target);
    const message = readMessage(event);
    if (!message) return undefined;
    if (message.replaces === undefined) known.keep(room, event.event_id, toKnown(event, message));
    if (isOurs) return keepOwnEdit(room, message, me);
    if (message.isNotice) return undefined;
    const reading = { event, me, message, isSealed };
    return message.replaces === undefined ? takeMessage(room, reading) : takeEdit(room, reading, message.replaces);
  }

  return {
    async take(room, event, me) {
      if (event.type !== 'm.room.encrypted') return take(room, event, { me, isSealed: false });
      const opened = event.sender === me ? await openOwn(room, event) : await encryption.open(room, event);
      if (opened) await take(room, opened, { me, isSealed: true });
    },
    retry: (me) => encryption.retry((room, event) => take(room, event, { me, isSealed: true })),
  };

  /** What we sent ourselves is only looked at; it never waits. */
  async function openOwn(room: string, event: MatrixEvent): Promise<MatrixEvent | undefined> {
    const opened = await encryption.peek(room, event);
    return opened.state === 'opened' ? opened.event : undefined;
  }

  function keepOwnEdit(room: string, message: ReadMessage, me: string): void {
    const original = message.replaces === undefined ? undefined : known.peek(room, message.replaces);
    if (message.replaces !== undefined && original?.sender === me)
      known.keep(room, message.replaces, { ...original, text: message.text });
  }
}

interface Reading {
  event: MatrixEvent;
  me: string;
  message: ReadMessage;
  /** It came encrypted. */
  isSealed: boolean;
}

function toKnown(event: MatrixEvent, message: ReadMessage): KnownMessage {
  return { sender: event.sender, text: message.text, thread: message.thread };
}
