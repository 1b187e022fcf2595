// Message event → InboundMessage, or the reason why it is left out. Pure.
import type { InboundMessage } from '../../contract.ts';
import { chatId, messageId, threadId, userId, type AccountId } from '../../../shared/ids.ts';
import { FORWARD_MARK, type AttachmentRef, type MediaKind, type ReplyRef } from '../../../shared/messages.ts';
import { mediaKindOf } from '../../transport/files.ts';
import { attachmentSchema, fileSchema, type SlackMessage, type SlackMessageEvent } from './schema.ts';
import { readText, type TextContext } from './text.ts';

export interface Person {
  name?: string | undefined;
  username?: string | undefined;
  isBot: boolean;
}

export interface InboundContext extends TextContext {
  account: AccountId;
  person: Person | undefined;
  chatTitle: string | undefined;
  /** Whether we take part in a thread, so that it is meant for us without a mention. */
  isFollowed(thread: string): boolean;
  /** First message of the thread, when this is the first that we see of it. */
  root: { text: string; author: string } | undefined;
  replyInThread: boolean;
}

export type InboundResult = { kind: 'message'; message: InboundMessage } | { kind: 'ignored'; reason: string };

const IGNORED = (reason: string): InboundResult => ({ kind: 'ignored', reason });

/** Subtypes that a person writes; all others are Slack's own notes, or programs. */
const SPOKEN = new Set(['file_share', 'thread_broadcast', 'me_message']);

/** Slack's own robot. */
const SLACKBOT = 'USLACKBOT';

export function readMessageEvent(event: SlackMessageEvent, context: InboundContext): InboundResult {
  if (event.subtype === 'message_changed') return readChange(event, context);
  if (event.subtype === 'message_deleted') return readDeletion(event, context);
  return readMessage(event, event, context);
}

/** A message of the history reads like the event that told of it. */
export function readMessage(
  message: SlackMessage,
  place: { channel: string; channel_type?: string | undefined },
  context: InboundContext,
): InboundResult {
  const refusal = reasonToIgnore(message, context);
  if (refusal !== undefined) return IGNORED(refusal);
  const read = readContent(message, isDirect(place), context);
  if (read.text === '' && read.attachments.length === 0) return IGNORED('nothing in it');
  return { kind: 'message', message: { ...makeBase(message, place, context), kind: 'message', revision: '', ...read } };
}

function reasonToIgnore(message: SlackMessage, context: InboundContext): string | undefined {
  if (message.user === context.bot) return 'our own message';
  if (message.bot_id || message.subtype === 'bot_message' || context.person?.isBot) return 'sent by a bot';
  if (message.user === SLACKBOT) return 'sent by Slack';
  if (message.subtype !== undefined && !SPOKEN.has(message.subtype)) return `subtype ${message.subtype}`;
  if (message.hidden) return 'hidden';
  return message.user === undefined ? 'no sender' : undefined;
}

function makeBase(
  message: SlackMessage,
  place: { channel: string; channel_type?: string | undefined },
  context: InboundContext,
): Omit<InboundMessage, 'kind' | 'revision' | 'text' | 'attachments' | 'replyTo' | 'addressed'> {
  const { person } = context;
  const isDm = isDirect(place);
  return {
    account: context.account,
    chat: chatId(place.channel),
    chatKind: isDm ? 'dm' : 'group',
    ...(!isDm && context.chatTitle !== undefined && { chatTitle: context.chatTitle }),
    thread: threadOf(message, isDm, context),
    id: messageId(message.ts),
    sender: { id: userId(message.user ?? ''), name: person?.name, username: person?.username, bot: false },
    sentAt: Math.floor(Number(message.ts) * 1_000),
  };
}

export function isDirect(place: { channel: string; channel_type?: string | undefined }): boolean {
  return place.channel_type === undefined ? place.channel.startsWith('D') : place.channel_type === 'im';
}

/** A message in a channel that asks us something begins the thread in which it is answered. */
function threadOf(message: SlackMessage, isDm: boolean, context: InboundContext) {
  if (isReply(message)) return message.thread_ts === undefined ? undefined : threadId(message.thread_ts);
  if (isDm || !context.replyInThread) return undefined;
  return readText(message.text ?? '', context).isAddressed ? threadId(message.ts) : undefined;
}

/** The first message of a thread carries the thread's name too. */
function isReply(message: SlackMessage): boolean {
  return message.thread_ts !== undefined && message.thread_ts !== message.ts;
}

