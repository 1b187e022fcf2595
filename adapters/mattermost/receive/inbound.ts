// Post → InboundMessage, or the reason why it is left out. Pure.
import type { InboundMessage } from '../../contract.ts';
import { chatId, messageId, threadId, userId, type AccountId } from '../../../shared/ids.ts';
import { FORWARD_MARK, type AttachmentRef, type ReplyRef } from '../../../shared/messages.ts';
import { fileSchema, permalinkSchema, type Channel, type Post, type User } from '../schema.ts';
import { mediaKindOf } from '../../transport/files.ts';

/** A thread as far as we know it. */
export interface Thread {
  /** Text of its first message. */
  text: string;
  author: string | undefined;
  /** Its first message is ours. */
  isOurs: boolean;
  /** We wrote in it. */
  isJoined: boolean;
}

/** Another message that this one points to; people forward messages in this way. */
export interface Shared {
  id: string;
  authorId: string;
  text: string;
}

export interface InboundContext {
  account: AccountId;
  bot: { id: string; username: string };
  channel: Channel;
  sender: User | undefined;
  /** Of a post in a thread. */
  thread: Thread | undefined;
  /** Who wrote the message that it points to. */
  sharedAuthor: User | undefined;
  replyInThread: boolean;
  followThreads: boolean;
}

export type InboundResult = { kind: 'message'; message: InboundMessage } | { kind: 'ignored'; reason: string };

const IGNORED = (reason: string): InboundResult => ({ kind: 'ignored', reason });

/** Types that a person writes: a plain post, and `/me does something`. All others are the server's notes, or programs. */
const SPOKEN = new Set(['', 'me']);

/**
 * Why a post is not for us, as far as it alone tells. The user of a webhook's post is whoever made the webhook, so it must not pass for
 * theirs.
 */
export function reasonToIgnore(post: Post, botId: string): string | undefined {
  if (post.user_id === botId) return 'our own message';
  for (const mark of ['from_bot', 'from_webhook', 'from_plugin'])
    if (isSet(post.props[mark])) return `sent by a program (${mark})`;
  if (post.original_id !== '') return 'an earlier version';
  if (!SPOKEN.has(post.type)) return 'no message of a person';
  return undefined;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 'false' && value !== '';
}

export function isDirect(channel: Pick<Channel, 'type'>): boolean {
  return channel.type === 'D';
}

export function readPost(post: Post, kind: 'message' | 'edit' | 'delete', context: InboundContext): InboundResult {
  const reason = context.sender?.is_bot === true ? 'sent by a bot' : reasonToIgnore(post, context.bot.id);
  if (reason !== undefined) return IGNORED(reason);
  if (kind === 'edit' && post.edit_at === 0) return IGNORED('change that is no edit');
  const isDm = isDirect(context.channel);
  const own = readText(post.message, context.bot.username);
  const attachments = kind === 'delete' ? [] : readFiles(post);
  if (kind !== 'delete' && own.text === '' && attachments.length === 0 && !own.isAddressed)
    return IGNORED('nothing in it');
  const isFollowed = context.followThreads && context.thread?.isJoined === true;
  const addressed = isDm || own.isAddressed || isFollowed || context.thread?.isOurs === true;
  const { sender } = context;
  const shared = kind === 'delete' ? undefined : readShared(post);
  const sharedBy = context.sharedAuthor ? nameOf(context.sharedAuthor) : 'somebody';
  const isForward = shared !== undefined && IS_PERMALINK.test(own.text.trim());
  // A forwarded text speaks for somebody else, and must not be taken for a command of the sender.
  const text = isForward ? `${FORWARD_MARK}${sharedBy}:\n${shared.text}` : own.text;
  const message: InboundMessage = {
    kind,
    account: context.account,
    chat: chatId(post.channel_id),
    chatKind: isDm ? 'dm' : 'group',
    ...(!isDm && context.channel.display_name !== '' && { chatTitle: context.channel.display_name }),
    thread: threadOf(post, isDm || !own.isAddressed, context),
    id: messageId(post.id),
    revision: kind === 'edit' ? String(post.edit_at) : '',
    sender: {
      id: userId(post.user_id),
      ...(sender && { name: nameOf(sender), username: sender.username }),
      bot: false,
    },
    sentAt: post.create_at,
    text: kind === 'delete' ? '' : text,
    attachments,
    replyTo:
      shared && !isForward
        ? {
            message: messageId(shared.id),
            text: shared.text,
            author: asAuthor(sharedBy),
            mine: shared.authorId === context.bot.id,
          }
        : readReply(post, context.thread),
    addressed,
  };
  return { kind: 'message', message };
}

