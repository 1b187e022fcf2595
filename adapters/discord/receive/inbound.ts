// Message, edit, press or command → InboundMessage, or the reason why it is left out. Pure.
import type { InboundMessage } from '../../contract.ts';
import { chatId, messageId, threadId, userId, type AccountId } from '../../../shared/ids.ts';
import type { AttachmentRef, ReplyRef } from '../../../shared/messages.ts';
import { attachmentRef, stickerRef } from '../files.ts';
import { snowflakeTime } from '../snowflake.ts';
import { mediaKindOf } from '../../transport/files.ts';
import type { Directory, Place } from './directory.ts';
import { readText } from './inbound-text.ts';
import {
  interactionSchema,
  messageSchema,
  type DiscordAttachment,
  type DiscordInteraction,
  type DiscordMessage,
  type DiscordUser,
} from './schema.ts';

/** Message types that people write: text and replies, https://docs.discord.com/developers/resources/message#message-object-message-types. */
const WRITTEN = [0, 19];
const COMMAND = 2;
const PRESS = 3;

export interface InboundContext {
  account: AccountId;
  /** Our own id. */
  me: string;
  directory: Directory;
  place: Place;
}

export type InboundResult =
  | { kind: 'message'; message: InboundMessage }
  | { kind: 'ignored'; reason: string }
  /** `reason` names the fields that are wrong, never their content. */
  | { kind: 'malformed'; reason: string };

export function readMessage(raw: unknown, kind: 'message' | 'edit', context: InboundContext): InboundResult {
  const parsed = messageSchema.safeParse(raw);
  if (!parsed.success) return malformed(parsed.error.issues);
  const message = parsed.data;
  const refusal = reasonToIgnore(message, context);
  if (refusal) return { kind: 'ignored', reason: refusal };
  // Discord also tells of pins, previews of links and the like.
  if (kind === 'edit' && !message.edited_timestamp) return { kind: 'ignored', reason: 'change that is no edit' };
  const { me, directory, place } = context;
  const { text, isAddressed } = readText(message, { me, directory, guild: place.guild });
  const attachments = readAttachments(message);
  if (text === '' && attachments.length === 0 && message.content === '')
    return { kind: 'ignored', reason: 'message without text or file' };
  const replyTo = readReply(message, me);
  const sentAt = Date.parse(message.timestamp);
  return {
    kind: 'message',
    message: {
      ...whereOf(context),
      kind,
      id: messageId(message.id),
      revision: kind === 'edit' ? (message.edited_timestamp ?? '') : '',
      sender: readSender(message.author, message.member?.nick),
      sentAt: Number.isNaN(sentAt) ? snowflakeTime(message.id) : sentAt,
      text,
      attachments,
      replyTo,
      addressed: place.kind === 'dm' || isAddressed || replyTo?.mine === true,
    },
  };
}

/** What a deletion says is only which message; who wrote it is known from before. */
export function makeDeletion(id: string, sender: InboundMessage['sender'], context: InboundContext): InboundMessage {
  return {
    ...whereOf(context),
    kind: 'delete',
    id: messageId(id),
    revision: '',
    sender,
    sentAt: snowflakeTime(id),
    text: '',
    attachments: [],
    addressed: context.place.kind === 'dm',
  };
}

export type InteractionResult =
  | { kind: 'message'; message: InboundMessage; interaction: DiscordInteraction }
  | Exclude<InboundResult, { kind: 'message' }>;

export function readInteraction(raw: unknown, context: InboundContext): InteractionResult {
  const parsed = interactionSchema.safeParse(raw);
  if (!parsed.success) return malformed(parsed.error.issues);
  const interaction = parsed.data;
  const user = interaction.member?.user ?? interaction.user;
  if (!user) return { kind: 'malformed', reason: 'unexpected user' };
  if (user.bot) return { kind: 'ignored', reason: 'sent by a bot' };
  const content = readInteractionContent(interaction);
  if (!content) return { kind: 'ignored', reason: `interaction of type ${interaction.type}` };
  const message: InboundMessage = {
    ...whereOf(context),
    ...content,
    id: messageId(interaction.id),
    revision: '',
    sender: readSender(user, interaction.member?.nick),
    sentAt: snowflakeTime(interaction.id),
    attachments: [],
    addressed: true,
  };
  return { kind: 'message', message, interaction };
}

