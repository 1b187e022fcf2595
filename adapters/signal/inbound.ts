// Envelope → InboundMessage, or the reason why it is left out. Pure.
import { Buffer } from 'node:buffer';
import type { InboundMessage } from '../contract.ts';
import { chatId, userId, type AccountId, type MessageId } from '../../shared/ids.ts';
import type { AttachmentRef, ReplyRef } from '../../shared/messages.ts';
import { mediaKindOf } from '../transport/files.ts';
import { MAX_TEXT_BYTES } from './capabilities.ts';
import {
  frameSchema,
  type DataMessage,
  type Envelope,
  type Frame,
  type SentMessage,
  type SignalAttachment,
} from './envelope-schema.ts';
import { groupChatId, makeMessageId, OWN_AUTHOR } from './ids.ts';
import { isSelf, readText, type Self } from './text/inbound-text.ts';

export interface InboundContext {
  account: AccountId;
  self: Self;
  /** Nothing but Note to Self is heard. */
  noteToSelfOnly: boolean;
  /** Name of a person by uuid or number, as far as we have seen it. */
  nameOf(id: string): string | undefined;
  /** The timestamp under which a message is known that was edited since. */
  originalOf(author: string, timestamp: number): number;
  /** Whether a message of our account was sent by us, not by a phone that shares the account. */
  isOwnSend(timestamp: number): boolean;
}

export type InboundResult =
  | { kind: 'message'; message: InboundMessage }
  | { kind: 'ignored'; reason: string }
  /** `reason` names the fields that are wrong, never their content. */
  | { kind: 'malformed'; reason: string };

export type FrameResult = { kind: 'frame'; frame: Frame } | { kind: 'malformed'; reason: string };

export function readFrame(raw: unknown): FrameResult {
  const parsed = frameSchema.safeParse(raw);
  if (parsed.success) return { kind: 'frame', frame: parsed.data };
  const paths = parsed.error.issues.slice(0, 5).map((issue) => issue.path.join('.') || 'frame');
  return { kind: 'malformed', reason: `unexpected ${[...new Set(paths)].join(', ')}` };
}

/** Somebody wrote it, somewhere. */
interface Event {
  data: DataMessage;
  /** Uuid, or the number of somebody whose uuid is hidden. */
  author: string;
  /** Of an edit: the message that is edited. */
  target?: number | undefined;
  isNoteToSelf: boolean;
}

const ignored = (reason: string): InboundResult => ({ kind: 'ignored', reason });

export function readEnvelope({ envelope, exception }: Frame, context: InboundContext): InboundResult {
  const author = envelope.sourceUuid ?? envelope.sourceNumber ?? envelope.source;
  if (exception) return { kind: 'malformed', reason: `signal-cli could not read it: ${exception.type ?? 'unknown'}` };
  if (!author) return ignored('no sender');
  const sent = envelope.syncMessage?.sentMessage;
  if (sent) return readSent(sent, { envelope, author }, context);
  if (isSelf({ uuid: envelope.sourceUuid, number: envelope.sourceNumber, name: envelope.source }, context.self))
    return ignored('our own message');
  if (context.noteToSelfOnly) return ignored('not Note to Self');
  const { dataMessage: data, editMessage: edit } = envelope;
  if (edit)
    return readEvent(
      { data: edit.dataMessage, author, target: edit.targetSentTimestamp, isNoteToSelf: false },
      envelope,
      context,
    );
  if (data) return readEvent({ data, author, isNoteToSelf: false }, envelope, context);
  return ignored('kind of envelope that is not used');
}

/** What a phone that shares our account sent: only Note to Self is meant for us. */
function readSent(
  sent: SentMessage,
  { envelope, author }: { envelope: Envelope; author: string },
  context: InboundContext,
): InboundResult {
  const { destinationUuid: uuid, destinationNumber: number, destination: name, timestamp, editMessage: edit } = sent;
  const group = sent.groupInfo ?? edit?.dataMessage.groupInfo;
  if (group || !isSelf({ uuid, number, name }, context.self)) return ignored('sent by our account to somebody else');
  if (edit) {
    if (context.isOwnSend(edit.dataMessage.timestamp)) return ignored('our own message');
    const event = { data: edit.dataMessage, author, target: edit.targetSentTimestamp, isNoteToSelf: true };
    return readEvent(event, envelope, context);
  }
  if (timestamp === undefined || timestamp === null) return ignored('nothing to read');
  if (context.isOwnSend(timestamp)) return ignored('our own message');
  return readEvent({ data: { ...sent, timestamp }, author, isNoteToSelf: true }, envelope, context);
}

function readEvent(event: Event, envelope: Envelope, context: InboundContext): InboundResult {
  const { data, author } = event;
  if (data.reaction !== undefined && data.reaction !== null) return ignored('reaction');
  if (data.isExpirationUpdate) return ignored('timer of disappearing messages');
  const place = readPlace(event, envelope, context);
  const deleted = readDeletion(event, context);
  if (deleted) return { kind: 'message', message: { ...place, kind: 'delete', id: deleted } };
  const { text: words, isAddressed } = readText(data, context.self, context.nameOf);
  const text = joinLines(words, describeOther(data));
  const attachments = data.viewOnce ? [] : readAttachments(data);
  if (text === '' && attachments.length === 0) return ignored('nothing to read');
  const replyTo = readQuote(event, context);
  const isEdit = event.target !== undefined;
  const timestamp = event.target === undefined ? data.timestamp : context.originalOf(author, event.target);
  return {
    kind: 'message',
    message: {
      ...place,
      kind: isEdit ? 'edit' : 'message',
      id: makeMessageId({ author, timestamp }),
      revision: isEdit ? String(data.timestamp) : '',
      text,
      attachments,
      replyTo,
      addressed: place.chatKind === 'dm' || isAddressed || replyTo?.mine === true,
    },
  };
}

