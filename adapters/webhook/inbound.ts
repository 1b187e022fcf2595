// A posted event as a message. The secret vouches for the program; whom it speaks for, it says itself.
import { z } from 'zod';
import { chatId, messageId, threadId, userId, type AccountId } from '../../shared/ids.ts';
import { MEDIA_KINDS, type AttachmentRef } from '../../shared/messages.ts';
import type { InboundMessage } from '../contract.ts';

const id = z.string().min(1).max(256);

export const eventSchema = z.looseObject({
  kind: z.enum(['message', 'edit', 'delete', 'button']).default('message'),
  /** Unique in its chat, and the same whenever the event is repeated. */
  id,
  /** Tells an edit from the next one. */
  revision: z.string().max(256).default(''),
  user: id,
  name: z.string().max(256).optional(),
  bot: z.boolean().default(false),
  /** Default: the direct chat with the user. */
  chat: id.optional(),
  group: z.boolean().default(false),
  title: z.string().max(256).optional(),
  thread: id.optional(),
  text: z.string().max(1_000_000).default(''),
  /** In a group: whether the text names us. */
  addressed: z.boolean().default(false),
  sentAt: z.int().min(0).optional(),
  replyTo: z
    .looseObject({ id, text: z.string().optional(), author: z.string().optional(), mine: z.boolean().optional() })
    .optional(),
  button: z.looseObject({ data: z.string().min(1).max(256), message: id }).optional(),
  files: z
    .array(
      z.looseObject({
        name: z.string().min(1).max(256),
        mime: z.string().max(128).default('application/octet-stream'),
        kind: z.enum(MEDIA_KINDS).default('document'),
        base64: z.base64(),
      }),
    )
    .max(20)
    .default([]),
});

export type WebhookEvent = z.output<typeof eventSchema>;

export function toInbound(
  event: WebhookEvent,
  context: { account: AccountId; now: number; attachments: readonly AttachmentRef[] },
): InboundMessage {
  const { replyTo, button } = event;
  return {
    kind: event.kind,
    account: context.account,
    chat: chatId(event.chat ?? event.user),
    chatKind: event.group ? 'group' : 'dm',
    chatTitle: event.title,
    thread: event.thread === undefined ? undefined : threadId(event.thread),
    id: messageId(event.id),
    revision: event.revision,
    sender: { id: userId(event.user), name: event.name, bot: event.bot },
    sentAt: event.sentAt ?? context.now,
    text: event.text,
    attachments: context.attachments,
    replyTo: replyTo && {
      message: messageId(replyTo.id),
      text: replyTo.text,
      author: replyTo.author,
      mine: replyTo.mine,
    },
    addressed: !event.group || event.addressed || replyTo?.mine === true,
    button: button && { data: button.data, message: messageId(button.message) },
  };
}