function readInteractionContent({
  type,
  data,
  message,
}: DiscordInteraction): Pick<InboundMessage, 'kind' | 'text' | 'button'> | undefined {
  if (type === COMMAND && data?.name !== undefined) {
    const args = (data.options ?? []).map((option) => String(option.value ?? '')).join(' ');
    return { kind: 'message', text: `/${data.name} ${args}`.trim() };
  }
  if (type === PRESS && data?.custom_id !== undefined && message)
    return { kind: 'button', text: '', button: { data: data.custom_id, message: messageId(message.id) } };
  return undefined;
}

function whereOf({ account, place }: InboundContext) {
  return {
    account,
    chat: chatId(place.chat),
    chatKind: place.kind,
    chatTitle: place.title,
    thread: place.thread === undefined ? undefined : threadId(place.thread),
  };
}

function malformed(issues: readonly { path: readonly PropertyKey[] }[]): { kind: 'malformed'; reason: string } {
  const paths = issues.slice(0, 5).map((issue) => issue.path.join('.') || 'event');
  return { kind: 'malformed', reason: `unexpected ${[...new Set(paths)].join(', ')}` };
}

function reasonToIgnore(message: DiscordMessage, { me }: InboundContext): string | undefined {
  if (message.author.id === me) return 'our own message';
  if (message.author.bot || message.webhook_id !== undefined) return 'sent by a bot';
  if (message.author.system) return 'sent by Discord';
  return WRITTEN.includes(message.type) ? undefined : `message of type ${message.type}`;
}

function readSender(user: DiscordUser, nick: string | null | undefined): InboundMessage['sender'] {
  return {
    id: userId(user.id),
    name: nick ?? user.global_name ?? user.username,
    username: user.username,
    bot: user.bot ?? false,
  };
}

function readReply(message: DiscordMessage, me: string): ReplyRef | undefined {
  const reference = message.message_reference;
  if (!reference?.message_id || (reference.type ?? 0) !== 0) return undefined;
  const replied = message.referenced_message;
  if (!replied) return { message: messageId(reference.message_id) };
  return {
    message: messageId(replied.id),
    text: replied.content,
    author: readAuthor(replied.author),
    mine: replied.author.id === me,
  };
}

/** Our own words are quoted as those of "you", so nobody else may be called that. */
function readAuthor(user: DiscordUser): string {
  const name = user.global_name ?? user.username;
  return name.replace(/[^\p{L}]/gu, '').toLowerCase() === 'you' ? 'somebody called you' : name;
}

function readAttachments(message: DiscordMessage): readonly AttachmentRef[] {
  const forwarded = (message.message_snapshots ?? []).map((snapshot) => snapshot.message);
  return [message, ...forwarded].flatMap((holder) => [
    ...holder.attachments.map((attachment) => readAttachment(attachment, message)),
    ...(holder.sticker_items ?? []).map(readSticker),
  ]);
}

function readAttachment(attachment: DiscordAttachment, { channel_id: channel, id }: DiscordMessage): AttachmentRef {
  const mime = attachment.content_type?.split(';', 1)[0]?.trim() || undefined;
  const seconds = attachment.duration_secs ?? undefined;
  return {
    kind: kindOf(mime, attachment),
    ref: attachmentRef(channel, id, attachment.id),
    name: attachment.filename,
    mime,
    bytes: attachment.size,
    durationMs: seconds === undefined ? undefined : Math.round(seconds * 1_000),
  };
}

function kindOf(mime: string | undefined, attachment: DiscordAttachment): AttachmentRef['kind'] {
  // Only recordings made in Discord come with a picture of their loudness.
  return attachment.waveform && mime?.startsWith('audio/') ? 'voice' : mediaKindOf(mime ?? '');
}

const STICKER_FILES: Readonly<Record<number, { extension: string; mime: string }>> = {
  1: { extension: 'png', mime: 'image/png' },
  2: { extension: 'png', mime: 'image/apng' },
  3: { extension: 'json', mime: 'application/json' },
  4: { extension: 'gif', mime: 'image/gif' },
};

function readSticker(sticker: { id: string; name: string; format_type: number }): AttachmentRef {
  const { extension, mime } = STICKER_FILES[sticker.format_type] ?? { extension: 'png', mime: 'image/png' };
  return { kind: 'sticker', ref: stickerRef(sticker.id, extension), name: sticker.name, mime };
}
