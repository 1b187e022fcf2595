// Chats and senders: people by their user id, voice devices without a user by their device id, and one chat for what devices tell.
import type { ChatId, MessageId, UserId } from '../../shared/ids.ts';
import { chatId, messageId, userId } from '../../shared/ids.ts';
import { USER_ID } from './settings.ts';

/**
 * Who sends what watched devices led to. Ids of people have another form and are checked before they are used, so nobody else can be
 * this sender.
 */
export const EVENTS_USER = userId('events');
export const EVENTS_CHAT = chatId('events');

const DEVICE = /^device:[0-9a-f]{32}$/;

export type Party = { kind: 'user'; id: string } | { kind: 'device'; id: string } | { kind: 'events' };

/** Undefined for what is no id of ours. */
export function readParty(id: string): Party | undefined {
  if (id === EVENTS_USER) return { kind: 'events' };
  if (USER_ID.test(id)) return { kind: 'user', id };
  return DEVICE.test(id) ? { kind: 'device', id: id.slice('device:'.length) } : undefined;
}

export function idsOf(party: { kind: 'user' | 'device'; id: string }): { user: UserId; chat: ChatId } {
  const id = party.kind === 'user' ? party.id : `device:${party.id}`;
  return { user: userId(id), chat: chatId(id) };
}

/** The id of the notification that shows the message with this key: the same key is the same notification. */
export function notificationId(key: string): MessageId {
  return messageId(`herald_${key}`);
}

/** What a button of a notification sends back, as `action` of the event mobile_app_notification_action. */
export type Action = { kind: 'press'; message: MessageId; data: string } | { kind: 'reply'; message: MessageId };

export function writeAction(action: Action): string {
  return action.kind === 'press' ? `herald press ${action.message} ${action.data}` : `herald reply ${action.message}`;
}

/** Undefined for actions of other programs. */
export function readAction(text: string): Action | undefined {
  const press = /^herald press (herald_\S+) (.+)$/s.exec(text);
  if (press?.[1] && press[2]) return { kind: 'press', message: messageId(press[1]), data: press[2] };
  const reply = /^herald reply (herald_\S+)$/.exec(text);
  return reply?.[1] ? { kind: 'reply', message: messageId(reply[1]) } : undefined;
}