type Place = Omit<InboundMessage, 'kind' | 'id'>;

function readPlace({ data, author }: Event, envelope: Envelope, context: InboundContext): Place {
  const group = data.groupInfo;
  return {
    account: context.account,
    chat: group ? groupChatId(group.groupId) : chatId(author),
    chatKind: group ? 'group' : 'dm',
    chatTitle: group?.groupName ?? undefined,
    revision: '',
    sender: {
      id: userId(author),
      name: envelope.sourceName || envelope.sourceNumber || undefined,
      username: envelope.sourceNumber ?? undefined,
      bot: false,
    },
    // The message's own time is that of the sender's clock, which may be anything.
    sentAt: envelope.serverReceivedTimestamp || data.timestamp,
    text: '',
    attachments: [],
    addressed: !group,
  };
}

/** A deletion by its author, or by an admin of the group: the message that is gone. */
function readDeletion({ data, author }: Event, context: InboundContext): MessageId | undefined {
  const { remoteDelete: own, adminDelete: byAdmin } = data;
  const gone = (who: string, timestamp: number) =>
    makeMessageId({ author: who, timestamp: context.originalOf(who, timestamp) });
  if (own) return gone(author, own.timestamp);
  const target = byAdmin?.targetAuthorUuid ?? byAdmin?.targetAuthor;
  return byAdmin && target ? gone(target, byAdmin.targetSentTimestamp) : undefined;
}

function readQuote({ data, isNoteToSelf }: Event, context: InboundContext): ReplyRef | undefined {
  const { quote } = data;
  if (!quote) return undefined;
  const author = quote.authorUuid ?? quote.authorNumber ?? quote.author;
  if (!author) return undefined;
  const isOurAccount = isSelf({ uuid: quote.authorUuid, number: quote.authorNumber, name: quote.author }, context.self);
  // In Note to Self the owner's messages are those of our account as well.
  const mine = isOurAccount && (!isNoteToSelf || context.isOwnSend(quote.id));
  const who = mine ? OWN_AUTHOR : author;
  const name = context.nameOf(author) ?? quote.authorNumber ?? undefined;
  return {
    message: makeMessageId({ author: who, timestamp: context.originalOf(who, quote.id) }),
    text:
      readText({ message: quote.text, mentions: quote.mentions, textStyles: [] }, context.self, context.nameOf).text ||
      undefined,
    author: mine || name === undefined ? undefined : readAuthor(name),
    mine,
  };
}

/** Our own words are quoted as those of "you", so nobody else may be called that. */
function readAuthor(name: string): string {
  return name.replace(/[^\p{L}]/gu, '').toLowerCase() === 'you' ? 'somebody called you' : name;
}

function joinLines(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n');
}

/** Things that are neither text nor file, but that a person sends to be understood. */
function describeOther({ viewOnce, sticker, contacts, pollCreate: poll }: DataMessage): string {
  const lines: string[] = [];
  // What is meant to be seen once is not kept here.
  if (viewOnce) lines.push('(a photo or video that may be viewed only once; I do not open it)');
  if (sticker !== undefined && sticker !== null) lines.push('(a sticker)');
  for (const { name, phone } of contacts) {
    const full = name?.nickname || [name?.given, name?.family].filter(Boolean).join(' ');
    lines.push(`Contact: ${[full, ...phone.map((one) => one.value)].filter(Boolean).join(', ')}`);
  }
  if (poll) lines.push(`Poll: ${poll.question ?? ''}`, ...poll.options.map((option) => `- ${option}`));
  return lines.join('\n');
}

/** The rest of a text that was too long for a message (MimeUtils.LONG_TEXT of signal-cli). */
const LONG_TEXT = 'text/x-signal-plain';

function readAttachments({ attachments, message }: DataMessage): readonly AttachmentRef[] {
  // signal-cli puts a long text together itself, or else leaves its beginning in the message: then the file has all of it.
  const isWhole = Buffer.byteLength(message ?? '') > MAX_TEXT_BYTES;
  return attachments.filter((one) => !(isWhole && one.contentType === LONG_TEXT)).map(readAttachment);
}

function readAttachment({ id, contentType, filename, size }: SignalAttachment): AttachmentRef {
  const mime = contentType ?? 'application/octet-stream';
  const isText = mime === LONG_TEXT;
  return {
    kind: kindOf(mime, filename ?? undefined),
    ref: id,
    name: filename ?? (isText ? 'message.txt' : undefined),
    mime: isText ? 'text/plain' : mime,
    bytes: size ?? undefined,
  };
}

/** signal-cli does not say what is a voice note; recordings have no file name, files that somebody attached do. */
function kindOf(mime: string, filename: string | undefined): AttachmentRef['kind'] {
  // A recording has no name.
  return mime.startsWith('audio/') && !filename ? 'voice' : mediaKindOf(mime);
}
