// Words that adapters, gateway and data share about messages and where they go.
import type { AccountId, ChatId, MessageId, ThreadId } from './ids.ts';

export type ChatKind = 'dm' | 'group';

/** Where a message came from or goes to. */
export interface Address {
  /** Platform id as in its manifest. The core compares and stores it, and never names one. */
  platform: string;
  account: AccountId;
  chat: ChatId;
  kind: ChatKind;
  thread?: ThreadId | undefined;
}

/** One string per address, for maps and per-chat order. */
export function addressKey(at: Address): string {
  return [at.platform, at.account, at.chat, at.thread ?? ''].join('\u001f');
}

export const MEDIA_KINDS = ['image', 'audio', 'voice', 'video', 'document', 'sticker'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** A file on the platform, not yet fetched. `ref` is opaque to all but the adapter. */
export interface AttachmentRef {
  kind: MediaKind;
  ref: string;
  name?: string | undefined;
  mime?: string | undefined;
  /** As the platform announces it; not to be trusted for limits. */
  bytes?: number | undefined;
  durationMs?: number | undefined;
}

/** A file of ours, on disk. */
export interface StoredFile {
  kind: MediaKind;
  /** Absolute path under $HERALD_HOME. */
  path: string;
  name: string;
  mime: string;
  bytes: number;
}

export interface Button {
  label: string;
  /** What comes back as `InboundMessage.button`; at most 64 bytes (Telegram's callback_data, the smallest of all). */
  data: string;
}

export interface ReplyRef {
  message: MessageId;
  /** Text of the message replied to, as the platform gave it. */
  text?: string | undefined;
  author?: string | undefined;
  /** True when the message replied to is ours. */
  mine?: boolean | undefined;
}

/** What the text of a forwarded message begins with, whatever else is in it; a name and a colon follow. Adapters put it there. */
export const FORWARD_MARK = 'Forwarded from ';

/** Who a piece of text speaks for. Only `owner` and `member` text carries authority. */
export type Origin = 'owner' | 'member' | 'agent' | 'foreign';

export type Role = 'owner' | 'admin' | 'member' | 'guest';

export type QueueMode = 'queue' | 'steer' | 'collect' | 'interrupt';
