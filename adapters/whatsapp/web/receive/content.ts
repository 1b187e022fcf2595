// What a decrypted message says: text, files, what it answers. Pure; what is not understood is left out with a reason.
import type { proto } from 'baileys';
import { FORWARD_MARK, type AttachmentRef } from '../../../../shared/messages.ts';
import { describeMedia } from '../media/ref.ts';

export type ReadContent =
  | { kind: 'content'; content: Content }
  /** `id`: of the message that is edited or deleted. */
  | { kind: 'edit'; id: string; content: Content }
  | { kind: 'delete'; id: string }
  | { kind: 'ignored'; reason: string };

export interface Content {
  text: string;
  attachments: readonly AttachmentRef[];
  context: proto.IContextInfo | undefined;
  /** Same for all messages of one album. */
  album: string | undefined;
}

/** Boxes that change how a message is shown, not what it says. */
const WRAPPERS = [
  'ephemeralMessage',
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage',
  'groupMentionedMessage',
  'botInvokeMessage',
  'lottieStickerMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
] as const satisfies readonly (keyof proto.IMessage)[];
const MAX_WRAPPERS = 6;

export const VIEW_ONCE_TEXT = '[A message to be viewed once. It is shown on the phone only and was not opened here.]';

// proto.Message.ProtocolMessage.Type; the enum itself would load Baileys.
const REVOKE = 0;
const MESSAGE_EDIT = 14;

export function readContent(message: proto.IMessage): ReadContent {
  const { inner, isViewOnce } = unwrap(message);
  const protocol = inner.protocolMessage;
  if (protocol) return readProtocol(protocol);
  // Sent to be seen once: not kept, not opened.
  if (isViewOnce) return { kind: 'content', content: { ...EMPTY, text: VIEW_ONCE_TEXT, context: contextOf(inner) } };
  const content = readPlain(inner);
  if (content.text === '' && content.attachments.length === 0)
    return { kind: 'ignored', reason: `a message of type ${typeOf(inner)}` };
  const parent = message.messageContextInfo?.messageAssociation?.parentMessageKey?.id;
  const association = inner.messageContextInfo?.messageAssociation?.parentMessageKey?.id ?? parent;
  return { kind: 'content', content: { ...content, album: association ?? undefined } };
}

const EMPTY: Content = { text: '', attachments: [], context: undefined, album: undefined };

function unwrap(message: proto.IMessage): { inner: proto.IMessage; isViewOnce: boolean } {
  let inner = message;
  let isViewOnce = false;
  for (let depth = 0; depth < MAX_WRAPPERS; depth++) {
    const box = WRAPPERS.find((name) => inner[name]?.message);
    const next = box && inner[box]?.message;
    if (!next) break;
    if (box.startsWith('viewOnce')) isViewOnce = true;
    inner = next;
  }
  const media = inner.imageMessage ?? inner.videoMessage ?? inner.audioMessage;
  return { inner, isViewOnce: isViewOnce || media?.viewOnce === true };
}

function readProtocol(protocol: proto.Message.IProtocolMessage): ReadContent {
  const id = protocol.key?.id;
  if (id && protocol.type === REVOKE) return { kind: 'delete', id };
  if (id && protocol.type === MESSAGE_EDIT && protocol.editedMessage) {
    const content = readPlain(unwrap(protocol.editedMessage).inner);
    return { kind: 'edit', id, content };
  }
  return { kind: 'ignored', reason: `a protocol message of type ${protocol.type ?? 'unknown'}` };
}

function readPlain(inner: proto.IMessage): Content {
  const attachment = describeMedia(inner);
  const context = contextOf(inner);
  const text = textOf(inner);
  const isForwarded = context?.isForwarded === true || (context?.forwardingScore ?? 0) > 0;
  return {
    ...EMPTY,
    // What is forwarded, be it text or voice, speaks for somebody else, and must not be taken for a command of the sender.
    text: isForwarded && (text !== '' || attachment) ? `${FORWARD_MARK}somebody:\n${text}`.trimEnd() : text,
    attachments: attachment ? [attachment] : [],
    context,
  };
}

/** The text of a message, also of one that is quoted. */
export function textOf(message: proto.IMessage): string {
  const { inner } = unwrap(message);
  return (
    inner.conversation ??
    inner.extendedTextMessage?.text ??
    inner.imageMessage?.caption ??
    inner.videoMessage?.caption ??
    inner.documentMessage?.caption ??
    inner.buttonsResponseMessage?.selectedDisplayText ??
    inner.listResponseMessage?.title ??
    inner.templateButtonReplyMessage?.selectedDisplayText ??
    inner.interactiveResponseMessage?.body?.text ??
    describeOther(inner)
  );
}

/** Things that have no text and are no file, but that a person sends to be understood. */
function describeOther(inner: proto.IMessage): string {
  const place = inner.locationMessage ?? inner.liveLocationMessage;
  if (place) return describePlace(place, inner.locationMessage);
  if (inner.contactMessage) return `Contact: ${describeContact(inner.contactMessage)}`;
  const contacts = inner.contactsArrayMessage?.contacts;
  if (contacts) return `Contacts:\n${contacts.map((one) => `- ${describeContact(one)}`).join('\n')}`;
  const poll =
    inner.pollCreationMessage ??
    inner.pollCreationMessageV2 ??
    inner.pollCreationMessageV3 ??
    inner.pollCreationMessageV5;
  if (poll)
    return `Poll: ${poll.name ?? ''}${(poll.options ?? []).map((one) => `\n- ${one.optionName ?? ''}`).join('')}`;
  if (inner.eventMessage) return `Event: ${inner.eventMessage.name ?? ''}`;
  if (inner.groupInviteMessage) return `Invitation to the group ${inner.groupInviteMessage.groupName ?? ''}`.trimEnd();
  return '';
}

function describePlace(
  place: { degreesLatitude?: number | null; degreesLongitude?: number | null },
  named: proto.Message.ILocationMessage | null | undefined,
): string {
  const where = [named?.name, named?.address].filter(Boolean).join(', ');
  return `Location: ${place.degreesLatitude ?? 0}, ${place.degreesLongitude ?? 0}${where ? ` (${where})` : ''}`;
}

function describeContact({ displayName, vcard }: proto.Message.IContactMessage): string {
  const phones = [...(vcard ?? '').matchAll(/^(?:item\d+\.)?TEL[^:\r\n]*:([^\r\n]+)/gim)].map((match) => match[1]);
  return [displayName ?? '', ...phones].filter(Boolean).join(', ');
}

function contextOf(inner: proto.IMessage): proto.IContextInfo | undefined {
  const parts = [
    inner.extendedTextMessage,
    inner.imageMessage,
    inner.videoMessage,
    inner.ptvMessage,
    inner.audioMessage,
    inner.documentMessage,
    inner.stickerMessage,
    inner.locationMessage,
    inner.liveLocationMessage,
    inner.contactMessage,
    inner.contactsArrayMessage,
    inner.buttonsResponseMessage,
    inner.listResponseMessage,
    inner.templateButtonReplyMessage,
    inner.interactiveResponseMessage,
  ];
  return parts.find((part) => part?.contextInfo)?.contextInfo ?? undefined;
}

/** Name of the field that holds the message; never its content. */
function typeOf(inner: proto.IMessage): string {
  const keys = Object.keys(inner).filter(
    (key) => key !== 'messageContextInfo' && key !== 'senderKeyDistributionMessage',
  );
  return keys[0] ?? 'nothing';
}
