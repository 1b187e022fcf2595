// A message of the webhook → InboundMessage, or the reason why it is left out. Pure; who the sender is to us is looked up in between.
import type { InboundMessage } from '../../contract.ts';
import { messageId, type AccountId, type ChatId, type UserId } from '../../../shared/ids.ts';
import { FORWARD_MARK, type AttachmentRef, type ReplyRef } from '../../../shared/messages.ts';
import type { PersonAddress } from '../identity.ts';
import type { RecentMessage } from '../recent.ts';
import { digitsOf } from '../settings.ts';
import type { CloudContact, CloudContent, CloudMessage } from './webhook-schema.ts';

export interface Sender {
  address: PersonAddress;
  name: string | undefined;
  username: string | undefined;
}

/** Undefined: nobody is named. */
export function readSender(message: CloudMessage, contacts: readonly CloudContact[]): Sender | undefined {
  const { from, from_user_id: alias } = message;
  const contact =
    contacts.find(
      ({ wa_id: phone, user_id: id }) =>
        (from !== undefined && phone === from) || (alias !== undefined && id === alias),
    ) ?? (contacts.length === 1 ? contacts[0] : undefined);
  const phone = digitsOf(from ?? contact?.wa_id ?? '');
  const address: PersonAddress = {
    phone: /^\d+$/.test(phone) ? phone : undefined,
    alias: alias ?? contact?.user_id,
  };
  if (address.phone === undefined && address.alias === undefined) return undefined;
  return { address, name: contact?.profile?.name, username: contact?.profile?.username };
}

/** Why a message is none that a person wrote to us; undefined: it is one. */
export function reasonToIgnore(message: CloudMessage, own: string): string | undefined {
  if (message.group_id !== undefined) return 'a group of the Cloud API';
  if (message.from !== undefined && digitsOf(message.from) === own) return 'our own message';
  if (message.type === 'reaction') return 'a reaction';
  if (message.edit ?? message.revoke ?? choiceOf(message)) return undefined;
  const { text, attachments } = readContent(message);
  return text === '' && attachments.length === 0 ? `a message of type ${message.type}` : undefined;
}

export interface InboundContext {
  account: AccountId;
  sender: UserId;
  chat: ChatId;
  /** Digits of our own number. */
  own: string;
  /** The message that is answered, when it is known. */
  quoted: RecentMessage | undefined;
}

export function makeInbound(message: CloudMessage, sender: Sender, context: InboundContext): InboundMessage {
  const base = {
    account: context.account,
    chat: context.chat,
    chatKind: 'dm' as const,
    id: messageId(message.id),
    revision: '',
    sender: { id: context.sender, name: sender.name, username: sender.username, bot: false },
    sentAt: Number(message.timestamp) * 1_000,
    text: '',
    attachments: [],
    addressed: true,
  };
  const choice = choiceOf(message);
  if (choice) {
    const pressed = { data: choice.id, message: messageId(message.context?.id ?? '') };
    return { ...base, kind: 'button', button: pressed };
  }
  if (message.revoke) return { ...base, kind: 'delete', id: messageId(message.revoke.original_message_id) };
  if (message.edit) {
    const id = messageId(message.edit.original_message_id);
    // Each edit is a message with an id of its own.
    return { ...base, ...readContent(message.edit.message), kind: 'edit', id, revision: message.id };
  }
  const { text, attachments } = readContent(message);
  const isForwarded = message.context?.forwarded === true || message.context?.frequently_forwarded === true;
  return {
    ...base,
    kind: 'message',
    // What is forwarded, be it text or voice, speaks for somebody else, and must not be taken for a command of the sender.
    text: isForwarded && (text !== '' || attachments.length > 0) ? `${FORWARD_MARK}somebody:\n${text}`.trimEnd() : text,
    attachments,
    replyTo: readReply(message, context),
  };
}

function choiceOf({ interactive }: CloudMessage): { id: string } | undefined {
  return interactive?.button_reply ?? interactive?.list_reply;
}

function readReply({ context: quote }: CloudMessage, context: InboundContext): ReplyRef | undefined {
  if (!quote?.id) return undefined;
  return {
    message: messageId(quote.id),
    text: context.quoted?.text,
    author: context.quoted?.name,
    mine: quote.from === undefined ? context.quoted?.author === '' : digitsOf(quote.from) === context.own,
  };
}

function readContent(message: CloudContent): { text: string; attachments: readonly AttachmentRef[] } {
  return { text: textOf(message), attachments: attachmentsOf(message) };
}

function textOf(message: CloudContent): string {
  const { text, button, image, video, document } = message;
  return text?.body ?? button?.text ?? image?.caption ?? video?.caption ?? document?.caption ?? describeOther(message);
}

/** Things that have no text and are no file, but that a person sends to be understood. */
function describeOther({ location, contacts }: CloudContent): string {
  if (location) {
    const where = [location.name, location.address].filter(Boolean).join(', ');
    return `Location: ${location.latitude}, ${location.longitude}${where ? ` (${where})` : ''}`;
  }
  const people = (contacts ?? []).map(({ name, phones }) =>
    [name?.formatted_name, ...(phones ?? []).map(({ phone }) => phone)].filter(Boolean).join(', '),
  );
  if (people.length === 0) return '';
  return people.length === 1 ? `Contact: ${people[0]}` : `Contacts:\n${people.map((one) => `- ${one}`).join('\n')}`;
}

function attachmentsOf({ image, video, audio, document, sticker }: CloudContent): AttachmentRef[] {
  const found = [
    ['image', image],
    ['video', video],
    [audio?.voice ? 'voice' : 'audio', audio],
    ['document', document],
    ['sticker', sticker],
  ] as const;
  return found.flatMap(([kind, file]): AttachmentRef[] =>
    file ? [{ kind, ref: file.id, name: file.filename, mime: file.mime_type?.split(';')[0]?.trim() }] : [],
  );
}
