// A decrypted message → InboundMessage, or the reason why it is left out. Pure; who the sender is to us is looked up in between.
import type { proto, WAMessage } from 'baileys';
import type { InboundMessage } from '../../../contract.ts';
import { messageId, type AccountId, type ChatId, type UserId } from '../../../../shared/ids.ts';
import type { ReplyRef } from '../../../../shared/messages.ts';
import type { PersonAddress } from '../../identity.ts';
import { groupChat, isBot, isGroup, isMe, parseJid, personOf, type Me } from '../addresses.ts';
import { textOf, VIEW_ONCE_TEXT, readContent, type Content, type ReadContent } from './content.ts';

/** Who wrote it, and where. */
export interface Envelope {
  id: string;
  /** Undefined: a direct chat with the sender. */
  group: ChatId | undefined;
  sender: PersonAddress;
  name: string | undefined;
  /** Milliseconds since the epoch. */
  sentAt: number;
  /** The chat with ourselves, where we are both sides. */
  isSelfChat: boolean;
  /** How the protocol names the sender, for quotes and reactions. */
  authorJid: string;
}

export type Ignored = { ignored: string };

export function readEnvelope(message: WAMessage, me: Me): Envelope | Ignored {
  const { key } = message;
  const { id, remoteJid, participant } = key;
  if (!id || !remoteJid) return { ignored: 'no id or chat' };
  if (message.category === 'peer') return { ignored: 'between our own devices' };
  const server = parseJid(remoteJid)?.server;
  const inGroup = isGroup(remoteJid);
  // Somebody's broadcast list is a direct message to each who gets it; "status" is the stories.
  const inList = server === 'broadcast' && remoteJid !== 'status@broadcast';
  if (server === 'broadcast' && !inList) return { ignored: 'a status' };
  if (server === 'newsletter') return { ignored: 'a post of a channel' };
  const authorJid = inGroup || inList ? participant : remoteJid;
  const isSelfChat = key.fromMe === true && !inGroup && isMe(remoteJid, me);
  if (key.fromMe && !isSelfChat) return { ignored: 'sent by us from another device' };
  if (isBot(authorJid)) return { ignored: 'sent by a bot' };
  const alternative = inGroup || inList ? key.participantAlt : key.remoteJidAlt;
  const sender = isSelfChat ? me : personOf(authorJid, alternative);
  if (!sender || !authorJid) return { ignored: 'no sender' };
  return {
    id,
    group: inGroup ? groupChat(remoteJid) : undefined,
    sender,
    name: message.pushName ?? undefined,
    sentAt: secondsOf(message.messageTimestamp) * 1_000,
    isSelfChat,
    authorJid,
  };
}

function secondsOf(time: WAMessage['messageTimestamp']): number {
  return typeof time === 'number' ? time : (time?.toNumber() ?? 0);
}

/** A view-once message comes to linked devices as an empty one. */
export function readMessage(message: WAMessage): ReadContent {
  if (message.message) return readContent(message.message);
  if (!message.key.isViewOnce) return { kind: 'ignored', reason: 'nothing to read' };
  const content: Content = { text: VIEW_ONCE_TEXT, attachments: [], context: undefined, album: undefined };
  return { kind: 'content', content };
}

export interface InboundContext {
  account: AccountId;
  me: Me;
  sender: UserId;
  chat: ChatId;
  chatTitle: string | undefined;
  /** Whether a message with this id was sent by this program. */
  isOurs(id: string): boolean;
  /** Name of whom is quoted, when known. */
  authorName: string | undefined;
}

export function makeInbound(
  envelope: Envelope,
  read: Exclude<ReadContent, { kind: 'ignored' }>,
  context: InboundContext,
): InboundMessage {
  const isDm = envelope.group === undefined;
  const base = {
    account: context.account,
    chat: context.chat,
    chatKind: isDm ? ('dm' as const) : ('group' as const),
    chatTitle: context.chatTitle,
    sender: { id: context.sender, name: envelope.name, bot: false },
    sentAt: envelope.sentAt,
  };
  if (read.kind === 'delete') {
    const id = messageId(read.id);
    return { ...base, kind: 'delete', id, revision: '', text: '', attachments: [], addressed: isDm };
  }
  const { content } = read;
  const replyTo = readReply(content.context, envelope, context);
  const { text, namesUs } = cutMention(content, context.me);
  return {
    ...base,
    kind: read.kind === 'edit' ? 'edit' : 'message',
    id: messageId(read.kind === 'edit' ? read.id : envelope.id),
    // Each edit is a message with an id of its own.
    revision: read.kind === 'edit' ? envelope.id : '',
    text,
    attachments: content.attachments,
    replyTo,
    addressed: isDm || namesUs || replyTo?.mine === true,
    mediaGroup: content.album,
  };
}

function readReply(
  quote: proto.IContextInfo | undefined,
  { isSelfChat }: Envelope,
  context: InboundContext,
): ReplyRef | undefined {
  if (!quote?.stanzaId) return undefined;
  const isFromUs = isMe(quote.participant, context.me);
  return {
    message: messageId(quote.stanzaId),
    text: quote.quotedMessage ? textOf(quote.quotedMessage) : undefined,
    author: context.authorName,
    mine: isFromUs && (!isSelfChat || context.isOurs(quote.stanzaId)),
  };
}

/** The text holds `@` and the digits of whom it names; ours go away at either end of it, and stay inside a sentence. */
function cutMention({ text, context }: Content, me: Me): { text: string; namesUs: boolean } {
  const namesUs = (context?.mentionedJid ?? []).some((jid) => isMe(jid, me));
  if (!namesUs) return { text, namesUs };
  const names = [me.phone, parseJid(me.alias)?.user].filter(Boolean).join('|');
  const start = new RegExp(`^\\s*@(?:${names})(?!\\d)[\\s,:;–—-]*`);
  const end = new RegExp(`[\\s,]*@(?:${names})(?!\\d)([\\s.!?]*)$`);
  return { text: text.replace(start, '').replace(end, '$1'), namesUs };
}
