// Events of a room → the host, one after the other. Rejects when one could not be stored or understood for want of an answer: the whole
// batch then comes again, and what was stored of it is known by its id.
import { createHash } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';
import { chatId, messageId, threadId, userId, type AccountId } from '../../../shared/ids.ts';
import type { ReplyRef } from '../../../shared/messages.ts';
import type { MatrixApi } from '../api.ts';
import type { AdapterHost, InboundMessage } from '../../contract.ts';
import { isOutOfReach } from '../errors.ts';
import type { MatrixEvent } from './event-schema.ts';
import { readMention, readMessage, readRedaction, type ReadMessage } from './inbound.ts';
import type { KnownMessage, KnownMessages } from './known-messages.ts';
import type { RoomInfo, Rooms } from './rooms.ts';

export interface ReceiverDeps {
  api: MatrixApi;
  host: AdapterHost;
  account: AccountId;
  rooms: Rooms;
  known: KnownMessages;
  clock: Clock;
  signal: AbortSignal;
}

export interface Receiver {
  take(room: string, event: MatrixEvent, me: string): Promise<void>;
}

export const ENCRYPTED_NOTICE =
  'This room is encrypted, and I cannot read encrypted messages here. Please write to me in a room without encryption: start a new chat with me and switch encryption off while you create it. Encryption cannot be switched off later.';

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { api, host, rooms, known, clock, signal } = deps;

  function base(room: string, event: MatrixEvent, info: RoomInfo): Omit<InboundMessage, 'kind' | 'id' | 'revision'> {
    return {
      account: deps.account,
      chat: chatId(room),
      chatKind: info.kind,
      chatTitle: info.kind === 'group' ? info.title : undefined,
      sender: { id: userId(event.sender), name: info.members.get(event.sender), bot: false },
      sentAt: Math.min(Math.max(0, event.origin_server_ts), clock.now()),
      text: '',
      attachments: [],
      addressed: info.kind === 'dm',
    };
  }

  async function takeMessage(room: string, event: MatrixEvent, { me, message }: Reading): Promise<void> {
    const info = await rooms.find(room, signal);
    if (info.isEncrypted) return tellEncrypted(room);
    const replied = message.replyTo === undefined ? undefined : await findReply(room, message.replyTo, me);
    const mention = readMention(message, { id: me, displayName: info.members.get(me) });
    const about = base(room, event, info);
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
  async function takeEdit(room: string, event: MatrixEvent, { me, message, replaces }: Edit): Promise<void> {
    const info = await rooms.find(room, signal);
    if (info.isEncrypted) return;
    const original = await known.find(room, replaces, signal);
    if (original?.sender !== event.sender) {
      host.log.debug({ room }, 'an edit of a message of somebody else is left out');
      return;
    }
    known.keep(room, replaces, { ...original, text: message.text });
    const mention = readMention(message, { id: me, displayName: info.members.get(me) });
    const about = base(room, event, info);
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
    if (info.isEncrypted) return;
    await host.receive({ ...base(room, event, info), kind: 'delete', id: messageId(target), revision: '' });
  }

  async function findReply(room: string, id: string, me: string): Promise<ReplyRef> {
    const found = await known.find(room, id, signal);
    if (!found) return { message: messageId(id) };
    return { message: messageId(id), text: found.text, author: found.sender, mine: found.sender === me };
  }

  /** Once for each room, for ever. */
  async function tellEncrypted(room: string): Promise<void> {
    const key = `encrypted:${room}`;
    if ((await host.cursor.get(key)) !== undefined) return;
    const txn = createHash('sha256').update(key).digest('hex');
    const path = ['client', 'v3', 'rooms', room, 'send', 'm.room.message', txn];
    const body = { msgtype: 'm.notice', body: ENCRYPTED_NOTICE, 'm.mentions': {} };
    await api.run({ method: 'PUT', path, body, signal }).catch((error: unknown) => {
      if (!isOutOfReach(error)) throw error;
    });
    await host.cursor.set(key, String(clock.now()));
    host.log.info({ room }, 'the room is encrypted; it is not read, and was told so');
  }

  return {
    async take(room, event, me) {
      const isOurs = event.sender === me;
      if (event.type === 'm.room.encrypted') return isOurs ? undefined : tellEncrypted(room);
      const target = readRedaction(event);
      if (target !== undefined) return isOurs ? undefined : takeRedaction(room, event, target);
      const message = readMessage(event);
      if (!message) return undefined;
      if (message.replaces === undefined) known.keep(room, event.event_id, toKnown(event, message));
      if (isOurs) return keepOwnEdit(room, message, me);
      if (message.isNotice) return undefined;
      return message.replaces === undefined
        ? takeMessage(room, event, { me, message })
        : takeEdit(room, event, { me, message, replaces: message.replaces });
    },
  };

  function keepOwnEdit(room: string, message: ReadMessage, me: string): void {
    const original = message.replaces === undefined ? undefined : known.peek(room, message.replaces);
    if (message.replaces !== undefined && original?.sender === me)
      known.keep(room, message.replaces, { ...original, text: message.text });
  }
}

interface Reading {
  me: string;
  message: ReadMessage;
}

interface Edit extends Reading {
  replaces: string;
}

function toKnown(event: MatrixEvent, message: ReadMessage): KnownMessage {
  return { sender: event.sender, text: message.text, thread: message.thread };
}
