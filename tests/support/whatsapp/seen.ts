// What readers see in their apps: messages once per id, edits and reactions where they belong.
import { normalizeMessageContent, type proto } from 'baileys';

export interface SeenEntry {
  id: string;
  /** As it was sent, with WhatsApp's marks. */
  raw: string;
  message: proto.IMessage;
  replyTo: string | undefined;
  reactions: string[];
  isEdited: boolean;
  /** How often it came. */
  deliveries: number;
}

export class SeenMessages {
  readonly #chats = new Map<string, SeenEntry[]>();

  of(chat: string): SeenEntry[] {
    const entries = this.#chats.get(chat) ?? [];
    this.#chats.set(chat, entries);
    return entries;
  }

  add(chat: string, id: string, sent: proto.IMessage): void {
    const message = normalizeMessageContent(sent) ?? {};
    const entries = this.of(chat);
    const { protocolMessage, reactionMessage } = message;
    if (reactionMessage) {
      const target = entries.find((entry) => entry.id === reactionMessage.key?.id);
      if (target) target.reactions = reactionMessage.text ? [reactionMessage.text] : [];
      return;
    }
    if (protocolMessage) {
      const target = entries.find((entry) => entry.id === protocolMessage.key?.id);
      if (!target || !protocolMessage.editedMessage) return;
      target.message = protocolMessage.editedMessage;
      target.raw = textOf(protocolMessage.editedMessage);
      target.isEdited = true;
      return;
    }
    const known = entries.find((entry) => entry.id === id);
    if (known) {
      known.deliveries++;
      return;
    }
    const replyTo = contextOf(message)?.stanzaId ?? undefined;
    entries.push({ id, raw: textOf(message), message, replyTo, reactions: [], isEdited: false, deliveries: 1 });
  }
}

export function textOf(message: proto.IMessage): string {
  return (
    message.conversation ??
    message.extendedTextMessage?.text ??
    message.imageMessage?.caption ??
    message.videoMessage?.caption ??
    message.documentMessage?.caption ??
    ''
  );
}

export function contextOf(message: proto.IMessage): proto.IContextInfo | null | undefined {
  const { extendedTextMessage, imageMessage, videoMessage, audioMessage, documentMessage, stickerMessage } = message;
  return (extendedTextMessage ?? imageMessage ?? videoMessage ?? audioMessage ?? documentMessage ?? stickerMessage)
    ?.contextInfo;
}

/** The text as the apps show it, https://faq.whatsapp.com/539178204879377, read 2026-11-21. */
export function stripMarks(raw: string): string {
  const blocks = raw.split(/```\n?([\s\S]*?)\n?```/);
  return blocks.map((part, i) => (i % 2 === 1 ? part : stripInline(part))).join('');
}

function stripInline(text: string): string {
  let out = text.replace(/`([^`\n]+)`/g, '$1');
  for (let pass = 0; pass < 3; pass++)
    for (const mark of ['\\*', '_', '~'])
      out = out.replace(
        new RegExp(`(?<![\\p{L}\\p{N}])${mark}(?=\\S)([^\\n]*?\\S|\\S)${mark}(?![\\p{L}\\p{N}])`, 'gu'),
        '$1',
      );
  return out;
}
