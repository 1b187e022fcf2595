// What our own chat clients (page and terminal) and their adapters say to each other: JSON over HTTP, events over SSE.
// A line of the chat is identified by `message` when it has one, else by `key`; a client replaces the line it already has.
import { z } from 'zod';
import type { Button, MediaKind } from '../../shared/messages.ts';
import type { TimelineEntry } from '../contract.ts';
import type { Block } from '../markdown.ts';

/** A file that the client can fetch at files/<id>, or attach to a message by `id`. The id opens in its own chat only. */
export interface ChatFile {
  id: string;
  kind: MediaKind;
  name: string;
  mime: string;
  bytes: number;
}

/** Event `entry`: one line of the chat. */
export interface ChatEntry {
  key: string;
  /** Platform of another chat of the person in which it was said. */
  via?: string | undefined;
  /** Of a line from the person: the id that their client chose. */
  message?: string | undefined;
  direction: TimelineEntry['direction'];
  kind: TimelineEntry['kind'];
  /** Milliseconds since the epoch. */
  at: number;
  /** What the person wrote; '' on lines of ours. */
  text: string;
  /** Lines of ours, for clients that lay out themselves. */
  body?: readonly Block[] | undefined;
  /** Lines of ours, laid out and escaped, for the page. */
  html?: string | undefined;
  files: readonly ChatFile[];
  buttons: readonly (readonly Button[])[];
  /** The `message` that this line answers, where the core said so. */
  replyTo?: string | undefined;
}

/** Event `draft`: the whole preview so far. It goes with `draft-end` {key}, or when it is not renewed for 2 minutes. */
export interface ChatDraft {
  key: string;
  text: string;
  html?: string | undefined;
  tools: readonly string[];
}

/** Event `typing`: show it for `ttlMs`. */
export interface ChatTyping {
  ttlMs: number;
}

/** Event `state`: follows the entries sent on connect, and comes again when something in it changes. */
export interface ChatState {
  /** True when the entries continue what this client saw; false when they are the latest of the chat. */
  resumed: boolean;
  /** Whether GET timeline has lines older than the ones just sent. */
  more: boolean;
  commands: readonly { name: string; description: string }[];
  maxTextChars: number;
  maxUploadBytes: number;
}

/** Answer to GET timeline?before=<key>&limit=<1..100>; oldest first. */
export interface ChatTimeline {
  entries: readonly ChatEntry[];
  more: boolean;
}

/** Answer (202) to POST messages and POST buttons: it is on disk. */
export interface ChatReceipt {
  id: string;
  state: 'new' | 'duplicate';
}

const clientId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);
const fileId = z.string().min(1).max(4096);

/** Body of POST messages. `id` is chosen by the client and is the same on every attempt at one message. */
export const messagePost = z.strictObject({
  id: clientId,
  text: z.string().default(''),
  files: z.array(fileId).max(10).default([]),
  replyTo: z.string().min(1).max(128).optional(),
});

/** Body of POST buttons: a press of the button with `data` on the line with key `message`. */
export const buttonPost = z.strictObject({
  id: clientId,
  data: z.string().min(1).max(256),
  message: z.string().min(1).max(128),
});
