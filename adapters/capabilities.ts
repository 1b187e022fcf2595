// What a platform can do, as data. Every limit carries its source and the date read, in the platform's own file.
import type { MediaKind } from '../shared/messages.ts';
import type { TextUnit } from '../shared/text.ts';

/**
 * full: as asked · partial: with losses that the reader will not miss · fallback: shown another way (text instead of
 * buttons) · dropped: left out silently · rejected: the platform refuses the whole message.
 */
export type Support = 'full' | 'partial' | 'fallback' | 'dropped' | 'rejected';

export interface MediaSupport {
  support: Support;
  maxBytes: number;
  /** Longest caption in the unit of `text`; 0 = no caption. */
  maxCaption: number;
  /** Accepted types, `image/*` style allowed; empty = any. */
  mime: readonly string[];
}

export interface Capabilities {
  text: { max: number; unit: TextUnit };
  media: Record<MediaKind, MediaSupport>;
  threads: Support;
  replies: Support;
  reactions: Support;
  buttons: Support;
  edits: { support: Support; minIntervalMs: number; maxAgeMs: number };
  /** `ttlMs`: how long one typing call shows. */
  typing: { support: Support; ttlMs: number };
  /**
   * Previews that vanish by themselves (never part of the chat's history), such as Telegram's drafts. Where 'full', streaming uses
   * `Adapter.draft` and the answer itself is sent once, at the end.
   */
  drafts: { support: Support; minIntervalMs: number };
  /** What makes a repeated send safe. by-key: the platform refuses or ignores a second send with the same key. */
  sendDedupe: 'by-key' | 'read-back' | 'none';
  /** How messages sent while we were down are fetched. */
  backfill: 'server-queue' | 'history' | 'none';
  /** One or two short sentences for the prompt: where the answer is read and what can be shown there. */
  promptHint: string;
}

/** A channel that carries texts and nothing about them. Platforms say what they have besides. */
export const TEXT_ONLY = {
  threads: 'dropped',
  replies: 'dropped',
  reactions: 'dropped',
  buttons: 'fallback',
  edits: { support: 'dropped', minIntervalMs: 0, maxAgeMs: 0 },
  typing: { support: 'dropped', ttlMs: 0 },
  drafts: { support: 'dropped', minIntervalMs: 0 },
} as const satisfies Partial<Capabilities>;

/** The same for every kind of file. */
export function everyKind(media: MediaSupport): Capabilities['media'] {
  return { image: media, audio: media, voice: media, video: media, document: media, sticker: media };
}