function readContent(
  message: SlackMessage,
  isDm: boolean,
  context: InboundContext,
): Pick<InboundMessage, 'text' | 'attachments' | 'replyTo' | 'addressed'> {
  const own = readText(message.text ?? '', context);
  const shared = readShared(message, context);
  const isForward = own.text === '' && shared !== undefined;
  const replyTo = readReply(message, context);
  const isOurThread = replyTo?.mine === true || (isReply(message) && context.isFollowed(message.thread_ts ?? ''));
  return {
    // A forwarded text speaks for somebody else, and must not be taken for a command of the sender.
    text: isForward ? `${FORWARD_MARK}${shared.author ?? 'somebody'}:\n${shared.text ?? ''}` : own.text,
    attachments: readFiles(message),
    replyTo: shared && !isForward ? shared : replyTo,
    addressed: isDm || own.isAddressed || isOurThread,
  };
}

/** The first message of the thread; its text only when we have not been told of it before. */
function readReply(message: SlackMessage, context: InboundContext): ReplyRef | undefined {
  if (!isReply(message) || message.thread_ts === undefined) return undefined;
  return {
    message: messageId(message.thread_ts),
    mine: message.parent_user_id === context.bot,
    ...(context.root && { text: context.root.text, author: asAuthor(context.root.author) }),
  };
}

/** A message that the sender shared with this one. */
function readShared(message: SlackMessage, context: InboundContext): ReplyRef | undefined {
  for (const raw of message.attachments ?? []) {
    const parsed = attachmentSchema.safeParse(raw);
    if (!parsed.success || parsed.data.is_share !== true) continue;
    const { text, fallback, author_name: name, author_subname: subname, author_id: id, ts } = parsed.data;
    const author = asAuthor(name || subname || 'somebody');
    const words = readText(text ?? fallback ?? '', context).text;
    return { message: messageId(ts ? String(ts) : message.ts), text: words, author, mine: id === context.bot };
  }
  return undefined;
}

/** Our own words are quoted as those of "you", so nobody else may be called that. */
function asAuthor(name: string): string {
  return name.replace(/[^\p{L}]/gu, '').toLowerCase() === 'you' ? 'somebody called you' : name;
}

function readFiles(message: SlackMessage): readonly AttachmentRef[] {
  const found: AttachmentRef[] = [];
  for (const raw of message.files ?? []) {
    const parsed = fileSchema.safeParse(raw);
    if (!parsed.success) continue;
    const { id, name, title, mimetype, size, mode, duration_ms: durationMs } = parsed.data;
    if (mode === 'tombstone' || mode === 'hidden_by_limit') continue;
    found.push({
      kind: mediaKind(mimetype ?? '', parsed.data.subtype ?? ''),
      // The address is asked for when it is opened: what a message says of it is not trusted.
      ref: id,
      name: name ?? title ?? undefined,
      mime: mimetype ?? undefined,
      bytes: size ?? undefined,
      durationMs: durationMs ?? undefined,
    });
  }
  return found;
}

function mediaKind(mime: string, subtype: string): MediaKind {
  if (subtype === 'slack_audio') return 'voice';
  return subtype === 'slack_video' ? 'video' : mediaKindOf(mime);
}

/** Slack tells of a change also when it adds a preview or counts a reply; only `edited` says that a person changed the text. */
function readChange(event: SlackMessageEvent, context: InboundContext): InboundResult {
  const { message, previous_message: before } = event;
  if (!message) return IGNORED('change without a message');
  // What is left of a deleted message that has replies.
  if (message.subtype === 'tombstone') return readDeletion({ ...event, deleted_ts: message.ts }, context);
  if (message.edited === undefined || message.edited.ts === before?.edited?.ts)
    return IGNORED('change that is no edit');
  const read = readMessage(message, event, context);
  if (read.kind === 'ignored') return read;
  return { kind: 'message', message: { ...read.message, kind: 'edit', revision: message.edited.ts } };
}

function readDeletion(event: SlackMessageEvent, context: InboundContext): InboundResult {
  const { deleted_ts: ts, previous_message: before } = event;
  if (ts === undefined || before === undefined) return IGNORED('deletion without a message');
  const gone = { ...before, ts };
  const refusal = reasonToIgnore(gone, context);
  if (refusal !== undefined) return IGNORED(refusal);
  const base = makeBase(gone, event, context);
  const { addressed } = readContent(gone, isDirect(event), context);
  return { kind: 'message', message: { ...base, kind: 'delete', revision: '', text: '', attachments: [], addressed } };
}
