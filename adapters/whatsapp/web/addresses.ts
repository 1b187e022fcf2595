// WhatsApp's addresses: 15550002222:3@s.whatsapp.net is device 3 of a phone number, 111222@lid somebody whose number is hidden.
import { chatId, type ChatId } from '../../../shared/ids.ts';
import type { PersonAddress } from '../identity.ts';

export interface Jid {
  user: string;
  server: string;
}

export function parseJid(jid: string | null | undefined): Jid | undefined {
  const match = /^([^@]*)@(.+)$/.exec(jid ?? '');
  const [, name, server] = match ?? [];
  if (name === undefined || server === undefined) return undefined;
  return { user: name.replace(/[_:].*$/, ''), server };
}

/** The same address without its device. */
export function withoutDevice(jid: string): string {
  const parsed = parseJid(jid);
  return parsed ? `${parsed.user}@${parsed.server}` : jid;
}

/** The person behind one or two addresses; undefined when none is a person's. */
export function personOf(...jids: readonly (string | null | undefined)[]): PersonAddress | undefined {
  const person: PersonAddress = {};
  for (const jid of jids) {
    const parsed = parseJid(jid);
    if (parsed?.server === 's.whatsapp.net' || parsed?.server === 'hosted') person.phone ??= parsed.user;
    if (parsed?.server === 'lid' || parsed?.server === 'hosted.lid') person.alias ??= `${parsed.user}@lid`;
  }
  return person.phone === undefined && person.alias === undefined ? undefined : person;
}

export function isGroup(jid: string | null | undefined): boolean {
  return parseJid(jid)?.server === 'g.us';
}

/** Meta's own assistants: numbers that WhatsApp keeps for them, and addresses of a server of their own. */
export function isBot(jid: string | null | undefined): boolean {
  const parsed = parseJid(jid);
  return parsed?.server === 'bot' || /^(?:1313555\d{4}|131655500\d{2})$/.test(parsed?.user ?? '');
}

/** Where to send to a chat: the ids of chats are addresses, but for people known by number, whose id is the number alone. */
export function jidOfChat(chat: string): string {
  return /^\d+$/.test(chat) ? `${chat}@s.whatsapp.net` : chat;
}

export function groupChat(jid: string): ChatId {
  return chatId(withoutDevice(jid));
}

/** Ourselves. */
export interface Me {
  phone: string;
  /** `123@lid`. */
  alias: string | undefined;
}

export function isMe(jid: string | null | undefined, me: Me): boolean {
  const person = personOf(jid);
  return (
    person !== undefined && (person.phone === me.phone || (person.alias !== undefined && person.alias === me.alias))
  );
}
