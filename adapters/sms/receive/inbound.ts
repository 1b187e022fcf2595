// A message as Twilio tells it, by webhook or in a list → InboundMessage, or the reason why it is left out. Pure.
import { z } from 'zod';
import type { InboundMessage } from '../../contract.ts';
import { chatId, messageId, userId, type AccountId } from '../../../shared/ids.ts';
import type { AttachmentRef } from '../../../shared/messages.ts';
import { NUMBER_PATTERN, type SmsSettings } from '../settings.ts';
import { mediaKindOf } from '../../transport/files.ts';

const MAX_MEDIA = 10;
const MESSAGE_SID = /^(?:SM|MM)[0-9a-fA-F]{32}$/;
const MEDIA_SID = /^ME[0-9a-fA-F]{32}$/;

/** An incoming message in either form. */
export interface Sms {
  sid: string;
  from: string;
  to: string;
  body: string;
  /** Undefined: Twilio did not say one. */
  service: string | undefined;
  /** Milliseconds since the epoch. */
  sentAt: number;
  media: readonly { sid: string; mime: string }[];
  /** STOP, START or HELP, which Twilio has answered itself. */
  optOut: string | undefined;
}

export type InboundResult = { kind: 'message'; message: InboundMessage } | { kind: 'ignored'; reason: string };

const ignored = (reason: string): InboundResult => ({ kind: 'ignored', reason });

/** Words that carriers forward, but to which Twilio lets no answer out: https://help.twilio.com/articles/223134027, read 2026-11-21. */
const STOP_WORDS = /^\s*(?:stop|stopall|unsubscribe)\s*$/i;

export function readSms(sms: Sms, context: { account: AccountId; settings: SmsSettings }): InboundResult {
  const { from, messaging_service_sid: service } = context.settings;
  if (sms.from === from) return ignored('our own message');
  // Short codes and names are services, which read no answers.
  if (!NUMBER_PATTERN.test(sms.from)) return ignored('sent by a service');
  if (from === undefined ? sms.service !== service : sms.to !== from) return ignored('for another number');
  if (sms.optOut !== undefined || STOP_WORDS.test(sms.body))
    return ignored('opt-out word, which Twilio answers itself');
  if (sms.body === '' && sms.media.length === 0) return ignored('nothing to read');
  return {
    kind: 'message',
    message: {
      kind: 'message',
      account: context.account,
      chat: chatId(sms.from),
      chatKind: 'dm',
      id: messageId(sms.sid),
      revision: '',
      sender: { id: userId(sms.from), name: sms.from, bot: false },
      sentAt: sms.sentAt,
      text: sms.body,
      attachments: sms.media.map(({ sid, mime }): AttachmentRef => ({
        kind: mediaKindOf(mime),
        ref: `${sms.sid}/${sid}`,
        mime,
      })),
      addressed: true,
    },
  };
}

/** The path of an attachment; undefined: the ref is none of ours. */
export function mediaPath(ref: string): string | undefined {
  const [message = '', media = '', ...rest] = ref.split('/');
  if (rest.length > 0 || !MESSAGE_SID.test(message) || !MEDIA_SID.test(media)) return undefined;
  return `/Messages/${message}/Media/${media}`;
}

/**
 * Fields of a webhook (https://www.twilio.com/docs/messaging/guides/webhook-request, read 2026-11-21), which say no time. Undefined: it
 * is no message.
 */
export function readWebhook(fields: URLSearchParams, now: number): Sms | undefined {
  const sid = fields.get('MessageSid') ?? fields.get('SmsSid') ?? '';
  const from = fields.get('From');
  if (!MESSAGE_SID.test(sid) || !from) return undefined;
  const count = Math.min(Number(fields.get('NumMedia')) || 0, MAX_MEDIA);
  const media = Array.from({ length: count }, (_, i) => ({
    // Of the address only the id is used: what is fetched is always a path of the API.
    sid: /\/Media\/(ME[0-9a-fA-F]{32})$/.exec(fields.get(`MediaUrl${i}`) ?? '')?.[1] ?? '',
    mime: fields.get(`MediaContentType${i}`) ?? 'application/octet-stream',
  }));
  return {
    sid,
    from,
    to: fields.get('To') ?? '',
    body: fields.get('Body') ?? '',
    service: fields.get('MessagingServiceSid') || undefined,
    sentAt: now,
    media: media.filter((one) => one.sid !== ''),
    optOut: fields.get('OptOutType') ?? undefined,
  };
}

const text = z.string().nullish();
const listedSchema = z.looseObject({
  sid: z.string().regex(MESSAGE_SID),
  direction: z.string(),
  // A message that waits in a Messaging Service has no sender yet.
  from: text,
  to: text,
  body: text,
  messaging_service_sid: text,
  date_sent: text,
  date_created: text,
  num_media: text,
  status: text,
});

/** One entry of GET /Messages.json. */
export interface ListedSms extends Omit<Sms, 'media'> {
  isInbound: boolean;
  mediaCount: number;
}

const pageSchema = z.looseObject({ messages: z.array(z.unknown()), next_page_uri: z.string().nullish() });

/** A page of the list, newest first. Entries that cannot be read are left out. Throws when it is no page. */
export function readPage(answer: unknown): { messages: readonly ListedSms[]; next: string | undefined } {
  const page = pageSchema.parse(answer);
  return {
    messages: page.messages.flatMap((entry) => {
      const parsed = listedSchema.safeParse(entry);
      return parsed.success ? [readListed(parsed.data)] : [];
    }),
    next: page.next_page_uri ?? undefined,
  };
}

function readListed(entry: z.output<typeof listedSchema>): ListedSms {
  return {
    sid: entry.sid,
    from: entry.from ?? '',
    to: entry.to ?? '',
    body: entry.body ?? '',
    service: entry.messaging_service_sid || undefined,
    // "RFC 2822"; of a message that waits there is only the time at which it was made.
    sentAt: Date.parse(entry.date_sent ?? '') || Date.parse(entry.date_created ?? '') || 0,
    optOut: undefined,
    isInbound: entry.direction === 'inbound',
    mediaCount: Number(entry.num_media) || 0,
  };
}

const mediaListSchema = z.looseObject({
  media_list: z.array(z.looseObject({ sid: z.string().regex(MEDIA_SID), content_type: z.string() })),
});

/** Answer of GET /Messages/…/Media.json. */
export function readMediaList(answer: unknown): Sms['media'] {
  return mediaListSchema
    .parse(answer)
    .media_list.slice(0, MAX_MEDIA)
    .map(({ sid, content_type: mime }) => ({ sid, mime }));
}
