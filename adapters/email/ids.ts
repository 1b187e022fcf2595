// Ids of messages and threads. Outgoing mails are named by their Message-ID; incoming ones by that and who sent them, since anybody
// can send a mail with a Message-ID that somebody else's mail has.
import { sha256Hex } from '../../shared/digest.ts';
import { messageId, threadId, type MessageId, type ThreadId } from '../../shared/ids.ts';
import { domainOf, hashAddress } from './addresses.ts';

/** Longer ones are not kept; RFC 5322 allows lines of 998 characters. */
const MAX_ID_CHARS = 400;
/** No conversation needs more; a mail with thousands is an attack. */
const MAX_IDS = 100;

/** Message-IDs of a header, in order, with their angle brackets. */
export function readMessageIds(value: string | undefined): readonly string[] {
  const found = (value ?? '').slice(0, 50_000).match(/<[^<>\s]+>/g) ?? [];
  const usable = [...new Set(found)].filter((id) => id.length <= MAX_ID_CHARS && isPrintable(id));
  // The first is the root of the conversation, the last ones are what is answered.
  return usable.length <= MAX_IDS ? usable : [...usable.slice(0, 1), ...usable.slice(1 - MAX_IDS)];
}

function isPrintable(id: string): boolean {
  return /^[\x21-\x7e]+$/.test(id);
}

/** The Message-ID of an outgoing part: the same for every attempt at it. */
export function ownMessageId(key: string, ownAddress: string): string {
  const hash = sha256Hex(`${ownAddress}\n${key}`, 32);
  return `<herald.${hash}@${domainOf(ownAddress)}>`;
}

/** Whether a mail of ours has this Message-ID. Anybody can make one up; it proves nothing. */
export function looksOwn(id: string, ownAddress: string): boolean {
  return id.endsWith(`@${domainOf(ownAddress)}>`) && /^<herald\.[0-9a-f]{32}@/.test(id);
}

/** Id of a mail that `sender` sent. `raw` stands for a Message-ID where there is none: the same bytes give the same id. */
export function inboundId(id: string | undefined, sender: string, raw: Uint8Array): MessageId {
  const name = id ?? `<none.${sha256Hex(raw, 40)}>`;
  return messageId(`${name}#${hashAddress(sender)}`);
}

/** The Message-ID inside an id of ours, of either direction; undefined when the mail had none. */
export function headerIdOf(id: string): string | undefined {
  const name = /^(<[^<>\s]+>)(?:#[0-9a-f]{12})?$/.exec(id)?.[1];
  return name === undefined || name.startsWith('<none.') ? undefined : name;
}

/** A thread is called like the mail that began it. */
export function threadOf(root: string): ThreadId {
  return threadId(root);
}