/**
 * A reply lies in the thread of the message that it answers, in direct messages too: the chat stays the same, and the answer goes where
 * the person wrote. A message in a channel that asks us something begins the thread in which it is answered.
 */
function threadOf(post: Post, isPlain: boolean, { replyInThread }: InboundContext) {
  if (post.root_id !== '') return threadId(post.root_id);
  return isPlain || !replyInThread ? undefined : threadId(post.id);
}

export function nameOf(user: User): string {
  const full = `${user.first_name} ${user.last_name}`.trim();
  return full || user.nickname.trim() || user.username;
}

/** The address of a message and nothing else (https://docs.mattermost.com/collaborate/share-links.html, read 2026-11-21). */
const IS_PERMALINK = /^https?:\/\/\S+\/pl\/[a-z0-9]{26}$/;

export function readShared(post: Post): Shared | undefined {
  for (const raw of post.metadata.embeds) {
    const data = permalinkSchema.safeParse(raw).data?.data;
    if (data) return { id: data.post_id, authorId: data.post.user_id, text: data.post.message };
  }
  return undefined;
}

function readReply(post: Post, thread: Thread | undefined): ReplyRef | undefined {
  if (post.root_id === '') return undefined;
  return {
    message: messageId(post.root_id),
    ...(thread && { text: thread.text, author: asAuthor(thread.author ?? 'somebody'), mine: thread.isOurs }),
  };
}

/** Our own words are quoted as those of "you", so nobody else may be called that. */
function asAuthor(name: string): string {
  return name.replace(/[^\p{L}]/gu, '').toLowerCase() === 'you' ? 'somebody called you' : name;
}

function readFiles(post: Post): readonly AttachmentRef[] {
  const found: AttachmentRef[] = [];
  for (const raw of post.metadata.files) {
    const file = fileSchema.safeParse(raw).data;
    if (!file) continue;
    const { id, name, mime_type: mime, size: bytes } = file;
    found.push({ kind: mediaKindOf(mime ?? ''), ref: id, name, mime, bytes });
  }
  // Without metadata the ids are all that is known.
  if (found.length === 0)
    for (const id of post.file_ids)
      if (typeof id === 'string' && fileSchema.safeParse({ id }).success) found.push({ kind: 'document', ref: id });
  return found;
}

/**
 * The text without the mention at its beginning that addressed us. The text decides, not the event's list of mentions: that one has us
 * also when somebody calls the whole channel, and the history does not carry it.
 */
export function readText(raw: string, username: string): { text: string; isAddressed: boolean } {
  const name = username.replace(/[.\\+*?^$()[\]{}|-]/g, '\\$&');
  // Names may hold dots and hyphens, so "@herald.smith" is somebody else and "@herald." is us at the end of a sentence.
  const mention = `@${name}(?![\\w-]|\\.[\\w-])`;
  if (!new RegExp(`(?<![\\w.@-])${mention}`, 'i').test(withoutCode(raw))) return { text: raw, isAddressed: false };
  return { text: raw.replace(new RegExp(`^(?:\\s*${mention}[\\s,:;–—-]*)+`, 'i'), ''), isAddressed: true };
}

/** In code nobody is mentioned. */
function withoutCode(text: string): string {
  return text.replace(/```[\s\S]*?(?:```|$)|`[^`\n]*`/g, ' ');
}
