// Messages of people: the event herald_message, which scripts and sentence triggers of Home Assistant fire, and answers to notifications
// of ours in the companion app. Pure. docs/adapters/homeassistant.md has the scripts.
import { z } from 'zod';
import type { AccountId } from '../../../shared/ids.ts';
import { messageId } from '../../../shared/ids.ts';
import { idsOf, readAction, type Party } from '../addresses.ts';
import type { InboundMessage } from '../../contract.ts';
import { USER_ID } from '../settings.ts';
import { contextOf, eventId, eventTime, type HomeEvent } from './event-schema.ts';

export const MESSAGE_EVENT = 'herald_message';
/** https://companion.home-assistant.io/docs/notifications/actionable-notifications, read 2026-11-21. */
export const ACTION_EVENT = 'mobile_app_notification_action';

/** What the answer needs to know of the message. */
export interface Exchange {
  /** Home Assistant's id of the conversation (Assist). */
  conversation: string | undefined;
  /** The script shows the answer by itself: no notification. */
  isQuiet: boolean;
  at: number;
}

export type Reading =
  | { kind: 'message'; message: InboundMessage; exchange?: Exchange | undefined }
  | { kind: 'ignored'; reason: string };

export interface ReadingContext {
  account: AccountId;
  now: number;
  /** Name of a user, when it is known. */
  nameOf(user: string): string | undefined;
}

const messageData = z.looseObject({
  text: z.string(),
  user_id: z.string().nullish(),
  device_id: z.string().nullish(),
  conversation_id: z.string().max(200).nullish(),
  notify: z.boolean().optional(),
});

const actionData = z.looseObject({ action: z.string().max(1_000), reply_text: z.string().nullish() });

export function readMessageEvent(event: HomeEvent, context: ReadingContext): Reading {
  const data = messageData.safeParse(event.data);
  if (!data.success) return { kind: 'ignored', reason: 'its data has no text' };
  if (data.data.text.trim() === '') return { kind: 'ignored', reason: 'its text is empty' };
  const party = senderOf(event, data.data);
  if (!party) return { kind: 'ignored', reason: 'nobody vouches for its sender' };
  const message = makeMessage(event, party, context);
  return {
    kind: 'message',
    message: { ...message, text: data.data.text },
    exchange: {
      conversation: data.data.conversation_id ?? undefined,
      isQuiet: data.data.notify === false,
      at: message.sentAt,
    },
  };
}

/**
 * Home Assistant itself writes the user into the context of all that a logged-in person does. An automation has no user of its own; what
 * it says of the user or device (of the sentence that triggered it) counts, since only who may write automations can have it fire this
 * event. Events from other systems (REMOTE) without a user can be anybody's.
 */
function senderOf(
  event: HomeEvent,
  data: z.output<typeof messageData>,
): Extract<Party, { kind: 'user' | 'device' }> | undefined {
  const { userId: user } = contextOf(event.context);
  if (user !== undefined) return USER_ID.test(user) ? { kind: 'user', id: user } : undefined;
  if (event.origin !== 'LOCAL') return undefined;
  if (data.user_id && USER_ID.test(data.user_id)) return { kind: 'user', id: data.user_id };
  return data.device_id && USER_ID.test(data.device_id) ? { kind: 'device', id: data.device_id } : undefined;
}

/** The chat is always the sender's own: an action's text could name any other. */
export function readActionEvent(event: HomeEvent, context: ReadingContext): Reading {
  const data = actionData.safeParse(event.data);
  const action = data.success ? readAction(data.data.action) : undefined;
  if (!data.success || !action) return { kind: 'ignored', reason: 'an action of another program' };
  const { userId: user } = contextOf(event.context);
  if (user === undefined || !USER_ID.test(user)) return { kind: 'ignored', reason: 'nobody vouches for its sender' };
  const message = makeMessage(event, { kind: 'user', id: user }, context);
  if (action.kind === 'press')
    return {
      kind: 'message',
      message: { ...message, kind: 'button', button: { data: action.data, message: action.message } },
    };
  const text = data.data.reply_text ?? '';
  if (text.trim() === '') return { kind: 'ignored', reason: 'an empty reply' };
  return { kind: 'message', message: { ...message, text, replyTo: { message: action.message, mine: true } } };
}

function makeMessage(
  event: HomeEvent,
  party: Extract<Party, { kind: 'user' | 'device' }>,
  { account, now, nameOf }: ReadingContext,
): InboundMessage {
  const { user, chat } = idsOf(party);
  const name = party.kind === 'user' ? nameOf(party.id) : 'voice device';
  return {
    kind: 'message',
    account,
    chat,
    chatKind: 'dm',
    id: messageId(eventId(event)),
    revision: '',
    sender: { id: user, name: name ?? 'somebody at home', bot: false },
    sentAt: eventTime(event, now),
    text: '',
    attachments: [],
    addressed: true,
  };
}
